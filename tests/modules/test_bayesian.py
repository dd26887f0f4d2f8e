from __future__ import annotations

import math

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn
from torch.distributions import Gamma, Weibull

from yaml_attn.modules import BayesianAttention
from yaml_attn.modules._parts import block_means


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 32, 3, 4, generator=generator, dtype=torch.float64)


def map_of(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    found = conv.weight.flatten(1) @ columns
    return found if conv.bias is None else found + conv.bias[:, None]


def means(layer: BayesianAttention, columns: Tensor) -> list[Tensor]:
    """E S of one image for each head, (pixels, pixels): the softmax of likeness."""
    found = []
    queries = map_of(layer.query, columns).chunk(layer.heads)
    keys = map_of(layer.key, columns).chunk(layer.heads)
    for query, key in zip(queries, keys, strict=True):
        scores = (query.T @ key / math.sqrt(len(query))).exp()
        found.append(scores / scores.sum(1, keepdim=True))
    return found


def output(layer: BayesianAttention, columns: Tensor, weights: list[Tensor]) -> Tensor:
    values = map_of(layer.value, columns).chunk(layer.heads)
    read = [value @ weight.T for value, weight in zip(values, weights, strict=True)]
    return columns + map_of(layer.out, torch.cat(read))


def test_evaluation_takes_the_mean_which_is_softmax_attention() -> None:
    layer, x = randomised(BayesianAttention(32, 2)), image()
    assert layer.heads == 2
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        wanted = output(layer, columns, means(layer, columns))
        torch.testing.assert_close(found.flatten(1), wanted)


def test_training_draws_from_weibull_distributions_of_that_mean() -> None:
    layer, x = randomised(BayesianAttention(32, 2, concentration=3.0)).train(), image()
    torch.manual_seed(0)
    found = layer(x)
    torch.manual_seed(0)
    u = torch.rand(2, 2, 12, 12, dtype=torch.float32).double()
    for image_, columns, draws in zip(found, x.flatten(2), u, strict=True):
        weights = []
        for mean, draw in zip(means(layer, columns), draws, strict=True):
            scale = mean / math.gamma(1 + 1 / 3)
            torch.testing.assert_close(Weibull(scale, torch.tensor(3.0)).mean, mean)
            s = scale * (-draw.log()) ** (1 / 3)  # its quantile function at 1 - u
            weights.append(s / s.sum(1, keepdim=True))
        wanted = output(layer, columns, weights)
        torch.testing.assert_close(image_.flatten(1), wanted, atol=1e-5, rtol=1e-5)


def test_a_large_concentration_draws_next_to_nothing() -> None:
    layer, x = randomised(BayesianAttention(32, concentration=1e6)), image()
    torch.testing.assert_close(layer.train()(x), layer.eval()(x), atol=1e-4, rtol=1e-4)


def test_the_loss_is_the_divergence_from_the_prior() -> None:
    layer, x = randomised(BayesianAttention(32, 2, concentration=4.0, alpha=1.5, beta=2.0)), image()
    prior = Gamma(torch.tensor(1.5).double(), torch.tensor(2.0).double())
    # The integral of p log(p / q) over quantiles of p, their midpoints.
    points = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    divergences = []
    for columns in x.flatten(2):
        for mean in means(layer, columns):
            scale = (mean / math.gamma(1.25)).flatten()[:, None]
            s = scale * (-(1 - points).log()) ** 0.25
            weibull = Weibull(scale, torch.tensor(4.0).double())
            divergences.append((weibull.log_prob(s) - prior.log_prob(s)).mean(1))
    wanted = torch.cat(divergences).mean()
    torch.testing.assert_close(layer.aux_loss(x), wanted, atol=2e-3, rtol=1e-3)


def test_the_loss_trains_queries_and_keys_and_depends_on_no_draw() -> None:
    layer, x = randomised(BayesianAttention(32)).train(), image()
    assert torch.equal(layer.aux_loss(x), layer.aux_loss(x))
    layer.aux_loss(x).backward()
    for linear in (layer.query, layer.key):
        assert linear.weight.grad is not None
        assert linear.weight.grad.any()


def test_equal_likeness_reads_the_mean() -> None:
    layer, x = randomised(BayesianAttention(32)), image()
    nn.init.zeros_(layer.key.weight)
    wanted = layer.out(layer.value(x).mean((2, 3), keepdim=True)).expand_as(x)
    torch.testing.assert_close(layer(x) - x, wanted)


def test_a_bound_on_the_tokens_reads_the_means_of_blocks() -> None:
    layer, x = randomised(BayesianAttention(32, max_tokens=4)), image()
    blocks = torch.stack(
        [
            torch.stack([x[:, :, :2, :2].mean((2, 3)), x[:, :, :2, 2:].mean((2, 3))], 2),
            torch.stack([x[:, :, 2:, :2].mean((2, 3)), x[:, :, 2:, 2:].mean((2, 3))], 2),
        ],
        2,
    )
    torch.testing.assert_close(block_means(x, layer.side), blocks)
    full, roomy = BayesianAttention(32), BayesianAttention(32, max_tokens=16)
    for other in (full, roomy):
        other.double().eval().load_state_dict(layer.state_dict())
    torch.testing.assert_close(roomy(x), full(x))
    assert not torch.allclose(layer(x), full(x))


@pytest.mark.parametrize("name", ["max_tokens", "concentration", "alpha", "beta"])
def test_what_must_be_positive_is(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be positive"):
        BayesianAttention(32, **{name: 0})
