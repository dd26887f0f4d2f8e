from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import STREAMS, V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

RIGHT = [
    config(V8),
    config(V5),
    config(V7),
    STREAMS,
    # MAFPN joins a block with an Upsample that went up before.
    config(V8, {13: [V8[13], "[[11, -1], 1, Concat, [1]]", "[-1, 3, C2f, [128]]"]}),
    config(V8, {9: "[[-1, 4], 1, CAFM, []]"}),
]
WRONG = [
    (config(V8, {9: "[[-1, 3], 1, Concat, [1]]"}), [(13, "error")]),
    (config(V8, {12: "[[-1, 1], 1, Concat, [1]]"}), [(16, "error")]),
    (config(V8, {15: "[[-1, 9], 1, Concat, [1]]"}), [(19, "error")]),
    (config(V8, {15: "[[-1, 9, 4], 1, Concat, [1]]"}), [(19, "error")]),
    (config(V8, {15: "[[-1, 8], 1, Concat, [1]]"}), [(19, "error")]),
    (
        config(V8, {9: [V8[9], "[-1, 1, SE, [768]]"], 15: "[[-1, 10], 1, Concat, [1]]"}),
        [(20, "error")],
    ),
    # One input: a warning, unless it is a last convolution of the head.
    (config(V7, {14: "[4, 1, Conv, [64, 1, 1]]"}), [(19, "warning")]),
    (config(V7, {20: "[15, 1, RepConv, [128, 3, 1]]"}), [(25, "error")]),
]


@pytest.mark.parametrize("text", RIGHT)
def test_skips_from_the_ends_of_stages_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA204") == []


@pytest.mark.parametrize(("text", "findings"), WRONG)
def test_a_skip_from_the_opening_of_a_stage_is_found(
    find: Find, text: str, findings: list[tuple[int, str]]
) -> None:
    found = find(text, select="YA204")
    assert [(each.place.line, each.level) for each in found] == findings


def test_the_end_of_the_stage_is_suggested(find: Find) -> None:
    (found,) = find(config(V8, {9: "[[-1, 3], 1, Concat, [1]]"}), select="YA204")
    assert found.meant == "perhaps 4 (C2f) is meant"
