"""Rows that only YOLOv7 has; `test_rows.py` has the framework's own facts."""

from __future__ import annotations

from typing import Any

import pytest

from yaml_attn.dialects.arguments import TorchCall
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.yolov7 import REPEATING, SCALED, resolve
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

ANCHORS = [[10, 13], [30, 61]]
SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "anchors": ANCHORS,
}


def last(*rows: list[Any], **settings: Any) -> ResolvedLayer:
    """The last of the rows, behind a Conv of 32 channels."""
    network = Network.read({"backbone": [[-1, 1, "Conv", [64, 3, 2]], *rows]})
    return resolve(network, SETTINGS | settings, find)[-1]


@pytest.mark.parametrize("module", sorted(SCALED))
def test_a_scaled_module_is_repeated_as_a_whole(module: str) -> None:
    layer = last([-1, 9, module, [128, 3]])
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 3), 64, 3)


@pytest.mark.parametrize("module", sorted(REPEATING))
def test_a_repeating_module_gets_the_number(module: str) -> None:
    layer = last([-1, 9, module, [128, False]])
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 3, False), 64, 1)


@pytest.mark.parametrize(
    ("row", "args", "channels", "stride"),
    [
        ([-1, 1, "MP", []], (), 32, 4),
        ([-1, 1, "SP", [5]], (5,), 32, 2),
        ([-1, 1, "ReOrg", []], (), 128, 4),
        ([-1, 1, "Foldcut", [1]], (1,), 16, 2),
        ([[-1, 0], 1, "Chuncat", [1]], (1,), 64, 2),
        ([[-1, 0], 1, "Shortcut", [1]], (1,), 32, 2),
        ([-1, 1, "nn.ConvTranspose2d", [32, 32, 2, 2]], (32, 32, 2, 2), 32, 1),
        ([-1, 1, "nn.BatchNorm2d", []], (32,), 32, 2),
        ([-1, 1, "Stem", [128]], (32, 64), 64, 8),
        ([-1, 1, "DownC", [128]], (32, 64, 1), 64, 4),
        (
            [-1, 1, "Conv", [64, 1, 1, "None", 1, "nn.LeakyReLU(0.1)"]],
            (32, 32, 1, 1, None, 1, TorchCall("LeakyReLU", (0.1,))),
            32,
            2,
        ),
    ],
)
def test_what_the_constructor_gets(
    row: list[Any], args: tuple[Any, ...], channels: int, stride: float
) -> None:
    layer = last(row)
    assert (layer.args, layer.channels, layer.stride) == (args, channels, stride)


@pytest.mark.parametrize("head", ["Detect", "IDetect", "IBin"])
def test_a_head_reads_one_layer_for_each_list_of_anchors(head: str) -> None:
    layer = last([-1, 1, "Conv", [128]], [[0, 1], 1, head, ["nc", "anchors"]])
    assert layer.args == (80, ANCHORS, [32, 64])
    assert last([[0, 0], 1, head, ["nc", 1]]).args == (80, [[0, 1]] * 2, [32, 32])


def test_keypoints_have_their_number_before_the_channels() -> None:
    layer = last([[0, 0], 1, "IKeypoint", ["nc", "anchors", 17]])
    assert layer.args == (80, ANCHORS, 17, [32, 32])


def test_auxiliary_layers_stand_behind_those_that_predict() -> None:
    rows = [[-1, 1, "Conv", [channels]] for channels in (128, 256, 512)]
    layer = last(*rows, [[0, 1, 2, 3], 1, "IAuxDetect", ["nc", "anchors"]])
    assert layer.args == (80, ANCHORS, [32, 64, 128, 256])


def test_a_string_that_is_no_expression_stays_one() -> None:
    assert last([-1, 1, "SE", [64, "3x3"]]).args == (32, "3x3")
    assert last([-1, 1, "SE", [64, "a mode"]]).args == (32, "a mode")


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ([-1, 1, "C3", [64]], "C3 is no module of YOLOv7", None),
        ([-1, 1, "C3SE", [64]], "C3SE is C3[SE], and C3 is no module of YOLOv7", None),
        ([-1, 1, "SPPCSP", [64]], "SPPCSP is no module of YOLOv7", "SPPCSPC"),
        ([-1, 1, "Conv", [64, 1, 1, None, 1, "nn.Silu()"]], "no activation", None),
        ([-1, 1, "Conv", [64, "(" * 300]], "is no expression", None),
        ([-1, 1, "Shortcut", [1]], "Shortcut reads several layers", "[-1, 6]"),
        ([[-1], 1, "Shortcut", [1]], "Shortcut adds two layers, and its `from` is [-1]", "both"),
        ([-1, 1, "Chuncat", [1]], "Chuncat reads several layers", None),
        ([[-1], 1, "Foldcut", [1]], "Foldcut reads one layer", None),
        ([[0, 0, 0], 1, "IDetect", ["nc", "anchors"]], "reads 3 layers, and anchors has 2", "one"),
        ([[0, 0], 1, "IAuxDetect", ["nc", "anchors"]], "2 layers, and anchors has 2", "2 layers"),
        ([[0, 0], 1, "IAuxDetect", ["nc", 3]], "2 layers, and anchors has 2", "2 layers"),
        ([[0, 0], 1, "IKeypoint", ["nc", "anchors"]], "2 args", "[nc, anchors, nkpt]"),
        ([[0, 0], 1, "IKeypoint", ["nc", "anchors", "nkpt"]], "is 'nkpt'", "of keypoints"),
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
