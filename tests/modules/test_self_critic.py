from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from yaml_attn.modules import SelfCriticAttention


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def sigmoid(t: Tensor) -> Tensor:
    return 1 / (1 + (-t).exp())


def correlated(planes: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
    """A 3x3 convolution of (planes, 3, 4) with zeros around, sum by sum."""
    padded = F.pad(planes, (1, 1, 1, 1))
    return (
        torch.stack(
            [
                torch.stack([(padded[:, i : i + 3, j : j + 3] * kernel).sum() for j in range(4)])
                for i in range(3)
            ]
        )
        + bias
    )


def test_the_equations() -> None:
    layer, x = SelfCriticAttention(6, kernel_size=3).double(), image()
    for found, one in zip(layer(x), x, strict=True):
        mean = one.mean(0, keepdim=True)
        planes = [
            correlated(mean, kernel, bias).clamp_min(0)
            for kernel, bias in zip(layer.conv1.weight, layer.conv1.bias, strict=True)
        ]
        gate = sigmoid(correlated(torch.stack(planes), layer.conv2.weight[0], layer.conv2.bias))
        refined = one * gate
        pooled = refined.flatten(1).sum(1) / 12
        hidden = (layer.fc1.weight.flatten(1) @ pooled + layer.fc1.bias).clamp_min(0)
        channels = sigmoid(layer.fc2.weight.flatten(1) @ hidden + layer.fc2.bias)
        torch.testing.assert_close(found, refined * channels[:, None, None])


def test_the_gates_are_between_nothing_and_all() -> None:
    layer, x = SelfCriticAttention(6).double(), image()
    ratio = layer(x) / x
    assert ratio.min() > 0
    assert ratio.max() < 1


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        SelfCriticAttention(6, kernel_size=4)
