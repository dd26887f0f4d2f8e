"""What a framework's model is seen to be; the model is made here, as the frameworks make theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yaml_attn.building.inspect import build
from yaml_attn.building.report import BuildReport
from yaml_attn.building.spec import ModelSpec, Row
from yaml_attn.errors import BuildError

STAGE = [(-1, nn.Conv2d(3, 8, 3, 2, 1)), (-1, nn.Conv2d(8, 16, 3, 2, 1)), (-1, nn.Identity())]


class Concat(nn.Module):
    def forward(self, x: list[Tensor]) -> Tensor:
        return torch.cat(x, 1)


class Head(nn.Module):
    """Reads two levels, and two more that help in training alone; predicts what a detector does."""

    def __init__(self, *channels: int, nl: int = 2) -> None:
        super().__init__()
        self.nl = nl
        self.cv = nn.ModuleList(nn.Conv2d(each, 5, 1) for each in channels)

    def forward(self, x: list[Tensor]) -> Any:
        for at, layer in enumerate(self.cv):
            x[at] = layer(x[at])
        return {"maps": x, "boxes": x[0].flatten(2), "extra": None}


class Network(nn.Module):
    """Rows that read what their `f` says, as every framework of the family runs them."""

    def __init__(self, rows: Sequence[tuple[Any, nn.Module]]) -> None:
        super().__init__()
        self.model = nn.Sequential(*(row for _, row in rows))
        for at, (source, row) in enumerate(rows):
            row.i, row.f, row.type = at, source, type(row).__name__

    def forward(self, x: Any) -> Any:
        kept: list[Any] = []
        for row in self.model:
            if row.f != -1:
                x = (
                    kept[row.f]
                    if isinstance(row.f, int)
                    else [x if at == -1 else kept[at] for at in row.f]
                )
            x = row(x)
            kept.append(x)
        return x


def observe(rows: Sequence[tuple[Any, nn.Module]], **options: Any) -> BuildReport:
    return build(recipe(rows, lambda: Network(rows)), **{"imgsz": 32, **options})


def recipe(rows: Sequence[tuple[Any, nn.Module]], make: Callable[[], nn.Module]) -> ModelSpec:
    named = [Row(type(row).__name__, 1) for _, row in rows]
    return ModelSpec(make, named, 3, "the framework", ["Conv2d", "Concat"])


def test_each_row_is_reported_as_it_was_run() -> None:
    report = observe([*STAGE, ([-1, 1], Concat()), ([0, 3], Head(8, 32))])
    assert [layer.shape for layer in report.layers[:4]] == [
        (8, 16, 16),
        (16, 8, 8),
        (16, 8, 8),
        (32, 8, 8),
    ]
    assert [layer.stride for layer in report.layers] == [2, 4, 4, 4, None]
    assert report.layers[-1].shape == (((5, 16, 16), (5, 8, 8)), (5, 256), ())
    parameters = [3 * 9 * 8 + 8, 8 * 9 * 16 + 16, 0, 0, 8 * 5 + 5 + 32 * 5 + 5]
    assert [layer.parameters for layer in report.layers] == parameters
    assert report.parameters == sum(parameters)
    assert report.strides == (2, 4)
    multiplied = [3 * 9 * 8 * 16**2, 8 * 9 * 16 * 8**2, 0, 0, 8 * 5 * 16**2 + 32 * 5 * 8**2]
    assert [layer.flops for layer in report.layers] == [2 * each for each in multiplied]


def test_only_the_levels_of_a_head_have_strides() -> None:
    main = [(-1, nn.Conv2d(3, 8, 3, 2, 1)), (-1, nn.Conv2d(8, 8, 3, 2, 1))]
    assert observe([*main, ([0, 1, 0, 1], Head(8, 8, 8, 8))]).strides == (2, 4)
    assert observe([*main, ([0, 1], Concat())][:2]).strides == ()


@pytest.mark.parametrize(
    ("flops", "counted"), [(False, []), (True, [0, 1, 2]), ([1], [1]), ([], [])], ids=str
)
def test_flops_are_those_that_were_asked_for(flops: Any, counted: list[int]) -> None:
    report = observe(STAGE, flops=flops)
    assert [layer.index for layer in report.layers if layer.flops is not None] == counted


def test_a_row_that_is_many_layers_counts_once() -> None:
    report = observe([*STAGE[:1], (-1, nn.Sequential(nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)))])
    assert report.layers[1].flops == 2 * 2 * 8 * 8 * 16**2


def test_no_random_number_is_used_up_and_no_hook_stays() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    rows = [(-1, nn.Dropout())]
    observe(rows, real=False)
    assert torch.equal(torch.rand(3), expected)
    hooks = torch.nn.modules.module
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks


class Failing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise LookupError(f"no such thing\nas {x.shape}")


@pytest.mark.parametrize(
    ("rows", "layer", "message", "hint"),
    [
        (
            [*STAGE, ([-1, 0], Concat())],
            3,
            "Concat joins maps of different sizes: layer 2 (Identity) at stride 4, layer 0 (Co",
            "kept its old value",
        ),
        (
            [*STAGE, (0, nn.Conv2d(16, 4, 1))],
            3,
            "Conv2d failed on layer 0 (Conv2d), 8x16x16: Given groups=1, weight of size",
            "",
        ),
        (
            [*STAGE, (-2, nn.Conv2d(8, 4, 1))],
            3,
            "Conv2d failed on layer 1 (Conv2d), 16x8x8: Given groups=1, weight of size",
            "",
        ),
        (
            [(-1, nn.Conv2d(4, 8, 1))],
            0,
            "Conv2d failed on the image, 3x32x32: Given groups=1, weight of size",
            "",
        ),
        (
            [*STAGE, ([0], Head(8)), (-1, nn.Identity()), (-1, nn.Conv2d(5, 5, 1))],
            5,
            "Conv2d failed on layer 4 (Identity), no single map: conv2d() received an invalid",
            "kept its old value",
        ),
        (
            [*STAGE, (-1, Failing())],
            3,
            "Failing failed on layer 2 (Identity), 16x8x8: LookupError: no such thing",
            "",
        ),
    ],
    ids=["sizes", "channels", "relative", "image", "no map", "own"],
)
def test_a_row_that_fails_is_named_with_what_it_read(
    rows: list[Any], layer: int, message: str, hint: str
) -> None:
    with pytest.raises(BuildError) as caught:
        observe(rows)
    assert caught.value.layer == layer
    assert caught.value.message.startswith(message)
    assert hint in (caught.value.hint or "")
    assert caught.value.__cause__ is None


def test_an_image_that_no_stride_divides_is_told_so() -> None:
    rows = [*STAGE, (-1, nn.Upsample(scale_factor=2)), ([-1, 0], Concat())]
    with pytest.raises(BuildError) as caught:
        observe(rows, imgsz=38)
    assert "stride" not in caught.value.message
    assert caught.value.hint == "38 pixels are no multiple of the largest stride."


def test_a_row_that_fails_while_the_model_is_made_is_named_too() -> None:
    class Eager(Network):
        def __init__(self, rows: Any) -> None:
            super().__init__(rows)
            self(torch.zeros(1, 3, 64, 64))

    rows = [*STAGE, ([-1, 0], Concat())]
    with pytest.raises(BuildError, match="maps of different sizes: layer 2") as caught:
        build(recipe(rows, lambda: Eager(rows)))
    assert caught.value.layer == 3


def parse_model(rows: list[Any], fail: Callable[[], Any] | None = None) -> Any:
    """As every framework has one: the row's index is `i`, its class `m`, its arguments `args`."""
    for i, (m, args) in enumerate(rows):
        m = {"Conv2d": nn.Conv2d}[m]  # noqa: PLW2901
        made = m(*args)
        made.i, made.f = i, -1
    if fail:
        fail()
    return made


