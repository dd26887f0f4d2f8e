from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

OUTPUTS = {
    18: [V5[18], "[-1, 1, nn.Conv2d, [255, 1, 1]]"],
    19: "[-2, 1, Conv, [256, 3, 2]]",
    21: [V5[21], "[-1, 1, nn.Conv2d, [255, 1, 1]]"],
}

RIGHT = [
    config(V8),
    config(V5),
    config(V7),
    config(V8, {19: [V8[19], "[-1, 1, SE, [512]]"], 20: "[[13, 16, 20], 1, Detect, [nc]]"}),
    config(V5, {**OUTPUTS, 22: "[[], 1, Detect, [nc, anchors]]"}),  # YOLOv5 v1
    config(V8, {20: [V8[20], "[[13, 16], 1, Segment, [nc]]"]}),  # two heads
]
WRONG = [
    (config(V8, {19: [V8[19], "[-1, 1, SE, [512]]"]}), [(24, "error")]),
    (config(V8, {19: [V8[19], "[-1, 1, Unheard, [3]]"]}), [(24, "error")]),
    (
        config(
            V8,
            {
                6: [V8[6], "[-1, 1, SE, [512]]"],
                7: "[-2, 1, SPPF, [512, 5]]",
                18: "[[-1, 8], 1, Concat, [1]]",
                20: "[[14, 17, 20], 1, Detect, [nc]]",
            },
        ),
        [(10, "error")],
    ),
    # What is left of a level that was taken out.
    (config(V8, {20: "[[13, 16], 1, Detect, [nc]]"}), [(23, "warning")]),
    # The head reads the layer above the block.
    (config(V8, {20: "[[13, 16, 18], 1, Detect, [nc]]"}), [(23, "error")]),
]


def test_a_dead_row_of_another_size_is_not_brought_to_life(find: Find) -> None:
    (found,) = find(config(V8, {19: [V8[19], "[-1, 1, Involution, [512, 3, 2]]"]}), select="YA206")
    assert (found.level, found.fix) == ("error", None)


@pytest.mark.parametrize("text", RIGHT)
def test_layers_that_are_read_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA206") == []


@pytest.mark.parametrize(("text", "findings"), WRONG)
def test_a_layer_that_nobody_reads_is_found(
    find: Find, text: str, findings: list[tuple[int, str]]
) -> None:
    found = find(text, select="YA206")
    assert [(each.place.line, each.level) for each in found] == findings


def test_a_single_reader_of_what_it_refines_can_be_repointed(find: Find) -> None:
    (found,) = find(config(V8, {19: [V8[19], "[-1, 1, SE, [512]]"]}), select="YA206")
    assert found.fix
    assert (found.fix.layer, found.fix.position, found.fix.value) == (21, 2, 20)
    assert found.meant == "21 (Detect) still reads 19 (C2f), which it refines"


def test_a_choice_among_several_readers_is_left_to_the_user(find: Find) -> None:
    changes = {13: [V8[13], "[-1, 1, SE, [128]]"], 14: "[13, 1, Conv, [128, 3, 2]]"}
    (found,) = find(config(V8, {**changes, 20: "[[13, 17, 20], 1, Detect, [nc]]"}), select="YA206")
    assert found.fix is None
    assert found.meant == "15 (Conv) or 21 (Detect) still reads 13 (C2f), which it refines"
