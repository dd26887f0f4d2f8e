from __future__ import annotations

import math

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import HarmoniousAttention


def image(height: int = 5, width: int = 4) -> Tensor:
    return torch.randn(2, 6, height, width, dtype=torch.float64) + 1


def norm_relu(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Of (C, ...), channel by channel."""
    scale = (bn.weight / (bn.running_var + bn.eps).sqrt()).view(-1, *[1] * (x.dim() - 1))
    shift = bn.bias.view(scale.shape) - bn.running_mean.view(scale.shape) * scale
    return (x * scale + shift).clamp_min(0)


def strided_by_hand(kernel: Tensor, plane: Tensor) -> Tensor:
    """A 3x3 convolution of a plane at stride 2, pixel by pixel."""
    height, width = plane.shape
    padded = torch.zeros(height + 2, width + 2, dtype=plane.dtype)
    padded[1:-1, 1:-1] = plane
    rows, columns = range(0, height, 2), range(0, width, 2)
    y = [[(kernel * padded[r : r + 3, c : c + 3]).sum() for c in columns] for r in rows]
    return torch.stack([torch.stack(row) for row in y])


def weights_by_hand(length: int, coarse: int) -> Tensor:
    """What each pixel of a row reads of the coarse ones, bilinear between their centres."""
    weights = torch.zeros(length, coarse, dtype=torch.float64)
    for i in range(length):
        at = min(max((i + 0.5) * coarse / length - 0.5, 0), coarse - 1)
        low = min(int(at), coarse - 1)
        high = min(low + 1, coarse - 1)
        weights[i, low] += 1 - (at - low)
        weights[i, high] += at - low
    return weights


def by_hand(layer: HarmoniousAttention, x: Tensor) -> Tensor:
    """The gate of one (C, H, W) image."""
    plane = sum(x) / len(x)
    coarse = strided_by_hand(layer.coarse[0].weight[0, 0], plane)
    coarse = norm_relu(layer.coarse[1], coarse[None])[0]
    fine = weights_by_hand(x.shape[1], len(coarse)) @ coarse
    fine = fine @ weights_by_hand(x.shape[2], coarse.shape[1]).T
    spatial = norm_relu(layer.fine[1], layer.fine[0].weight[0, 0] * fine[None])[0]
    channel = x.mean((1, 2))
    for conv, bn, _ in layer.excite:
        channel = norm_relu(bn, conv.weight.flatten(1) @ channel)
    joint = channel[:, None, None] * spatial
    mixed = torch.einsum("dc,chw->dhw", layer.join[0].weight.flatten(1), joint)
    return 1 / (1 + (-norm_relu(layer.join[1], mixed)).exp())


@pytest.mark.parametrize("size", [(5, 4), (4, 6), (1, 3), (1, 1)], ids=str)
def test_it_is_the_paper_s_equation(size: tuple[int, int]) -> None:
    layer, x = randomised(HarmoniousAttention(6)), image(*size)
    gates = torch.stack([by_hand(layer, each) for each in x])
    assert (gates > 0.5).any()  # else all is hidden behind the last ReLU
    torch.testing.assert_close(layer(x), x * gates)


def test_the_gate_runs_from_a_half_to_one() -> None:
    layer, x = randomised(HarmoniousAttention(6)), image() * 5
    gate = layer(x) / x
    assert gate.min() >= 0.5 - 1e-9
    assert gate.max() <= 1


def test_the_identity_can_turn_both_ways() -> None:
    layer, x = HarmoniousAttention(6, identity_init=True).eval(), image().float()
    torch.testing.assert_close(layer(x), x)
    nn.init.constant_(layer.join[1].bias, 50.0)
    torch.testing.assert_close(layer(x), x * (1 + math.exp(-1)))
    nn.init.constant_(layer.join[1].bias, -50.0)
    torch.testing.assert_close(layer(x), x * (1 + math.exp(-1)) / 2)


def test_the_hidden_width_is_a_sixteenth_and_at_least_eight() -> None:
    with torch.device("meta"):
        widths = {c: HarmoniousAttention(c).excite[0][0].out_channels for c in (8, 512)}
        assert HarmoniousAttention(512, 8).excite[0][0].out_channels == 64
    assert widths == {8: 8, 512: 32}
