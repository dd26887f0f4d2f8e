from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from yaml_attn.modules import BoostedAttention


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def test_the_equation() -> None:
    layer, x = BoostedAttention(6).double(), image()
    y = layer(x)
    for n in range(2):
        for i in range(3):
            for j in range(4):
                pixel = x[n, :, i, j]
                value = layer.value.weight.flatten(1) @ pixel + layer.value.bias
                salient = (layer.salient.weight.flatten() @ pixel + layer.salient.bias).item()
                wanted = value * math.log(max(salient, 0) + math.e)
                torch.testing.assert_close(y[n, :, i, j], wanted)


def test_no_saliency_leaves_the_values() -> None:
    layer, x = BoostedAttention(6).double(), image()
    nn.init.zeros_(layer.salient.weight)
    nn.init.constant_(layer.salient.bias, -1.0)
    torch.testing.assert_close(layer(x), layer.value(x))


def test_no_factor_is_below_one_and_more_saliency_is_more() -> None:
    layer, x = BoostedAttention(6).double(), image()
    nn.init.zeros_(layer.value.weight)
    nn.init.ones_(layer.value.bias)
    factor, saliency = layer(x)[:, 0].flatten(), layer.saliency(x).flatten()
    assert factor.min() >= 1
    assert saliency.min() == 0
    assert torch.equal(saliency.argsort(stable=True), factor.argsort(stable=True))


def test_the_saliency_can_have_a_loss_of_its_own() -> None:
    layer, x = BoostedAttention(6).double(), image()
    assert layer.saliency(x).shape == (2, 1, 3, 4)
    layer.saliency(x).sum().backward()
    assert layer.salient.weight.grad is not None
    assert layer.salient.weight.grad.any()
