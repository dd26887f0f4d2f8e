"""What is YOLOv7's own in a whole network; its 26 configs are in `test_bundled.py`."""

from __future__ import annotations

from typing import Any

import facts
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from yaml_attn.building.bundled import build, inspect, run_real
from yaml_attn.building.model import Model
from yaml_attn.dialects import find
from yaml_attn.errors import BuildError, UsageError
from yaml_attn.graph.network import Network

SETTINGS: dict[str, Any] = {
    "nc": 2,
    "depth_multiple": 1.0,
    "width_multiple": 1.0,
    "anchors": [[10, 13], [30, 61], [90, 80], [200, 170]],
}
# A pyramid of four levels, twice: 6 to 9 and 10 to 13 at strides 8 to 64.
ROWS: list[list[Any]] = [
    [-1, 1, "ReOrg", []],
    [-1, 1, "Conv", [16, 3, 1]],
    [-1, 1, "DownC", [16]],
    [-1, 1, "MP", []],
    [-1, 1, "RepConv", [16]],
    [[-1, -2], 1, "Shortcut", [1]],
    [-1, 1, "SPPCSPC", [16]],
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [16, 3, 2]],
    [6, 1, "BottleneckCSPB", [16]],
    [7, 1, "ResCSPC", [16]],
    [8, 1, "RepConv_OREPA", [16]],
    [9, 1, "GhostCSPA", [16]],
    [[6, 7, 8, 9, 10, 11, 12, 13], 1, "IAuxDetect", ["nc", "anchors"]],
]


def model(rows: list[list[Any]] = ROWS, *, init: bool = False, **settings: Any) -> Model:
    network = Network.read({"backbone": rows})
    return build(network, SETTINGS | settings, init=init, dialect=find("yolov7"))


def with_row(index: int, row: list[Any]) -> list[list[Any]]:
    return [row if at == index else kept for at, kept in enumerate(ROWS)]


def test_auxiliary_levels_are_built_and_trained_and_their_strides_are_those_of_the_others() -> None:
    report = inspect(model())
    assert report.strides == (8, 16, 32, 64)
    assert report.layers[-1].shape == tuple((1, n, n, 7) for n in [80, 40, 20, 10] * 2)
    run_real(model(init=True), 128)


def test_strides_reach_the_head_in_evaluation() -> None:
    boxes, raw = model(init=True).eval()(torch.zeros(1, 3, 128, 64))
    assert boxes.shape == (1, (16 * 8) + (8 * 4) + (4 * 2) + (2 * 1), 7)
    assert len(raw) == 4


@pytest.mark.parametrize(
    ("main", "auxiliary"),
    [
        ([6, 7, 8, 9], [10, 11, 13, 12]),
        ([6, 7, 9, 8], [10, 11, 13, 12]),
        ([9, 8, 7, 6], [10, 11, 12, 13]),
    ],
)
def test_levels_out_of_order_are_refused_auxiliary_ones_too(
    main: list[int], auxiliary: list[int]
) -> None:
    head = [[*main, *auxiliary], 1, "IAuxDetect", ["nc", "anchors"]]
    with pytest.raises(BuildError, match="different strides in order, twice over") as caught:
        inspect(model(with_row(14, head)))
    assert caught.value.layer == 14


def test_anchors_in_pixels_are_turned_round_with_the_others() -> None:
    head = [[9, 8, 7, 6, 13, 12, 11, 10], 1, "IAuxDetect", ["nc", "anchors"]]
    turned = model(with_row(14, head)).model[-1]
    assert turned.anchor_grid.flatten().tolist() == [200, 170, 90, 80, 30, 61, 10, 13]  # type: ignore[union-attr,operator]
    assert turned.anchors[0, 0].tolist() == [200 / 64, 170 / 64]  # type: ignore[index,union-attr]


@pytest.mark.parametrize("head", ["Detect", "IDetect", "IBin", "IKeypoint"])
def test_every_head_trains(head: str) -> None:
    args = ["nc", "anchors", 17] if head == "IKeypoint" else ["nc", "anchors"]
    rows = [*ROWS[:10], [[6, 7, 8, 9], 1, head, args]]
    assert inspect(model(rows)).strides == (8, 16, 32, 64)
    run_real(model(rows, init=True), 128)


def test_flops_at_full_size_are_what_torchs_own_counter_counts_there() -> None:
    network, counter = model(), FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, 3, 320, 320))
    assert inspect(network, 320, flops=True).flops == counter.get_total_flops() > 0


def test_maps_that_would_be_one_pixel_in_a_small_run_are_not_added_to_larger_ones() -> None:
    rows = [
        *ROWS[:10],
        [[8, 9], 1, "Shortcut", [1]],
        [[6, 7, 10, 9], 1, "Detect", ["nc", "anchors"]],
    ]
    with pytest.raises(BuildError, match="Shortcut joins maps of different sizes: layer 8"):
        inspect(model(rows))


def test_the_key_activation_means_nothing_here() -> None:
    changed = model(activation="nn.ReLU()")
    assert nn.ReLU not in {type(module) for module in changed.modules()}
    model(activation="no activation at all")


def test_messages_name_the_framework() -> None:
    rows = with_row(2, [-1, 1, "nn.MaxPool2d", [4, 4]])
    rows[3] = [-1, 1, "nn.ConvTranspose2d", [16, 24, 2, 2]]
    with pytest.raises(BuildError, match="gives 24 channels, where YOLOv7 takes it to give 16"):
        inspect(model(rows))


def test_a_module_that_is_not_bundled_is_told_from_one_that_does_not_exist() -> None:
    with pytest.raises(BuildError, match="STCSPB of YOLOv7 is not bundled") as caught:
        model(with_row(4, [-1, 1, "STCSPB", [32]]))
    assert caught.value.layer == 4
    assert "--repo" in (caught.value.hint or "")
    with pytest.raises(BuildError, match="STCSPD is no module of YOLOv7"):
        model(with_row(4, [-1, 1, "STCSPD", [32]]))


def test_a_dialect_whose_layers_are_not_bundled_is_refused() -> None:
    name = next(iter(facts.models("yolov9")))
    with pytest.raises(UsageError, match="the layers of YOLOv9 are not bundled"):
        build(facts.network("yolov9", name), facts.settings("yolov9", name), dialect=find("yolov9"))


def test_attention_stands_in_a_bottleneck_or_behind_any_layer() -> None:
    rows = with_row(11, [7, 1, "BottleneckSE", [16]])
    rows[4] = [-1, 1, "CBAM", [16]]
    assert inspect(model(rows)).parameters < inspect(model()).parameters
    run_real(model(rows, init=True), 128)
