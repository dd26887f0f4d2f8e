from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

RIGHT = [
    config(V8),
    config(V5),
    config(V7),
    # Nobody knows what these do to the size, or the Concat to its inputs.
    config(V8, {7: [V8[7], "[-1, 1, DySample, []]"], 8: "[-1, 1, C2f, [512]]"}),
    config(V8, {9: "[[-1, 4], 1, LowFAM, []]"}),
    config(V8, dict.fromkeys(range(8), "[-1, 1, MobileBlock, [64]]")),
    config(V8, {9: "[[-1, 5], 1, Fusion, [bifpn]]"}),
    config(V8, {9: "[[-1, 5], 1, EnhancedConcat, [1]]"}),  # a fork's own may resize
    # The same module elsewhere halves the map.
    config(V8, {5: "[-1, 1, LAE, [512, 3, 2]]", 14: "[-1, 1, LAE, []]"}),
    # An attention by name, used as a convolution with a stride.
    config(V8, {5: "[-1, 1, CBAM, [512, 3, 2]]"}),
]
WRONG = [
    (config(V8, {9: "[[-1, 5], 1, Concat, [1]]"}), [(13, 11)]),
    (config(V8, {9: "[[-1, 2], 1, BiFPN_Concat2, [1]]"}), [(13, 11)]),
    (config(V8, {9: "[[-2, 4], 1, Concat, [1]]"}), [(13, 11)]),
    (config(V8, {4: [V8[4], "[-1, 1, SimAM, []]"], 9: "[[-1, 6], 1, Concat, [1]]"}), [(14, 11)]),
    (config(V8, {4: [V8[4], "[-1, 1, MyAttention, []]"], 9: "[[-1, 3], 1, Concat, [1]]"}), []),
    (
        config(V8, {4: [V8[4], "[-1, 1, MyAttention, []]"], 9: "[[-1, 2], 1, Concat, [1]]"}),
        [(14, 11)],
    ),
    (config(V7, {8: "[-1, 1, Conv, [64, 1, 1]]"}), [(14, 11)]),
    (config(V8, {9: "[[-1, -1, 7], 1, Concat, [1]]"}), [(13, 15)]),
]


@pytest.mark.parametrize("text", RIGHT)
def test_equal_or_unknown_strides_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA201") == []


@pytest.mark.parametrize(("text", "places"), WRONG)
def test_the_input_of_another_stride_is_found(
    find: Find, text: str, places: list[tuple[int, int]]
) -> None:
    found = find(text, select="YA201")
    assert [(each.place.line, each.place.column) for each in found] == places


def test_the_nearest_block_of_the_right_stride_is_suggested(find: Find) -> None:
    (found,) = find(config(V8, {9: "[[-1, 5], 1, Concat, [1]]"}), select="YA201")
    assert found.text == (
        "layer 9: Concat joins stride 16, of 5 (Conv), with stride 8; perhaps 4 (C2f) is meant"
    )


def test_a_stride_beyond_all_sense_is_printed_short(find: Find) -> None:
    huge = dict.fromkeys(range(6), "[-1, 1, Conv, [64, 3, 32768]]")
    found = find(config(V8, huge), select="YA201")
    assert found
    assert "2**" in found[0].message
