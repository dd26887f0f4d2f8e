from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]


def head(source: str, module: str = "Detect") -> str:
    return config(V8, {20: f"[{source}, 1, {module}, [nc]]"})


RIGHT = [
    config(V8),
    config(V5),
    config(V7),
    head("[19]"),
    head("[13, 19]"),
    head("[13, 16, 19, 13, 16, 19]", "DualDDetect"),
    head("[13, 16, 19, 10, 7]", "Panoptic"),
    head("[13, 13, 13]", "Merge"),
    config(V8, {16: "[-1, 1, PatchMerging, [256]]"}),
    config(V8, {20: "[-1, 1, Classify, [nc]]"}),
]
WRONG = [
    (head("[13, 16, 16]"), 15, "error"),
    (head("[13, 19, 16]"), 11, "error"),
    (head("[16, 13, 19]"), 7, "error"),
    (head("[13, 13]"), 7, "error"),
    (head("[13, 16, 16]", "Detect_LSCD"), None, ""),
    (head("[13, 16, 16]", "ASFF_Detect"), 15, "error"),
    (head("[10, 16, 19]"), 7, "error"),
    (head("[19, 16, 13]"), 7, "warning"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_levels_from_fine_to_coarse_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA202") == []


@pytest.mark.parametrize(("text", "column", "level"), WRONG)
def test_a_level_out_of_order_is_found(
    find: Find, text: str, column: int | None, level: str
) -> None:
    found = [
        (each.place.line, each.place.column, each.level) for each in find(text, select="YA202")
    ]
    assert found == ([(24, column, level)] if column else [])


def test_the_ends_of_the_levels_are_suggested(find: Find) -> None:
    (found,) = find(head("[13, 16, 16]"), select="YA202")
    assert "reads strides 4, 8, 8, not one map a level" in found.text
    assert found.meant == "the levels end in 13 (C2f), 16 (C2f), 19 (C2f)"
