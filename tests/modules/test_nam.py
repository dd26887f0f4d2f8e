from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor, nn

from yaml_attn.modules import NAMAttention


def randomised(layer: NAMAttention) -> NAMAttention:
    with torch.no_grad():
        layer.bn.weight.copy_(torch.tensor([0.5, -2.0, 1.0]))
        layer.bn.bias.copy_(torch.tensor([0.25, 1.0, -0.5]))
        layer.bn.running_mean.copy_(torch.tensor([1.0, 0.0, -1.0]))
        layer.bn.running_var.copy_(torch.tensor([1.0, 4.0, 0.25]))
    return layer.double()


def image() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 2, 4, generator=generator, dtype=torch.float64) + 0.5


def gate_by_hand(layer: NAMAttention, x: Tensor, mean: float, variance: float, c: int) -> Tensor:
    scales = layer.bn.weight.tolist()
    weight = abs(scales[c]) / sum(abs(scale) for scale in scales)
    normal = (x - mean) / math.sqrt(variance + layer.bn.eps)
    return 1 / (1 + torch.exp(-weight * (scales[c] * normal + layer.bn.bias[c].item())))


# The weights hold a 1e-6 more than the paper's, against 0/0.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def test_it_is_the_paper_s_equation_in_training() -> None:
    layer, x = randomised(NAMAttention(3)).train(), image()
    y = layer(x)
    for c in range(3):
        values = x[:, c].flatten().tolist()
        mean = sum(values) / 16
        variance = sum((value - mean) ** 2 for value in values) / 16
        gate = gate_by_hand(layer, x[:, c], mean, variance, c)
        torch.testing.assert_close(y[:, c], x[:, c] * gate, **CLOSE)


def test_it_is_the_paper_s_equation_in_evaluation() -> None:
    layer, x = randomised(NAMAttention(3)).eval(), image()
    y = layer(x)
    for c, (mean, variance) in enumerate([(1.0, 1.0), (0.0, 4.0), (-1.0, 0.25)]):
        gate = gate_by_hand(layer, x[:, c], mean, variance, c)
        torch.testing.assert_close(y[:, c], x[:, c] * gate, **CLOSE)


def test_the_weights_are_the_shares_of_the_scales() -> None:
    wanted = torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64) / 3.5
    torch.testing.assert_close(randomised(NAMAttention(3)).weights(), wanted, **CLOSE)
    scaled = randomised(NAMAttention(3, scaled=True))
    torch.testing.assert_close(scaled.weights(), 3 * wanted, **CLOSE)


def test_without_any_scale_all_channels_weigh_the_same() -> None:
    layer = NAMAttention(4)
    nn.init.zeros_(layer.bn.weight)
    torch.testing.assert_close(layer.weights(), torch.full((4,), 0.25))


@pytest.mark.parametrize("variant", ["paper", "tutorial"])
def test_the_tutorial_s_form_has_no_gradient_through_the_weights(variant: str) -> None:
    layer, x = randomised(NAMAttention(3, variant=variant)), image()
    layer(x).square().sum().backward()
    twin = copy.deepcopy(layer)
    twin.zero_grad()
    weights = twin.bn.weight.abs() / twin.bn.weight.abs().sum()
    if variant == "tutorial":
        weights = weights.detach()
    (x * (weights[:, None, None] * twin.bn(x)).sigmoid()).square().sum().backward()
    torch.testing.assert_close(layer.bn.weight.grad, twin.bn.weight.grad, **CLOSE)
    torch.testing.assert_close(layer.bn.bias.grad, twin.bn.bias.grad, **CLOSE)


@pytest.mark.parametrize("momentum", [0.03, None])
def test_the_norm_learns_its_statistics_as_any_batch_norm_does(momentum: float | None) -> None:
    layer, norm = NAMAttention(3), nn.BatchNorm2d(3, momentum=momentum)
    layer.bn.momentum = momentum
    for _ in range(3):
        x = torch.randn(2, 3, 4, 5)
        layer(x)
        norm(x)
    for key, wanted in norm.named_buffers():
        torch.testing.assert_close(layer.bn.get_buffer(key), wanted)


def test_one_value_per_channel_teaches_the_norm_nothing() -> None:
    layer = NAMAttention(3).train()
    before = copy.deepcopy(layer.state_dict())
    x = torch.randn(1, 3, 1, 1)
    y = layer(x)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    torch.testing.assert_close(y, layer.eval()(x))


def test_a_frozen_norm_stays_as_it_is() -> None:
    layer, x = randomised(NAMAttention(3)).train(), image()
    layer.bn.eval()
    before = copy.deepcopy(layer.state_dict())
    y = layer(x)
    assert all(torch.equal(value, before[key]) for key, value in layer.state_dict().items())
    torch.testing.assert_close(y, layer.eval()(x))


def test_converted_to_sync_batch_norm_it_is_the_same_layer() -> None:
    layer, x = randomised(NAMAttention(3)).eval(), image()
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(layer)).eval()
    assert isinstance(converted.bn, nn.SyncBatchNorm)
    torch.testing.assert_close(converted(x), layer(x))


def test_the_regularizer_is_the_sum_of_the_scales_sizes() -> None:
    layer = randomised(NAMAttention(3))
    term = layer.regularizer()
    assert term.item() == 3.5
    term.backward()
    assert layer.bn.weight.grad.tolist() == [1.0, -1.0, 1.0]


def test_the_identity_is_not_stuck_with_scales_of_zero() -> None:
    layer = NAMAttention(8, identity_init=True)
    layer(torch.randn(4, 8, 5, 5)).square().sum().backward()
    assert layer.bn.weight.grad.abs().min() > 0
    assert layer.bn.bias.grad.abs().min() > 0


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(ValueError, match="variant must be 'paper' or 'tutorial'"):
        NAMAttention(8, variant="official")
