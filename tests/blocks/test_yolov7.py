"""YOLOv7's layers: each against what the framework's own gives for the same weights and input.

`data/yolov7_blocks.json` has, for each module and arguments, what WongKinYiu/yolov7 at a207844 gave
in double precision with torch 2.13.0: parameters, a hash of the state dict's keys and shapes, the
output's shapes and a weighted sum of its values, in evaluation and (heads: `training`) in training.
Weights and inputs are made of whole numbers, the same everywhere.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yaml_attn.blocks import BLOCKS
from yaml_attn.blocks.heads import Detect
from yaml_attn.blocks.yolov7 import OWN
from yaml_attn.blocks.yolov7.csp import CSP, ResXCSPA
from yaml_attn.blocks.yolov7.heads import IAuxDetect
from yaml_attn.blocks.yolov7.orepa import RepConv_OREPA
from yaml_attn.blocks.yolov7.rep import RepConv

FACTS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "yolov7_blocks.json").read_text(encoding="utf-8")
)
CONSTANTS = ("anchors", "anchor_grid", "bins", "id_tensor", "avg_avg", "prior", "pos_weight")
"""What buffers that are no weights are called: they keep the values that the layer gives them."""
BROKEN = {"RepBottleneckCSPA", "RepBottleneckCSPB", "RepBottleneckCSPC"}
"""Modules whose convolutions do not fit each other, in the framework as here."""


def filled(shape: tuple[int, ...], seed: int) -> Tensor:
    """Numbers between -0.5 and 0.5, the same on every machine."""
    count = torch.Size(shape).numel()
    steps = torch.arange(count) * 37 + seed * 11
    return ((steps % 101).double() / 101 - 0.5).view(shape)


def with_weights(layer: nn.Module) -> nn.Module:
    """The layer in double precision, each of its weights given."""
    state = layer.double().state_dict()
    for seed, (key, value) in enumerate(state.items()):
        if value.is_floating_point() and not key.endswith(CONSTANTS):
            positive = 1 if key.endswith("running_var") else 0
            value.copy_(filled(tuple(value.shape), seed) + positive)
    return layer


def inputs(shapes: list[list[int]]) -> Any:
    maps = [filled((1, *shape), seed) for seed, shape in enumerate(shapes)]
    return maps if len(maps) > 1 else maps[0]


def tensors(output: Any) -> list[Tensor]:
    return [output] if isinstance(output, Tensor) else [t for part in output for t in tensors(part)]


def weighted(output: Any) -> float:
    """A sum of all values in which each place counts differently."""
    values = torch.cat([each.flatten() for each in tensors(output)])
    return float((values * (torch.arange(values.numel()) % 97 + 1)).sum())


def digest(layer: nn.Module) -> str:
    lines = "\n".join(f"{key} {tuple(value.shape)}" for key, value in layer.state_dict().items())
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def made(facts: dict[str, Any]) -> nn.Module:
    layer = BLOCKS["yolov7"][facts["module"]](*facts["args"])
    if isinstance(layer, Detect):
        layer.set_stride([8.0, 16.0, 32.0, 64.0][: layer.levels])
    return layer


@pytest.fixture(autouse=True)
def _same_numbers_each_run() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("facts", FACTS, ids=lambda facts: f"{facts['module']}{facts['args']}")
def test_a_layer_gives_what_the_frameworks_own_gives(facts: dict[str, Any]) -> None:
    layer = made(facts)
    assert sum(each.numel() for each in layer.parameters()) == facts["parameters"]
    assert digest(layer) == facts["state"]
    with torch.no_grad():
        output = with_weights(layer).eval()(inputs(facts["inputs"]))
        assert [list(each.shape[1:]) for each in tensors(output)] == facts["shapes"]
        assert weighted(output) == pytest.approx(facts["sum"], rel=1e-9)
        if "training" in facts:
            training = layer.train()(inputs(facts["inputs"]))
            assert weighted(training) == pytest.approx(facts["training"], rel=1e-9)


def test_every_layer_that_yolov5_has_not_is_compared() -> None:
    assert OWN.keys() - {facts["module"] for facts in FACTS} == BROKEN


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_does_not_run_in_the_framework_does_not_run_here(name: str) -> None:
    block = OWN[name](64, 64)
    assert isinstance(block, CSP)
    with pytest.raises(RuntimeError, match=r"to have \d+ channels, but got \d+"):
        block(torch.zeros(1, 64, 4, 4))


@pytest.mark.parametrize("name", sorted(OWN.keys() - BROKEN))
def test_gradients_reach_every_parameter_and_pickling_changes_nothing(name: str) -> None:
    facts = next(facts for facts in FACTS if facts["module"] == name)
    layer = with_weights(made(facts))
    outputs = tensors(layer.train()(inputs(facts["inputs"])))
    if any(True for _ in layer.parameters()):
        torch.stack([each.square().mean() for each in outputs]).sum().backward()
    assert [key for key, each in layer.named_parameters() if each.grad is None] == []
    other = pickle.loads(pickle.dumps(layer.eval()))  # noqa: S301
    with torch.no_grad():
        assert weighted(other(inputs(facts["inputs"]))) == weighted(layer(inputs(facts["inputs"])))


@pytest.mark.parametrize(
    ("make", "args", "message"),
    [
        (RepConv, (8, 8, 1), "kernel is 3"),
        (RepConv, (8, 8, 3, 1, 0), "padding 1"),
        (RepConv_OREPA, (8, 8, 5), "kernel is 3"),
        (RepConv_OREPA, (8, 8, 3, 1, 1, 1, 2), "run with groups"),
        (RepConv_OREPA, (8, 8, 3, 1, 1, 1, 1, "zeros", False, True), "built with use_se"),
        (ResXCSPA, (64, 64), "half of its 32 inner channels must be divisible by groups"),
        (IAuxDetect, (3, [[1, 2]] * 3, [8] * 6), "four levels alone, not on 3"),
    ],
)
def test_what_the_framework_cannot_build_is_refused(
    make: type[nn.Module], args: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(*args)


def test_a_deployed_rep_conv_is_the_sum_of_its_branches() -> None:
    branches, one = with_weights(RepConv(8, 8)).eval(), RepConv(8, 8, deploy=True).double().eval()
    kernel, bias = torch.zeros(8, 8, 3, 3).double(), torch.zeros(8).double()
    identity = nn.Conv2d(8, 8, 1, bias=False).double()
    nn.init.dirac_(identity.weight)
    parts = [*branches.rbr_dense, *branches.rbr_1x1, identity, branches.rbr_identity]  # type: ignore[misc]
    for conv, norm in zip(parts[::2], parts[1::2], strict=True):
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        middle = (3 - conv.weight.shape[2]) // 2
        kernel += nn.functional.pad(conv.weight * scale.view(-1, 1, 1, 1), [middle] * 4)
        bias += norm.bias - norm.running_mean * scale
    one.load_state_dict({"rbr_reparam.weight": kernel, "rbr_reparam.bias": bias})
    x = inputs([[8, 6, 5]])
    torch.testing.assert_close(one(x), branches(x))
