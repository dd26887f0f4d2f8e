from __future__ import annotations

import math

import pytest
import torch

from yaml_attn.modules import SE


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_it_is_the_paper_s_equation() -> None:
    layer = SE(3, bias=True).double()
    x = torch.randn(2, 3, 2, 4, dtype=torch.float64)
    y = layer(x)
    w1, w2 = layer.fc1.weight.flatten(1).tolist(), layer.fc2.weight.flatten(1).tolist()
    b1, b2 = layer.fc1.bias.tolist(), layer.fc2.bias.tolist()
    for n in range(2):
        squeezed = [sum(x[n, c].flatten().tolist()) / 8 for c in range(3)]
        hidden = [max(0, b1[h] + sum(w1[h][c] * squeezed[c] for c in range(3))) for h in range(8)]
        for c in range(3):
            gate = sigmoid(b2[c] + sum(w2[c][h] * hidden[h] for h in range(8)))
            torch.testing.assert_close(y[n, c], x[n, c] * gate)


def test_the_hidden_width_is_a_multiple_of_eight() -> None:
    widths = {1: 8, 15: 8, 64: 8, 100: 8, 256: 16, 400: 32, 512: 32, 1024: 64, 1280: 80}
    assert {channels: SE(channels).fc1.out_channels for channels in widths} == widths
    assert [SE(64, ratio).fc1.out_channels for ratio in (1, 4, 6, 100)] == [64, 16, 16, 8]


@pytest.mark.parametrize("ratio", [0, -16])
def test_a_ratio_that_divides_nothing_is_refused(ratio: int) -> None:
    with pytest.raises(ValueError, match=f"ratio must be positive, not {ratio}"):
        SE(64, ratio)


def test_where_a_pixel_stands_does_not_matter() -> None:
    layer, x = SE(16), torch.randn(2, 16, 3, 4)
    order = torch.randperm(12)
    shuffled = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(layer(shuffled), layer(x).flatten(2)[..., order].view_as(x))


def test_the_gate_of_constant_channels_does_not_depend_on_the_size() -> None:
    layer, constants = SE(16), torch.randn(1, 16, 1, 1)
    wanted = layer(constants)
    torch.testing.assert_close(layer(constants.expand(1, 16, 5, 9)), wanted.expand(1, 16, 5, 9))


def test_the_identity_has_the_gradient_of_the_doubled_gate() -> None:
    layer = SE(16, identity_init=True)
    x = torch.randn(2, 16, 3, 4)
    layer(x).sum().backward()
    hidden = layer.relu(layer.fc1(x.mean((2, 3), keepdim=True)))
    wanted = torch.einsum("nchw,nk->ck", x, hidden.flatten(1)) * 2 * 0.25  # s'(0) = 1/4
    torch.testing.assert_close(layer.fc2.weight.grad.flatten(1), wanted)
