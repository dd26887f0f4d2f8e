from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

BEFORE_SPPF = {6: [V8[6], "[-1, 1, SE, [512]]"]}
MOVED = {15: "[[-1, 11], 1, Concat, [1]]", 20: "[[14, 17, 20], 1, Detect, [nc]]"}

RIGHT = [
    config(V8),
    config(V5),
    config(V7),  # reads the unreduced layer on purpose
    config(V8, {**BEFORE_SPPF, **MOVED, 18: "[[-1, 8], 1, Concat, [1]]"}),
    # The attention was sent up, and the layer it refines is read on the way down; the reverse.
    config(V8, {7: [V8[7], "[-1, 1, SE, [512]]"], **MOVED}),
    config(V8, {7: [V8[7], "[-1, 1, C2PSA, [512]]"], **MOVED}),
    config(
        V8,
        {7: [V8[7], "[-1, 1, SE, [512]]"], **MOVED, 8: "[7, 1, nn.Upsample, [None, 2, nearest]]"},
    ),
    # YOLOv4 reduces what it sends up and what it joins that with, and reads neither.
    config(
        V5,
        {
            10: ["[4, 1, Conv, [256, 1, 1]]", "[[-1, -2], 1, Concat, [1]]"],
            17: "[[-1, 12], 1, Concat, [1]]",
            20: "[[-1, 7], 1, Concat, [1]]",
            22: "[[16, 19, 22], 1, Detect, [nc, anchors]]",
        },
    ),
    # A BiFPN joins the levels of the backbone.
    config(V5, {20: "[[-1, 7], 1, Concat_bifpn, [256]]"}),
]
AT_ALL_LEVELS = {17: "[[-1, 11], 1, Concat, [1]]", 20: "[[-1, 7], 1, Concat, [1]]"}
# The numbers that were right before a row was inserted above.
MOVED_V5 = {17: "[[-1, 12], 1, Concat, [1]]", 20: "[[-1, 8], 1, Concat, [1]]"}
WRONG = [
    (config(V5, {20: "[[-1, 7], 1, Concat, [1]]"}), [25]),
    (config(V5, {17: "[[-1, 11], 1, Concat, [1]]"}), [22]),
    (config(V5, {7: ["[-1, 1, SE, [512]]", V5[7]], **MOVED_V5}), [23, 26]),
    (config(V8, {**BEFORE_SPPF, **MOVED}), [23]),
    (config(V5, {11: [V5[11], "[-1, 1, SE, [256]]"], 20: V5[20]}), [23]),
]


@pytest.mark.parametrize("text", RIGHT)
def test_reading_what_was_sent_up_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA205") == []


@pytest.mark.parametrize(("text", "lines"), WRONG)
def test_reading_above_what_was_sent_up_is_found(find: Find, text: str, lines: list[int]) -> None:
    found = find(text, select="YA205")
    assert [each.place.line for each in found] == lines
    assert all(each.level == "error" for each in found)


def test_what_is_so_at_all_levels_may_be_meant(find: Find) -> None:
    found = find(config(V5, AT_ALL_LEVELS), select="YA205")
    assert [(each.place.line, each.level, each.fix) for each in found] == [
        (22, "warning", None),
        (25, "warning", None),
    ]


def test_what_was_sent_up_is_meant(find: Find) -> None:
    (found,) = find(config(V5, {20: "[[-1, 7], 1, Concat, [1]]"}), select="YA205")
    assert found.text == (
        "layer 20: Concat reads 7 (SPPF) on the way down, but 8 (Conv) was sent up; "
        "perhaps 8 (Conv) is meant"
    )
