from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

RIGHT = [
    config(V8),
    config(V7),
    config(V5),
    config(V8, {1: "[-2, 1, Conv, [128, 3, 2]]"}).replace("[-2, 1, Conv", "[-1, 1, Conv"),
    config(V8, {20: "[[-7, -4, -1], 1, Detect, [nc]]"}),
]
WRONG = [
    (config(V8, {20: "[[13, 16, 20], 1, Detect, [nc]]"}), [(24, 15)]),
    (config(V8, {20: "[[13, 21, 99], 1, Detect, [nc]]"}), [(24, 11), (24, 15)]),
    (config(V8, {3: "[-5, 1, Conv, [256, 3, 2]]"}), [(6, 6)]),
    (config(V8, {0: "[0, 1, Conv, [64, 3, 2]]"}), [(3, 6)]),
    (
        config(V8, {9: "[[-1, 30], 1, Concat, [1]]", 20: "[[13, 16, 40], 1, Detect, [nc]]"}),
        [(13, 11), (24, 15)],
    ),
]


@pytest.mark.parametrize("text", RIGHT)
def test_readable_references_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA101") == []


@pytest.mark.parametrize(("text", "places"), WRONG)
def test_every_reference_that_reads_no_layer_is_found(
    find: Find, text: str, places: list[tuple[int, int]]
) -> None:
    found = find(text, select="YA101")
    assert [(each.place.line, each.place.column) for each in found] == places
    assert all(each.level == "error" for each in found)


def test_the_other_rules_still_answer(find: Find) -> None:
    changes = {13: ["[-1, 3, C2f, [128]]", "[-1, 3, SE, [128]]"]}
    text = config(V8, {**changes, 20: "[[13, 17, 40], 1, Detect, [nc]]"})
    assert {"YA101", "YA208"} <= {each.code for each in find(text)}


def test_with_a_base_the_layer_that_was_meant_is_known(find: Find) -> None:
    changes = {
        4: ["[-1, 6, C2f, [256, True]]", "[-1, 1, SE, [256]]"],
        15: "[[-1, 11], 1, Concat, [1]]",
        18: "[[-1, 8], 1, Concat, [1]]",
        20: "[[14, 17, 40], 1, Detect, [nc]]",
    }
    (found,) = find(config(V8, changes), config(V8), select="YA101")
    assert found.fix
    assert found.fix.value == 20
    assert "the base reads what is now 20 (C2f)" in found.text
