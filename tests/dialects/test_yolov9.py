"""Rows that only YOLOv9 has; `test_rows.py` has the framework's own facts."""

from __future__ import annotations

from typing import Any

import facts
import pytest

from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.yolov9 import DIALECT, REPEATING, SCALED, resolve
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "anchors": 3,
}
SPLIT = [-1, 1, "CBLinear", [[16, 32]]]


def resolved(*rows: list[Any]) -> tuple[ResolvedLayer, ...]:
    """The rows, behind a Conv of 32 channels."""
    network = Network.read({"backbone": [[-1, 1, "Conv", [64, 3, 2]], *rows]})
    return resolve(network, SETTINGS, find)


@pytest.mark.parametrize("module", sorted(SCALED))
def test_a_scaled_module_is_repeated_as_a_whole(module: str) -> None:
    layer = resolved([-1, 9, module, [128, 64, 32, 1]])[-1]
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 64, 32, 1), 64, 3)


@pytest.mark.parametrize("module", sorted(REPEATING))
def test_a_repeating_module_gets_the_number(module: str) -> None:
    layer = resolved([-1, 9, module, [128, False]])[-1]
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 3, False), 64, 1)


@pytest.mark.parametrize(
    ("row", "args", "channels", "stride"),
    [
        ([-1, 1, "Silence", []], (), 32, 2),
        ([-1, 1, "MP", []], (), 32, 4),
        ([-1, 1, "SP", [5]], (5,), 32, 2),
        ([-1, 1, "ReOrg", []], (), 128, 4),
        ([-1, 1, "ADown", [128]], (32, 64), 64, 4),
        ([-1, 1, "AConv", [128]], (32, 64), 64, 4),
        ([[-1, 0], 1, "Shortcut", []], (), 32, 2),
        ([-1, 1, "CBLinear", [[64, 128], 1]], (32, [64, 128], 1), (64, 128), 2),
    ],
)
def test_what_the_constructor_gets(
    row: list[Any], args: tuple[Any, ...], channels: int, stride: float
) -> None:
    layer = resolved(row)[-1]
    assert (layer.args, layer.channels, layer.stride) == (args, channels, stride)


def test_cbfuse_keeps_what_it_adds_to() -> None:
    down = [0, 1, "Conv", [64, 3, 2]]
    layer = resolved(SPLIT, down, [[1, 1, 2], 1, "CBFuse", [[1, -1]]])[-1]
    assert (layer.args, layer.channels, layer.stride) == (([1, -1],), 32, 4)


@pytest.mark.parametrize(
    ("head", "reads", "args", "given"),
    [
        ("Detect", [0, 1], ["nc"], (80,)),
        ("DDetect", [0, 1, 1], ["nc"], (80,)),
        ("DualDetect", [0, 1], ["nc"], (80,)),
        ("DualDDetect", [0, 1, 0, 1], ["nc"], (80,)),
        ("TripleDetect", [0, 1, 0], ["nc"], (80,)),
        ("TripleDDetect", [0, 1, 0, 1, 0, 1], ["nc"], (80,)),
        ("Segment", [0, 1], ["nc", 32, 256], (80, 32, 128)),
        ("DSegment", [0, 1], ["nc", 32, 256], (80, 32, 128)),
        ("DualDSegment", [0, 1, 0, 1], ["nc", 32, 256], (80, 32, 128)),
        ("Panoptic", [0, 1], ["nc", 93, 32, 256], (80, 93, 16, 256)),
    ],
)
def test_a_head_gets_the_channels_of_what_it_reads(
    head: str, reads: list[int], args: list[Any], given: tuple[int, ...]
) -> None:
    layer = resolved([-1, 1, "Conv", [128]], [reads, 1, head, args])[-1]
    assert layer.args == (*given, [(32, 64)[at] for at in reads])
    assert layer.stride is None


@pytest.mark.parametrize("model", ["models/detect/yolov9-c", "models/detect/gelan-e"])
def test_width_multiple_breaks_the_models_with_cblinear(model: str) -> None:
    settings = facts.settings("yolov9", model) | {"width_multiple": 0.5}
    with pytest.raises(BuildError, match="CBFuse adds") as caught:
        resolve(facts.network("yolov9", model), settings, find)
    assert "does not scale what CBLinear gives" in (caught.value.hint or "")


def test_nothing_but_a_checkout_can_build_it() -> None:
    assert DIALECT.builder is None


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ([-1, 1, "Conv", [64]], "Conv reads layer 1 (CBLinear), which gives several", "CBFuse"),
        ([-1, 1, "SE", [64]], "SE reads layer 1 (CBLinear), which gives several maps", None),
        ([[-1, 0], 1, "Concat", [1]], "Concat reads layer 1 (CBLinear)", None),
        ([0, 1, "Conv", ["c2"]], "args[0] of Conv is (16, 32)", None),
        ([0, 1, "CBLinear", [64]], "args[0] of CBLinear is 64", "[64, 128]"),
        ([0, 1, "CBLinear", [[]]], "args[0] of CBLinear is []", None),
        ([0, 1, "CBLinear", []], "args[0] of CBLinear is missing", None),
        ([0, 9, "CBLinear", [[64]]], "CBLinear gives several maps, so it cannot be", None),
        ([-1, 1, "CBFuse", [[0]]], "CBFuse reads several layers", None),
        ([[0, 1], 1, "CBFuse", [[0]]], "the last layer that it reads, and layer 1", None),
        ([[1, 0], 1, "CBFuse", []], "CBFuse picks None from 1 layers", "counted from 0"),
        ([[1, 0], 1, "CBFuse", [[0, 1]]], "CBFuse picks [0, 1] from 1 layers", None),
        ([[1, 0], 1, "CBFuse", [["0"]]], "CBFuse picks ['0'] from 1 layers", None),
        ([[0, 0], 1, "CBFuse", [[0]]], "layer 0 (Conv), which gives only one", "be CBLinear"),
        ([[1, 0], 1, "CBFuse", [[2]]], "map 2 of layer 1 (CBLinear), which gives 2", "layers"),
        ([[1, 0], 1, "CBFuse", [[0]]], "adds 16 channels of layer 1 (CBLinear) to 32", "scale"),
        ([[0], 1, "Detect", ["nc", "anchors"]], "Detect has 2 args", "[nc]"),
        ([[0, 0, 0], 1, "DualDDetect", ["nc"]], "reads 3 layers", "2 layers for each level"),
        ([[0], 1, "DSegment", ["nc", 32, 256]], "reads 1 layers", "each level, and 1 more"),
        ([[0, 1], 1, "DDetect", ["nc"]], "DDetect reads layer 1 (CBLinear)", None),
        ([[0], 1, "Panoptic", ["nc", "x", 32, 256]], "args[1] of Panoptic is 'x'", "semantic"),
        ([0, 1, "C3", [64]], "C3 is no module of YOLOv9", None),
        ([0, 1, "SE", [64, "3x3"]], "'3x3' is no expression", None),
    ],
)
def test_a_row_that_cannot_be_constructed_is_named(
    row: list[Any], message: str, hint: str | None
) -> None:
    with pytest.raises(BuildError) as caught:
        resolved(SPLIT, row)
    assert caught.value.layer == 2
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_the_image_is_one_map() -> None:
    rows = [[[-1, -1], 1, "CBFuse", [[0]]]]
    with pytest.raises(BuildError, match="CBFuse picks a map of the image, which gives only one"):
        resolve(Network.read({"backbone": rows}), SETTINGS, find)
