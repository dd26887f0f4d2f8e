"""The promises of a layer, tried out: the bundled mechanisms keep all, and each can be broken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from warnings import warn

import pytest
import torch
from abilities import UNTOLD
from torch import Tensor, nn
from torch.nn import functional as F
from two_inputs import reading_one

from yaml_attn.errors import UsageError
from yaml_attn.mechanisms.contract import Check, check, require
from yaml_attn.modules import MECHANISMS

PROMISES = (
    "is constructed",
    "keeps the shape",
    "trains with one image",
    "survives an image of zeros",
    "works at any size",
    "leaves its input as it is",
    "keeps images apart",
    "works in float16",
    "works in bfloat16",
    "trains under autocast",
    "keeps channels_last",
    "runs on the meta device",
    "leaves i, f, type and np free",
    "has its parameters from the start",
    "a gradient reaches every parameter",
    "every framework trains its parameters",
    "survives deepcopy",
    "survives torch.save",
    "survives its state_dict",
    "prints nothing",
)
REQUIRED = PROMISES[:4]
HALVES = {"works in float16", "works in bfloat16"}
TRAINS = {
    "trains with one image",
    "trains under autocast",
    "a gradient reaches every parameter",
}


def broken(checks: tuple[Check, ...]) -> dict[str, str]:
    return {each.name: each.detail for each in checks if not each.passed}


class Gate(nn.Module):
    """Keeps every promise; the layers below break one each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def gate(self, x: Tensor) -> Tensor:
        return self.conv(x.mean((2, 3), keepdim=True)).sigmoid()

    def forward(self, x: Tensor) -> Any:
        return x * self.gate(x)


class Tuple(Gate):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.gate(x)


class Halves(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, ::2]


