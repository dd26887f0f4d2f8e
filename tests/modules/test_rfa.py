from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.mechanisms.contract import check
from yaml_attn.modules import RandomFeatureAttention
from yaml_attn.modules.rfa import RandomFeatures


def image(channels: int = 6) -> Tensor:
    return torch.randn(2, channels, 3, 4, dtype=torch.float64)


def projected(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    return conv.weight.flatten(1) @ columns + conv.bias[:, None]


def phi_by_hand(u: Tensor, w: Tensor) -> Tensor:
    """The features of one vector (c,) from the vectors w (D, c)."""
    u = u / u.square().sum().sqrt()
    angles = [u @ each for each in w]
    waves = [angle.sin() for angle in angles] + [angle.cos() for angle in angles]
    return torch.stack(waves) / math.sqrt(len(w))


@pytest.mark.parametrize(("heads", "tau"), [(1, 1.0), (2, 1.0), (3, 2.0)])
def test_it_is_the_paper_s_equation(heads: int, tau: float) -> None:
    layer, x = randomised(RandomFeatureAttention(6, 5, heads, tau)), image()
    width = 6 // heads
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        q, k, v = (projected(conv, columns) for conv in (layer.query, layer.key, layer.value))
        read = torch.zeros_like(columns)
        for h in range(heads):
            part = slice(h * width, (h + 1) * width)
            w = layer.phi.weight[h] * layer.phi.pool[h] / tau
            of_k = [phi_by_hand(k[part, j], w) for j in range(12)]
            for i in range(12):
                of_q = phi_by_hand(q[part, i], w)
                weights = [of_q @ each for each in of_k]
                total = torch.stack(weights).sum()
                assert total > 12 * 0.01  # else the bound would hold, and not the equation
                read[part, i] = sum(a * v[part, j] for j, a in enumerate(weights)) / total
        torch.testing.assert_close(found.flatten(1), columns + projected(layer.out, read))


def test_many_features_come_near_to_softmax_attention() -> None:
    layer, x = randomised(RandomFeatureAttention(6, 20_000)), image()
    nn.init.ones_(layer.phi.weight)
    q, k, v = (conv(x).flatten(2) for conv in (layer.query, layer.key, layer.value))
    q, k = q / q.norm(dim=1, keepdim=True), k / k.norm(dim=1, keepdim=True)
    read = v @ (q.transpose(1, 2) @ k).softmax(2).transpose(1, 2)
    wanted = x + layer.out(read.unflatten(2, (3, 4)))
    assert (layer(x) - wanted).abs().max() < 0.05 * (wanted - x).abs().max()


def test_the_features_estimate_a_gaussian_as_closely_as_is_said() -> None:
    q, k = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([-1.0, 0.0, 0.0])  # as far as can be
    estimates = []
    for _ in range(400):
        phi = RandomFeatures(1, 3, 64, 1.0)
        w = phi.drawn()
        of_q, of_k = (phi(each[None, None, None], w) for each in (q, k))
        estimates.append((of_q * of_k).sum())
    found = torch.stack(estimates)
    assert abs(found.mean() - math.exp(-2)) < 0.02
    assert 0.07 < found.std() < 0.1


def test_pixels_have_no_order() -> None:
    layer, x = randomised(RandomFeatureAttention(6)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))


def test_a_constant_value_comes_back_as_it_is() -> None:
    layer, x = randomised(RandomFeatureAttention(6)), image()
    nn.init.zeros_(layer.value.weight)
    wanted = projected(layer.out, layer.value.bias[:, None])[None, :, None]
    torch.testing.assert_close(layer(x) - x, wanted.expand_as(x))


def test_training_draws_anew_and_evaluation_does_not() -> None:
    layer, x = randomised(RandomFeatureAttention(6)), image()
    assert torch.equal(layer(x), layer(x))
    layer.train()
    assert not torch.equal(layer(x), layer(x))


def test_what_is_drawn_is_saved() -> None:
    layer, other, x = RandomFeatureAttention(6).eval(), RandomFeatureAttention(6).eval(), image()
    other.load_state_dict(layer.state_dict())
    torch.testing.assert_close(other(x.float()), layer(x.float()), rtol=0, atol=0)


def test_a_sum_near_zero_is_bounded() -> None:
    layer, x = randomised(RandomFeatureAttention(6, 2)), image()
    nn.init.constant_(layer.phi.weight, 30.0)  # so narrow that the estimates are mostly noise
    assert layer(x).abs().max() < 1e3


def test_heads_are_64_wide_or_as_given() -> None:
    with torch.device("meta"):
        heads = [RandomFeatureAttention(c).heads for c in (7, 64, 96, 192, 1024)]
        assert RandomFeatureAttention(96, heads=7).heads == 6
    assert heads == [1, 1, 1, 3, 16]


@pytest.mark.parametrize("options", [{"features": 0}, {"tau": 0.0}], ids=str)
def test_what_is_not_positive_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be positive, not 0"):
        RandomFeatureAttention(16, **options)


@pytest.mark.parametrize(
    "factory", [partial(RandomFeatureAttention, heads=4), partial(RandomFeatureAttention, tau=0.5)]
)
def test_the_options_keep_every_promise(factory: Callable[[int], nn.Module]) -> None:
    assert [each for each in check(factory, 16) if not each.passed] == []
