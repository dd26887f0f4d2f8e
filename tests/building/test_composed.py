"""Whole networks with attention inside blocks: parameters by hand, weights, what goes wrong."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from yaml_attn.api import load
from yaml_attn.building.bundled import build, inspect, run_real
from yaml_attn.document.document import Document
from yaml_attn.errors import BuildError
from yaml_attn.files import templates
from yaml_attn.graph.network import Network

YOLOV5S = Document.load(templates()["yolov5s.yaml"])
PARAMETERS = 7_235_389

SETTINGS: dict[str, Any] = {
    "nc": 2,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "anchors": [[10, 13], [30, 61]],
}
ROWS: list[list[Any]] = [
    [-1, 1, "Conv", [32, 3, 2]],
    [-1, 6, "C3SE", [64]],
    [-1, 1, "Conv", [64, 3, 2]],
    [-1, 6, "BottleneckECA", [64]],
    [-1, 3, "C3ThenCBAM", [64, False]],
    [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
    [[-1, 1], 1, "Concat", [1]],
    [-1, 3, "BottleneckCSPCoordAtt", [64, False, 1, 0.5, 16]],
    [-1, 3, "C3GhostSimAM", [64]],
    [[4, 8], 1, "Detect", ["nc", "anchors"]],
]


def replaced(module: str) -> Network:
    """yolov5s with another module for each C3 of its backbone."""
    layers = (
        dataclasses.replace(layer, module=module)
        if (layer.section, layer.module) == ("backbone", "C3")
        else layer
        for layer in YOLOV5S.network.layers
    )
    return Network(tuple(layers))


def se(c: int) -> int:
    return 2 * c * max(c // 16, 8)


def cbam(c: int) -> int:
    hidden = max(c // 16, 8)
    shared = 2 * c * hidden + hidden + c  # two 1 x 1 convolutions with biases
    return shared + 2 * 7**2 + 2  # and a 7 x 7 one with a batch norm


def eca(c: int) -> int:
    kernel = int(abs((math.log2(c) + 1) / 2))
    return kernel if kernel % 2 else kernel + 1


def coord_att(c: int) -> int:
    hidden = max(c // 32, 8)
    shared = c * hidden + hidden + 2 * hidden  # a 1 x 1 convolution and a batch norm
    return shared + 2 * (hidden * c + c)  # one 1 x 1 convolution for each direction


@pytest.mark.parametrize(
    ("mechanism", "added"),
    [("SE", se), ("CBAM", cbam), ("ECA", eca), ("CoordAtt", coord_att), ("SimAM", lambda _: 0)],
)
def test_in_every_block_of_yolov5s_backbone(mechanism: str, added: Callable[[int], int]) -> None:
    inside = inspect(build(replaced(f"C3{mechanism}"), YOLOV5S.settings, init=False))
    # The C3s have 64, 128, 256, 512 channels at width 0.5; their bottlenecks half of that, and
    # there are 1, 2, 3, 1 of them at depth 0.33.
    own = added(32) + 2 * added(64) + 3 * added(128) + added(256)
    assert inside.parameters == PARAMETERS + own
    behind = inspect(build(replaced(f"C3Then{mechanism}"), YOLOV5S.settings, init=False))
    assert behind.parameters == PARAMETERS + sum(map(added, (64, 128, 256, 512)))
    plain = inspect(build(YOLOV5S.network, YOLOV5S.settings, init=False))
    for report in (inside, behind):
        assert [layer.shape for layer in report.layers] == [layer.shape for layer in plain.layers]
        assert report.strides == (8, 16, 32)


def test_a_checkpoint_of_the_base_fits() -> None:
    base = build(YOLOV5S.network, YOLOV5S.settings, init=False)
    for module in ("C3SE", "C3ThenSE"):
        model = build(replaced(module), YOLOV5S.settings, init=False)
        missing, unexpected = model.load_state_dict(base.state_dict(), strict=False)
        assert unexpected == []
        assert {key.split(".")[1] for key in missing} == {"2", "4", "6", "8"}
        assert all(".attn." in key for key in missing)


def test_a_real_step_of_training_reaches_everything() -> None:
    network = build(Network.read({"backbone": ROWS}), SETTINGS)
    run_real(network, 64)
    report = inspect(network, 64, flops=True)
    assert [layer.number for layer in report.layers][:5] == [1, 2, 1, 2, 1]
    assert report.strides == (4, 2)
    assert report.flops is not None
    assert len(network.model[3]) == 2  # type: ignore[arg-type]


def test_norms_and_default_activations_inside_are_the_frameworks() -> None:
    network = build(Network.read({"backbone": ROWS}), SETTINGS | {"activation": "nn.ReLU()"})
    norms = [m for m in network.modules() if type(m) is torch.nn.BatchNorm2d]
    assert {norm.eps for norm in norms} == {1e-3}
    bottleneck = network.model[1].m[0]  # type: ignore[index,union-attr]
    assert isinstance(bottleneck.cv2.act, torch.nn.ReLU)


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        (
            "C3ShuffleAttention, [128, True, 1, 0.3]",
            "9 is not a multiple of 2",
            "input channels first",
        ),
        ("C3SE, [128, True, 1, 0.5, 0]", "ratio must be positive", "input channels first"),
        (
            "C3SE, [128, True, 1, 0.5, 16, False, False, 3]",
            "too many positional",
            "C3SE(c1, c2, n=1, shortcut=True, g=1, e=0.5, ratio=16, bias=False",
        ),
    ],
)
def test_what_cannot_be_constructed_is_named_with_its_line(
    tmp_path: Path, row: str, message: str, hint: str
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 0.25\nanchors: [[10, 13]]\n"
        f"backbone:\n  - [-1, 1, Conv, [64, 3, 2]]\n  - [-1, 1, {row}]\n"
        "head:\n  - [[1], 1, Detect, [nc, anchors]]\n"
    )
    with pytest.raises(BuildError) as caught:
        load(path).build(imgsz=64)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.line, caught.value.layer) == (7, 1)


def test_a_file_with_composed_blocks_is_built_from_the_api(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(YOLOV5S.text.replace("C3, [1024]", "C3_SE, [1024]"))
    report = load(path).build(imgsz=64)
    names = [layer.module for layer in report.layers]
    at = [index for index, name in enumerate(names) if name == "C3_SE"]
    assert at
    assert report.parameters == PARAMETERS + len(at) * se(256)