@pytest.mark.parametrize(
    ("rows", "layer", "message", "hint"),
    [
        (
            [("Conv2d", (3, 8, 1)), ("Conv2d", [3, 8])],
            1,
            "Conv2d(3, 8) cannot be constructed: ",
            "So the framework calls it",
        ),
        (
            [("Conv2d", (3, 8, 1)), ("Conv3d", [3])],
            1,
            "the framework has no module Conv3d",
            "Did you mean Conv2d? ",
        ),
        (
            [("Conv2d", (3, 8, 1)), ("Qwerty", [3])],
            1,
            "the framework has no module Qwerty",
            "A class of yours",
        ),
    ],
    ids=["arguments", "close name", "unknown name"],
)
def test_a_row_that_cannot_be_made_is_named(
    rows: list[Any], layer: int, message: str, hint: str
) -> None:
    named = [Row(module, 1) for module, _ in rows]
    with pytest.raises(BuildError) as caught:
        build(ModelSpec(lambda: parse_model(rows), named, 3, "the framework", ["Conv2d"]))
    assert caught.value.layer == layer
    assert caught.value.message.startswith(message)
    assert (caught.value.hint or "").startswith(hint)


def test_what_is_no_rows_fault_is_told_without_one() -> None:
    def make() -> nn.Module:
        return {}["anchors"]

    with pytest.raises(BuildError) as caught:
        build(ModelSpec(make, [], 3, "the framework", []))
    assert str(caught.value) == "the framework cannot build it: KeyError: 'anchors'"
    with pytest.raises(BuildError, match="the framework made 3 layers of 2 rows"):
        build(recipe(STAGE[:2], lambda: Network(STAGE)))


class Idle(nn.Module):
    """Has a parameter that it does not use."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x


class Divide(nn.Module):
    """Finite where its parameter is, whose gradient is not."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(1))
        self.power = power

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale**self.power


def test_a_real_run_takes_a_batch_norm_of_pooled_maps_and_heads_that_wait_for_targets() -> None:
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(16))
    rows = [*STAGE, (-1, pooled), (-1, Idle())]
    report = observe(rows, real=True)
    assert report == observe(rows)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Idle(), "no gradient reaches unused of Idle"),
        (Divide(0.5), "the gradient of scale of Divide is not finite"),
        (Divide(-1.0), "Divide gives values that are not finite"),
    ],
    ids=["none", "gradient", "values"],
)
def test_a_real_run_finds_what_shapes_do_not_tell(row: nn.Module, message: str) -> None:
    rows = [*STAGE, (-1, row), (-1, nn.Conv2d(16, 4, 1))]
    assert observe(rows).layers[3].parameters == 1
    with pytest.raises(BuildError, match=message) as caught:
        observe(rows, real=True)
    assert caught.value.layer == 3


def test_a_real_run_finds_a_backward_that_fails() -> None:
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = x.sigmoid()
            z = y.square()
            y.add_(1)
            return z

    with pytest.raises(BuildError, match="the backward pass failed: one of the variables"):
        observe([*STAGE, (-1, Broken())], real=True)
