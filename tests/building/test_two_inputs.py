"""Attention that reads two layers, where the backbone's P4 joins the neck of real networks."""

from __future__ import annotations

from typing import Any

import facts
import pytest

from yaml_attn.building.bundled import build, inspect, run_real
from yaml_attn.building.model import Model
from yaml_attn.graph.network import Network
from yaml_attn.modules import MECHANISMS

BACKBONE, UPSAMPLED, CONCAT = 6, 11, 12
TWO_INPUTS = [each.name for each in MECHANISMS.values() if each.inputs == 2]


def network(row: list[Any], base: str) -> Network:
    """The network with this row above the Concat, which reads it and not the backbone."""
    plain = facts.network("yolov5", base)
    rows = [[plain.spell(layer), layer.number, layer.module, layer.args] for layer in plain.layers]
    rows[CONCAT][0] = [UPSAMPLED, CONCAT]
    for later in rows[CONCAT + 1 :]:
        sources = later[0] if isinstance(later[0], list) else [later[0]]
        moved = [source + (source >= CONCAT) for source in sources]
        later[0] = moved if isinstance(later[0], list) else moved[0]
    return Network.read({"backbone": [*rows[:CONCAT], row, *rows[CONCAT:]]})


def built(name: str, base: str = "yolov5n", *, init: bool = False, number: int = 1) -> Model:
    row = [[BACKBONE, 4], number, name, ["ch", "f"]]
    return build(network(row, base), facts.settings("yolov5", base), init=init)


@pytest.mark.parametrize("name", TWO_INPUTS)
@pytest.mark.parametrize(("base", "channels"), [("yolov5n", (128, 64)), ("yolov5s", (256, 128))])
def test_the_first_layer_gives_the_shape_and_only_its_parameters_are_added(
    name: str, base: str, channels: tuple[int, int]
) -> None:
    report = inspect(built(name, base), 320)
    layer, context = report.layers[CONCAT], report.layers[4]
    assert layer.shape == report.layers[BACKBONE].shape == (channels[0], 20, 20)
    assert context.shape == (channels[1], 40, 40)  # another width and size
    own = sum(p.numel() for p in MECHANISMS[name].load()(*channels).parameters())
    assert layer.parameters == own
    assert report.parameters == facts.models("yolov5")[base]["parameters"] + own


@pytest.mark.parametrize("name", TWO_INPUTS)
def test_it_trains(name: str) -> None:
    run_real(built(name, init=True), 320)
