from __future__ import annotations

from collections.abc import Callable

import pytest
from configs import SMALL
from necks import STREAMS, V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]


def head(source: str, module: str = "Detect") -> str:
    return config(V8, {20: f"[{source}, 1, {module}, [nc]]"})


RIGHT = [
    SMALL,  # a downsampling that is a whole stage
    config(V8),
    config(V5),
    config(V7),
    STREAMS.replace("[[11, 14], 1, Detect", "[[7, 8], 1, Detect"),
    head("[13, 16, 18]").replace("[[-1, 7], 1, Concat", "[[-1, 7], 1, Fusion"),
    # An attention in the place of the block.
    config(V8, {16: "[-1, 1, CBAM, [256]]"}),
    config(V8, {20: "[-1, 1, Classify, [nc]]"}),
]
WRONG = [
    (head("[12, 16, 19]"), [7]),
    (head("[12, 15, 18]"), [7, 11, 15]),
    (head("[13, 14, 19]"), [11]),
    (STREAMS.replace("[[11, 14], 1, Detect", "[[10, 14], 1, Detect"), [7]),
    (head("[11, 16, 19]"), [7]),
    (head("[13, 15, 19]", "Segment"), [11]),
    (head("[13, 15, 19]", "MyHead"), [11]),
    (
        config(V8, {18: [V8[18], "[-1, 1, SE, [512]]"], 20: "[[13, 16, 19], 1, Detect, [nc]]"}),
        [15],
    ),
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_head_that_reads_blocks_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA203") == []


@pytest.mark.parametrize(("text", "columns"), WRONG)
def test_a_head_that_reads_the_opening_of_a_stage_is_found(
    find: Find, text: str, columns: list[int]
) -> None:
    found = find(text, select="YA203")
    assert [each.place.column for each in found] == columns
    assert all(each.level == "error" for each in found)


def test_the_end_of_the_level_is_suggested(find: Find) -> None:
    found = find(head("[12, 15, 18]"), select="YA203")
    assert [each.meant for each in found] == [
        "perhaps 13 (C2f) is meant",
        "perhaps 16 (C2f) is meant",
        "perhaps 19 (C2f) is meant",
    ]
