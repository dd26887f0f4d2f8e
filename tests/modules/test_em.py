from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import EMAttention


def image() -> Tensor:
    return torch.randn(2, 5, 3, 4, dtype=torch.float64)


def norm(bn: nn.BatchNorm2d, columns: Tensor) -> Tensor:
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    return (columns - bn.running_mean[:, None]) * scale[:, None] + bn.bias[:, None]


def fitted_by_hand(f: Tensor, mu: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The fitted mu (C, K) and Z (N, K) of the features (C, N) of one image, entry by entry."""
    mu, (_, positions), bases = mu.clone(), f.shape, mu.shape[1]
    z = torch.zeros(positions, bases, dtype=f.dtype)
    for _ in range(steps):
        for n in range(positions):
            likeness = torch.stack([f[:, n] @ mu[:, k] for k in range(bases)]).exp()
            z[n] = likeness / likeness.sum()
        for k in range(bases):
            mean = sum(z[n, k] * f[:, n] for n in range(positions)) / z[:, k].sum()
            mu[:, k] = mean / mean.square().sum().sqrt()
    return mu, z


def features(layer: EMAttention, columns: Tensor) -> Tensor:
    return layer.conv1.weight.flatten(1) @ columns + layer.conv1.bias[:, None]


@pytest.mark.parametrize("last_relu", [True, False])
@pytest.mark.parametrize("steps", [1, 3])
def test_it_is_the_paper_s_equation(steps: int, last_relu: bool) -> None:
    layer, x = randomised(EMAttention(5, 4, steps, last_relu=last_relu)), image()
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        mu, z = fitted_by_hand(features(layer, columns), layer.bases, steps)
        rebuilt = (mu @ z.T).clamp_min(0)
        wanted = columns + norm(layer.bn, layer.conv2.weight.flatten(1) @ rebuilt)
        if last_relu:
            wanted = wanted.clamp_min(0)
        torch.testing.assert_close(found.flatten(1), wanted, rtol=1e-5, atol=1e-5)  # epsilons


def test_the_bases_have_unit_length_and_each_pixel_is_dealt_out_whole() -> None:
    layer, x = randomised(EMAttention(5, 4)), image()
    assert torch.allclose(layer.bases.norm(dim=0), torch.ones(4, dtype=torch.float64))
    mu, z = layer._fitted(layer.conv1(x).flatten(2))
    torch.testing.assert_close(
        mu.norm(dim=1), torch.ones(2, 4, dtype=torch.float64), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(z.sum(2), torch.ones(2, 12, dtype=torch.float64))


def test_pixels_have_no_order() -> None:
    layer, x = randomised(EMAttention(5, 4)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))


def test_training_moves_the_bases_a_tenth_towards_the_batch() -> None:
    layer, x = randomised(EMAttention(5, 4)), image()
    old = layer.bases.clone()
    fitted = [fitted_by_hand(features(layer, columns), old, 3)[0] for columns in x.flatten(2)]
    layer(x)
    assert torch.equal(layer.bases, old)
    layer.train()(x)
    wanted = 0.9 * old + 0.1 * (fitted[0] + fitted[1]) / 2
    torch.testing.assert_close(layer.bases, wanted, rtol=1e-5, atol=1e-5)


def test_an_image_that_shows_nothing_moves_no_bases() -> None:
    layer, x = randomised(EMAttention(5, 4)).train(), image()
    old = layer.bases.clone()
    layer(x[:1])
    alone, layer.bases = layer.bases, old.clone()
    layer(torch.stack([x[0], torch.full_like(x[0], 3.0)]))
    torch.testing.assert_close(layer.bases, alone)
    layer.bases = old.clone()
    for blank in (torch.zeros_like(x), torch.ones(1, 5, 3, 4).double(), x[:1, :, :1, :1]):
        layer(blank)
        assert torch.equal(layer.bases, old)


def test_an_image_that_is_not_finite_moves_no_bases() -> None:
    layer, x = randomised(EMAttention(5, 4)).train(), image()
    old = layer.bases.clone()
    x[:, 0, 0, 0] = torch.inf
    layer(x)
    assert torch.equal(layer.bases, old)


def test_the_bases_are_saved_and_not_trained() -> None:
    layer = EMAttention(16)
    assert layer.state_dict()["bases"].shape == (16, 64)
    assert "bases" not in dict(layer.named_parameters())


def test_identity_init_keeps_negative_values_and_the_default_does_not() -> None:
    x = torch.randn(2, 16, 3, 4)
    assert torch.equal(EMAttention(16, identity_init=True)(x), x)
    assert (EMAttention(16)(x) >= 0).all()


@pytest.mark.parametrize("options", [{"bases": 0}, {"steps": 0}], ids=str)
def test_what_is_not_positive_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be positive, not 0"):
        EMAttention(16, **options)
