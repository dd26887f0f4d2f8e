from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from abilities import UNTOLD
from randomising import randomised
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.mechanisms.contract import check
from yaml_attn.modules import SplAtConv


def image(channels: int) -> Tensor:
    return torch.randn(2, channels, 3, 4, dtype=torch.float64)


def norm(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    shape = (-1, *[1] * (x.dim() - 1))
    return (x - bn.running_mean.view(shape)) * scale.view(shape) + bn.bias.view(shape)


def by_hand(layer: SplAtConv, x: Tensor, cardinality: int, radix: int) -> Tensor:
    """One (C, H, W) image, one cardinal group, one split, one channel after the other."""
    channels = len(x)
    read, made = channels // (cardinality * radix), channels // cardinality
    filters = layer.conv.weight
    convolved = torch.cat(
        [
            F.conv2d(
                x[None, g * read : (g + 1) * read],
                filters[g * made : (g + 1) * made],
                None,
                padding=1,
            )[0]
            for g in range(cardinality * radix)
        ]
    )
    u = norm(layer.bn, convolved).clamp_min(0)
    cardinal = [u[k * radix * made : (k + 1) * radix * made] for k in range(cardinality)]
    w1, w2 = layer.fc1.weight.flatten(1), layer.fc2.weight.flatten(1)
    hidden = len(w1) // cardinality
    squeezed = [sum(group.mean((1, 2)).split(made)) for group in cardinal]
    z = torch.cat([w1[k * hidden : (k + 1) * hidden] @ squeezed[k] for k in range(cardinality)])
    z = norm(layer.bn1, z + layer.fc1.bias).clamp_min(0)
    y = torch.zeros_like(x)
    for k in range(cardinality):
        rows = slice(k * radix * made, (k + 1) * radix * made)
        logits = w2[rows] @ z[k * hidden : (k + 1) * hidden] + layer.fc2.bias[rows]
        for c in range(made):
            mine = torch.stack([logits[r * made + c] for r in range(radix)]).exp()
            for r in range(radix):
                weight = mine[r] / mine.sum() if radix > 1 else mine[0] / (1 + mine[0])
                y[k * made + c] += weight * cardinal[k][r * made + c]
    return y


@pytest.mark.parametrize(("radix", "cardinality"), [(2, 1), (1, 1), (3, 2), (1, 2), (2, 3)])
def test_it_is_the_paper_s_equation(radix: int, cardinality: int) -> None:
    layer, x = randomised(SplAtConv(12, radix, cardinality, minimum=5)), image(12)
    wanted = torch.stack([by_hand(layer, each, cardinality, radix) for each in x])
    torch.testing.assert_close(layer(x), wanted)


def test_splits_that_weigh_alike_give_their_mean() -> None:
    layer, x = randomised(SplAtConv(6)), image(6)
    nn.init.zeros_(layer.fc2.weight)
    nn.init.zeros_(layer.fc2.bias)
    u = layer.relu(layer.bn(layer.conv(x)))
    torch.testing.assert_close(layer(x), (u[:, :6] + u[:, 6:]) / 2)


def test_it_has_the_parameters_of_the_authors_code() -> None:
    with torch.device("meta"):
        layer = SplAtConv(256)
    conv, norm, fc1, norm1, fc2 = 512 * 128 * 9, 2 * 512, 256 * 128 + 128, 2 * 128, 128 * 512 + 512
    assert sum(p.numel() for p in layer.parameters()) == conv + norm + fc1 + norm1 + fc2


def test_the_width_of_z_is_at_least_the_minimum_and_a_multiple_of_the_cardinality() -> None:
    with torch.device("meta"):
        widths = [SplAtConv(c, 2, k).fc1.out_channels for c, k in ((16, 1), (512, 1), (60, 5))]
    assert widths == [32, 256, 35]


@pytest.mark.parametrize(("radix", "cardinality"), [(2, 1), (1, 1), (4, 2)])
def test_identity_init_starts_near_relu_and_leaves_no_filter_dead(
    radix: int, cardinality: int
) -> None:
    layer = SplAtConv(16, radix, cardinality, identity_init=True).eval()
    x = torch.randn(2, 16, 6, 5)
    off = (layer(x) - x.relu()).abs().mean() / x.relu().mean()
    assert off < 0.03 * radix
    layer.train()(torch.randn(4, 16, 6, 5)).square().mean().backward()
    assert layer.conv.weight.grad.flatten(1).any(1).all()


@pytest.mark.parametrize(
    ("channels", "options", "why"),
    [
        (7, {}, "7 is not a multiple of 2"),
        (16, {"radix": 3}, "16 is not a multiple of 3"),
        (16, {"radix": 2, "cardinality": 3}, "16 is not a multiple of 6"),
        (16, {"radix": 0}, "radix must be positive, not 0"),
        (16, {"ratio": 0}, "ratio must be positive, not 0"),
    ],
)
def test_channels_that_do_not_divide_are_refused(
    channels: int, options: dict[str, int], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        SplAtConv(channels, **options)


@pytest.mark.parametrize(
    "factory", [partial(SplAtConv, radix=1), partial(SplAtConv, radix=2, cardinality=4)]
)
def test_the_options_keep_every_promise(factory: Callable[[int], nn.Module]) -> None:
    failed = [each.name for each in check(factory, 16, thorough=True) if not each.passed]
    assert set(failed) <= UNTOLD
