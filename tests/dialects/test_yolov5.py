"""Rows as YOLOv5's parser resolves them, by hand; `test_rows.py` has the framework's own facts."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from yaml_attn.dialects.arguments import TorchCall
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.yolov5 import resolve
from yaml_attn.errors import BuildError, ConfigError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "anchors": [[10, 13], [30, 61]],
}


def resolved(*rows: list[Any], **settings: Any) -> tuple[ResolvedLayer, ...]:
    return resolve(Network.read({"backbone": rows}), SETTINGS | settings, find)


def last(*rows: list[Any], **settings: Any) -> ResolvedLayer:
    return resolved([-1, 1, "Conv", [64, 3, 2]], *rows, **settings)[-1]


@pytest.mark.parametrize(
    ("row", "args", "channels", "copies"),
    [
        ([-1, 1, "Conv", [128, 3, 2]], (32, 64, 3, 2), 64, 1),
        ([-1, 1, "Conv", [85, 1]], (32, 85, 1), 85, 1),
        ([-1, 9, "C3", [128, False]], (32, 64, 3, False), 64, 1),
        ([-1, 9, "Bottleneck", [128]], (32, 64), 64, 3),
        ([-1, 1, "Conv", ["c2", 1]], (32, 16, 1), 16, 1),
        ([-1, 1, "nn.Upsample", ["None", 2, "nearest"]], (None, 2, "nearest"), 32, 1),
        ([-1, 1, "nn.BatchNorm2d", [7]], (32,), 32, 1),
        ([-1, 1, "Contract", [2]], (2,), 128, 1),
        ([-1, 1, "Expand", [2]], (2,), 8, 1),
        ([[-1, 0], 1, "Concat", [1]], (1,), 64, 1),
        (
            [-1, 1, "Conv", [64, 1, 1, "None", 1, 1, "nn.ReLU()"]],
            (32, 32, 1, 1, None, 1, 1, TorchCall("ReLU")),
            32,
            1,
        ),
    ],
)
def test_what_the_constructor_gets(
    row: list[Any], args: tuple[Any, ...], channels: int, copies: int
) -> None:
    layer = last(row)
    assert (layer.args, layer.channels, layer.copies) == (args, channels, copies)


@pytest.mark.parametrize("first", [[1024], ["c2"], [], ["3x3"], [None]])
def test_an_attention_gets_the_real_channels_whatever_its_row_says(first: list[Any]) -> None:
    layer = last([-1, 1, "SE", first])
    assert (layer.args, layer.channels, layer.stride) == ((32,), 32, 2)


def test_the_other_arguments_of_an_attention_are_understood() -> None:
    assert last([-1, 1, "SE", [1024, "ch[f]//4", "True"]]).args == (32, 8, True)


def test_an_attention_may_be_repeated() -> None:
    assert (last([-1, 9, "SE", [64]]).number, last([-1, 9, "SE", [64]]).copies) == (3, 3)


@pytest.mark.parametrize(
    ("module", "block", "args"),
    [
        ("C3SE", "C3", [128]),
        ("C3_SE", "C3", [128, False]),
        ("C3ThenCA", "C3", [128, "True", 1, 0.5, 8]),
        ("BottleneckSE", "Bottleneck", ["ch[f] * 2"]),
        ("GhostBottleneckECA", "GhostBottleneck", [128, 3, 2]),
    ],
)
def test_attention_in_a_block_scales_and_repeats_as_the_block(
    module: str, block: str, args: list[Any]
) -> None:
    layer, plain = last([-1, 9, module, args]), last([-1, 9, block, args])
    assert dataclasses.replace(layer, module=block) == plain
    assert layer.module == module


def test_a_head_gets_the_channels_of_what_it_reads() -> None:
    rows = ([-1, 1, "Conv", [64]], [-1, 1, "Conv", [128]])
    detect = resolved(*rows, [[0, 1], 1, "Detect", ["nc", "anchors"]])[-1]
    assert detect.args == (80, SETTINGS["anchors"], [32, 64])
    segment = resolved(*rows, [[0, 1], 1, "Segment", ["nc", "anchors", 32, 250]], anchors=2)[-1]
    assert segment.args == (80, [[0, 1, 2, 3]] * 2, 32, 128, [32, 64])


def test_channel_multiple_stands_in_for_8() -> None:
    assert last([-1, 1, "Conv", [72]], channel_multiple=3).channels == 36
    assert last([-1, 1, "Conv", [72]]).channels == 40


def test_nc_stands_in_for_the_configs_own() -> None:
    network = Network.read({"head": [[-1, 1, "Conv", ["nc"]]]})
    assert resolve(network, SETTINGS, find, nc=16)[-1].args == (3, 8)


@pytest.mark.parametrize(
    ("row", "stride"),
    [
        ([-1, 1, "Focus", [64, 3]], 4),
        ([-1, 1, "nn.MaxPool2d", [2]], 4),
        ([-1, 1, "nn.MaxPool2d", [2, 1, 0]], 2),
        ([-1, 1, "nn.ConvTranspose2d", [64, 2, 2]], 1),
        ([-1, 1, "Contract", [2]], 4),
        ([-1, 1, "nn.Conv2d", [32, 48, 1]], 2),
        ([-1, 1, "nn.Conv2d", [32, 48, 2, 1]], None),
        ([-1, 1, "nn.Upsample", [[20, 20]]], None),
        ([-1, 1, "Conv", [64, 3, [2, 1]]], None),
        ([-1, 1, "Conv", [64, 3, 0]], None),
        ([-1, 1, "Conv", [64, 3, 2**2000]], None),
    ],
)
def test_the_stride_that_a_row_tells(row: list[Any], stride: float | None) -> None:
    assert last(row).stride == stride


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ([-1, 1, "sppf", [64]], "sppf is no module of YOLOv5", "SPPF"),
        ([-1, 1, "SEE", [64]], "SEE is no module of YOLOv5", "SE"),
        ([-1, 1, "SPPF", []], "args[0] of SPPF is missing", "output channels"),
        ([-1, 1, "Conv", ["wide"]], "args[0] of Conv is 'wide'", "output channels"),
        ([-1, 1, "Conv", [64, "max"]], "name of Python", None),
        ([-1, "2", "Conv", [64]], "number of Conv is '2'", "whole number"),
        ([-1, 10**9, "C3", [64]], "number of C3 is 1000000000", "at most 100 times"),
        ([-1, 10**999, "C3", [64]], "number of C3 is 1000", "before and after depth_multiple"),
        ([-1, 3, "C3SPPF", [64]], "C3SPPF is no module of YOLOv5", "C3SPP"),
        ([-1, 3, "C2fSE", [64]], "C2fSE is C2f[SE], and C2f is no module", None),
        ([-1, 3, "C3+SE", [64]], "how the command line spells it", "C3ThenSE"),
        ([-1, 3, "C3[SEE]", [64]], "mechanism is called SEE", "SE"),
        ([-1, 3, "C3SE", []], "args[0] of C3SE is missing", "output channels"),
        ([[-1], 3, "C3SE", [64]], "C3SE reads one layer", "-1, not [-1]"),
        ([[-1], 1, "Conv", [64]], "reads one layer", "-1, not [-1]"),
        ([[-1], 1, "SE", [64]], "SE reads one layer", "-1, not [-1]"),
        ([-1, 1, "CAN", ["ch", "f"]], "its `from` is a number", "such as [6, 4]"),
        ([[-1], 1, "CAN", ["ch", "f"]], "reads two layers, and its `from` is [-1]", "[6, 4]"),
        ([[-1, 0], 9, "CAN", ["ch", "f"]], "so it cannot be repeated", None),
        ([-1, 1, "Concat", [1]], "reads several layers", "[-1, 6]"),
        ([[], 1, "Concat", [1]], "is an empty list", None),
        ([[-1, 0], 9, "Concat", [1]], "Concat reads several layers, so it cannot", None),
        ([-1, 1, "Detect", ["nc", "anchors"]], "reads several layers", None),
        ([[0], 1, "Detect", ["nc"]], "Detect has 1 args", "[nc, anchors]"),
        ([[0], 1, "Detect", ["nc", "anchors"]], "reads 1 layers", "One list of anchors"),
        ([[0], 1, "Detect", ["nc", [[1, 2, 3]]]], "anchors are", "widths and heights"),
    ],
)
def test_a_row_that_cannot_be_constructed_is_named(
    row: list[Any], message: str, hint: str | None
) -> None:
    with pytest.raises(BuildError) as caught:
        last(row)
    assert caught.value.layer == 1
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


@pytest.mark.parametrize("args", [["ch", "f"], [64, 3], ["c2", "c2"], []], ids=str)
def test_a_mechanism_of_two_inputs_gets_the_real_channels_of_both(args: list[Any]) -> None:
    conv = [-1, 1, "Conv", [128, 3, 2]]
    layer = last(conv, [[0, -1], 1, "CoExcitation", [*args, 8][: len(args) + 1 if args else 0]])
    assert layer.args == ((32, 64, 8) if args else (32, 64))
    assert (layer.channels, layer.stride) == (32, 2)


def test_the_number_counts_after_depth_scaling_too() -> None:
    with pytest.raises(BuildError, match="number of C3 is 60, with depth_multiple 2"):
        last([-1, 60, "C3", [64]], depth_multiple=2)


def test_no_layers_are_no_network() -> None:
    with pytest.raises(ConfigError, match="no layers"):
        resolved()
