from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from abilities import UNTOLD
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.mechanisms.contract import check
from yaml_attn.modules import GaussianAttention


def image(height: int = 3, width: int = 4) -> Tensor:
    return torch.randn(2, 5, height, width, dtype=torch.float64)


def gate_by_hand(layer: GaussianAttention, x: Tensor) -> Tensor:
    """The sum of the spots on one (C, H, W) image, pixel by pixel."""
    height, width = x.shape[1:]
    spots, per_spot = layer.start.shape
    pooled = layer.spread.weight.flatten(1) @ x.mean((1, 2)) + layer.spread.bias
    pixels = [(i, j) for i in range(height) for j in range(width)]
    at = {(i, j): (i / max(height - 1, 1), j / max(width - 1, 1)) for i, j in pixels}
    gate = torch.zeros(height, width, dtype=x.dtype)
    for t in range(spots):
        shares = {p: (layer.place.weight[t].flatten() @ x[:, p[0], p[1]]).exp() for p in pixels}
        total = sum(shares.values())
        my = sum(shares[p] / total * at[p][0] for p in pixels)
        mx = sum(shares[p] / total * at[p][1] for p in pixels)
        mine = pooled[t * per_spot : (t + 1) * per_spot]
        for p in pixels:
            dy, dx = at[p][0] - my, at[p][1] - mx
            if layer.elliptic:
                r = mine[2].tanh() / 2
                u, v = dy / (mine[0].sigmoid() + 1e-5), dx / (mine[1].sigmoid() + 1e-5)
                power = (u**2 - 2 * r * u * v + v**2) / (2 * layer.scale * (1 - r**2))
            else:
                power = (dy**2 + dx**2) / (2 * layer.scale * mine[0].sigmoid() + 1e-5)
            gate[p] += (-power).exp()
    return gate


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("elliptic", [False, True])
@pytest.mark.parametrize(("spots", "size"), [(1, (3, 4)), (2, (3, 4)), (1, (1, 5)), (1, (1, 1))])
def test_it_is_the_equation(
    spots: int, size: tuple[int, int], elliptic: bool, residual: bool
) -> None:
    layer = randomised(GaussianAttention(5, spots, 0.05, elliptic, residual))
    x = image(*size)
    gates = torch.stack([gate_by_hand(layer, each) for each in x]).unsqueeze(1)
    # The pixels' places are in float32.
    wanted = x * (1 + gates if residual else gates)
    torch.testing.assert_close(layer(x), wanted, rtol=1e-5, atol=1e-6)


def test_the_spot_stands_where_the_features_are() -> None:
    layer = GaussianAttention(1)
    nn.init.constant_(layer.place.weight, 100.0)
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 2, 6] = 1.0
    gate = (layer(x + 1) / (x + 1))[0, 0]
    assert gate.argmax() == 2 * 9 + 6
    assert gate.max() > 0.999


def test_what_moves_takes_the_spot_with_it() -> None:
    layer, x = randomised(GaussianAttention(5)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    torch.testing.assert_close(layer(x.transpose(2, 3)), layer(x).transpose(2, 3))


def test_a_map_without_features_has_its_spot_in_the_middle_and_is_halved_where_said() -> None:
    layer, x = GaussianAttention(3).double(), torch.zeros(1, 3, 1001, 1, dtype=torch.float64)
    gate = layer._spots(layer.place(x), layer.start[None].double())[0, 0, :, 0]
    assert gate.argmax() == 500
    half = int((gate > 0.5).sum()) / 1000 / 2
    assert abs(half - math.sqrt(2 * 0.05 * 0.5 * math.log(2))) < 2e-3
    assert abs(half - 0.19) < 5e-3


def test_the_start_is_not_saved() -> None:
    assert set(GaussianAttention(8).state_dict()) == {
        "place.weight",
        "spread.weight",
        "spread.bias",
    }


def test_spots_that_start_as_the_identity_come_apart() -> None:
    layer = GaussianAttention(8, spots=2, identity_init=True)
    x = torch.randn(2, 8, 6, 5)
    torch.testing.assert_close(layer(x), x)
    layer(x).square().mean().backward()
    first, second = layer.place.weight.grad
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("options", [{"spots": 0}, {"scale": 0.0}], ids=str)
def test_what_is_not_positive_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be positive, not 0"):
        GaussianAttention(16, **options)


@pytest.mark.parametrize(
    "factory",
    [
        partial(GaussianAttention, spots=3, elliptic=True),
        partial(GaussianAttention, spots=2, elliptic=True, identity_init=True),
    ],
)
def test_the_options_keep_every_promise(factory: Callable[[int], nn.Module]) -> None:
    failed = [each.name for each in check(factory, 16, thorough=True) if not each.passed]
    assert set(failed) <= UNTOLD