class Infinite(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0


class PooledNorm(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.norm = nn.BatchNorm2d(channels)

    def gate(self, x: Tensor) -> Tensor:
        return self.norm(super().gate(x))


class Standardised(Gate):
    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x) / x.std((1, 2, 3), keepdim=True)


class PoisonedStatistics(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.register_buffer("mean", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.mean = self.mean * x.detach().sum() / x.detach().sum()
        return super().forward(x)


class Reflects(Gate):
    """Reflection takes a map that is larger than the padding."""

    def gate(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(self.conv(x), (1, 1, 1, 1), mode="reflect"), 3, 1).sigmoid()


class InPlace(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.relu(x, inplace=True))


class MixesImages(Gate):
    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x).softmax(0)


class SinglePrecision(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * torch.ones(1, dtype=torch.float32, device=x.device)


class SameDtype(Gate):
    """Under autocast a convolution gives another dtype than it was given."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return torch.zeros_like(x).scatter_add(1, torch.zeros_like(y, dtype=torch.int64), y) + y


class ForgetsLayout(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).contiguous()


class ViewsItsInput(Gate):
    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return super().forward(x.view(n, c * h * w).view(n, c, h, w)).contiguous()


class FixedDevice(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * torch.ones(x.shape, device="cpu", dtype=x.dtype)


class TakenName(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.f = self.conv

    def gate(self, x: Tensor) -> Tensor:
        return self.f(x.mean((2, 3), keepdim=True)).sigmoid()


class TakenNumber(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.np = 2

    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x) ** self.np


class LateParameters(Gate):
    def gate(self, x: Tensor) -> Tensor:
        if not hasattr(self, "late"):
            self.late = nn.Conv2d(x.shape[1], x.shape[1], 1).to(x.device, x.dtype)
        return self.late(super().gate(x))


class LazyParameters(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.conv = nn.LazyConv2d(channels, 1)


class CutsTheGradient(Gate):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


class SquareRoot(Gate):
    """Its slope is infinite at 0, and the largest value is 0 from itself."""

    def gate(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return (y - y.amax((2, 3), keepdim=True)).square().sqrt()


class Unused(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.unused = nn.Linear(2, 2)


class Gamma(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.gamma = nn.Parameter(torch.ones(channels, 1, 1))

    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x) * self.gamma


class RemembersItsMap(Gate):
    def gate(self, x: Tensor) -> Tensor:
        self.map = super().gate(x)
        return self.map


class HoldsALambda(Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = lambda x: x + 0

    def gate(self, x: Tensor) -> Tensor:
        return self.act(super().gate(x))


class HiddenState(Gate):
    made = 0

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        HiddenState.made += 1
        self.scale = 1 / HiddenState.made

    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x) * self.scale


class Prints(Gate):
    def forward(self, x: Tensor) -> Tensor:
        print("shape", tuple(x.shape))  # noqa: T201
        return super().forward(x)


class Branches(Gate):
    def gate(self, x: Tensor) -> Tensor:
        return super().gate(x) * (2 if x.mean() > 0 else 1)


class BakesTheSize(Gate):
    def gate(self, x: Tensor) -> Tensor:
        area = int(x.shape[2]) * int(x.shape[3])
        return self.conv(x.sum((2, 3), keepdim=True) / area).sigmoid()


def test_a_layer_that_keeps_every_promise_has_a_table_without_a_failure() -> None:
    checks = check(Gate, 8)
    assert {each.name for each in checks} | UNTOLD >= set(PROMISES)
    assert broken(checks) == {}
    assert tuple(each.name for each in checks if each.required) == REQUIRED
    details = {each.name: each.detail for each in checks}
    assert details["has its parameters from the start"] == "72"
    assert details["works at any size"] == "1x1, 1x7, 6x1, 7x9, 32x32"
    require("Gate", checks)


@pytest.mark.parametrize("name", MECHANISMS)
def test_every_bundled_mechanism_keeps_every_promise(name: str) -> None:
    checks = check(lambda channels: reading_one(MECHANISMS[name], channels), 16)
    assert {each.name for each in checks} | UNTOLD >= set(PROMISES)
    assert broken(checks) == {}


BREAKS: Mapping[type[nn.Module], Mapping[str, str]] = {
    Tuple: {"keeps the shape": "gives a tuple, not one map"},
    Halves: {"keeps the shape": "2x8x6x5 becomes 2x4x6x5"},
    Infinite: {"keeps the shape": "gives values that are not finite"},
    PooledNorm: {
        "trains with one image": "ValueError: Expected more than 1 value per channel",
        "survives an image of zeros": "ValueError: Expected more than 1 value per channel",
    },
    Standardised: {"survives an image of zeros": "gives values that are not finite"},
    PoisonedStatistics: {"survives an image of zeros": "mean is not finite afterwards"},
    Reflects: {"works at any size": "^1x1: RuntimeError: .*; 1x7: RuntimeError: "},
    InPlace: {"leaves its input as it is": "changes it in place"},
    MixesImages: {"keeps images apart": r"depends on the others of the batch, by \d+\.\d%"},
    SinglePrecision: dict.fromkeys(HALVES - UNTOLD, "gives torch.float32"),
    SameDtype: {
        "trains under autocast": "Expected self.dtype to be equal to src.dtype",
        "keeps channels_last": "right, but the output is in another layout",
    },
    ForgetsLayout: {"keeps channels_last": "right, but the output is in another layout"},
    ViewsItsInput: {"keeps channels_last": "view size is not compatible"},
    FixedDevice: {"runs on the meta device": "device"},
    TakenName: {"leaves i, f, type and np free": "its f overwritten.*cannot assign 'int'"},
    TakenNumber: {"leaves i, f, type and np free": "its np overwritten.*gives something else"},
    LateParameters: {
        "has its parameters from the start": "late.weight, late.bias come with the first image",
        "survives its state_dict": "RuntimeError: Error.* loading state_dict",
    },
    LazyParameters: {
        "has its parameters from the start": "the size of conv.weight, conv.bias is not"
    },
    CutsTheGradient: dict.fromkeys(TRAINS, "no gradient reaches the layer before"),
    SquareRoot: dict.fromkeys(TRAINS, "the gradient of the input is not finite"),
    Unused: {"a gradient reaches every parameter": "none reaches unused.weight, unused.bias"},
    Gamma: {"every framework trains its parameters": "weight and bias only, not gamma"},
    RemembersItsMap: {"survives deepcopy": "RuntimeError: Only Tensors created explicitly"},
    HoldsALambda: {"survives torch.save": "lambda"},
    HiddenState: {"survives its state_dict": "the copy gives something else"},
    Prints: {"prints nothing": r"printed: shape \(2, 8, 6, 5\)"},
}


@pytest.mark.parametrize("layer", BREAKS, ids=lambda layer: layer.__name__)
def test_a_broken_promise_is_what_fails(layer: type[nn.Module]) -> None:
    found = broken(check(layer, 8))
    assert found.keys() == BREAKS[layer].keys()
    for name, pattern in BREAKS[layer].items():
        assert re.search(pattern, found[name])


def test_without_a_layer_of_the_right_shape_nothing_else_is_tried() -> None:
    assert len(check(Halves, 8)) == 2
    assert len(check(partial(Halves, 8, 8))) == 1


class Explodes(Gate):
    def forward(self, x: Tensor) -> Tensor:
        del x
        warn("careful", stacklevel=2)
        raise KeyError("first line\n" * 2 + "x" * 500)


@pytest.mark.parametrize(
    ("factory", "detail"),
    [
        (partial(Gate, 1), "TypeError: .*takes 2 positional arguments but 3 were given"),
        (lambda channels: channels, "gives a int"),
        (lambda _: Explodes, "gives a type"),
        (lambda _: nn.Conv2d(8, 8, 2)(torch.zeros(3)), "RuntimeError: Expected"),
    ],
)
def test_what_cannot_be_constructed_is_told_in_a_line(
    factory: Callable[[int], nn.Module], detail: str
) -> None:
    (found,) = check(factory, 8)
    assert (found.name, found.passed, found.required) == ("is constructed", False, True)
    assert re.search(detail, found.detail)


def test_an_exception_becomes_one_short_line() -> None:
    _, found = check(Explodes, 8)
    assert found.detail.startswith("KeyError: ")
    assert "\n" not in found.detail
    assert len(found.detail) <= 160


def test_a_check_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    state = torch.get_rng_state()
    check(Prints, 8)
    check(Explodes, 8)
    assert torch.equal(torch.get_rng_state(), state)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("surrounding", [torch.no_grad, torch.inference_mode])
def test_a_check_is_the_same_where_gradients_are_off(surrounding: Callable[[], Any]) -> None:
    with surrounding():
        assert broken(check(Gate, 8)) == {}


def test_a_layer_that_breaks_a_required_promise_is_refused() -> None:
    require("Gamma", check(Gamma, 8))
    with pytest.raises(UsageError, match=r"PooledNorm cannot .*\(trains with one image: no, Val"):
        require("PooledNorm", check(PooledNorm, 8))


@pytest.mark.parametrize(
    ("layer", "promise", "detail"),
    [
        (Gate, None, ""),
        (Branches, "compiles", "Data-dependent|UserError|Unsupported"),
        (BakesTheSize, "exports to ONNX", "gives something else at 4x9"),
    ],
)
def test_thorough_compiles_and_exports(
    layer: type[nn.Module], promise: str | None, detail: str
) -> None:
    pytest.importorskip("onnxruntime")
    checks = check(layer, 8, thorough=True)
    assert [each.name for each in checks[-3:]] == ["compiles", "exports to ONNX", "prints nothing"]
    found = broken(checks)
    if promise is None:
        assert found == {}
    else:
        assert re.search(detail, found[promise])
