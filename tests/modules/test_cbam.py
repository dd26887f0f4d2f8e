from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from yaml_attn.modules import CBAM, ChannelAttention, SpatialAttention

VARIANTS = ("paper", "tutorial")


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def image(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def parameters(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters())


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_channel_half_is_the_paper_s_equation(variant: str) -> None:
    layer, x = ChannelAttention(3, 1, variant=variant).double(), image(2, 3, 2, 4)
    w1, w2 = layer.fc1.weight.flatten(1).tolist(), layer.fc2.weight.flatten(1).tolist()
    hidden = len(w1)
    b1 = [0.0] * hidden if layer.fc1.bias is None else layer.fc1.bias.tolist()
    b2 = [0.0] * 3 if layer.fc2.bias is None else layer.fc2.bias.tolist()

    def mlp(pooled: list[float]) -> list[float]:
        z = [max(0, b1[h] + sum(w1[h][c] * pooled[c] for c in range(3))) for h in range(hidden)]
        return [b2[c] + sum(w2[c][h] * z[h] for h in range(hidden)) for c in range(3)]

    for mode in (layer.train(), layer.eval()):
        y = mode(x)
        for n in range(2):
            planes = [x[n, c].flatten().tolist() for c in range(3)]
            means, largest = mlp([sum(p) / 8 for p in planes]), mlp([max(p) for p in planes])
            for c in range(3):
                torch.testing.assert_close(y[n, c], x[n, c] * sigmoid(means[c] + largest[c]))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_spatial_half_is_the_paper_s_equation(training: bool, variant: str) -> None:
    layer, x = SpatialAttention(4, 3, variant=variant).double().train(training), image(2, 4, 3, 5)
    weight = layer.conv.weight[0].tolist()
    logits = torch.zeros(2, 3, 5, dtype=torch.float64)
    for n, i, j in ((n, i, j) for n in range(2) for i in range(3) for j in range(5)):
        for di, dj in ((di, dj) for di in range(3) for dj in range(3)):
            h, w = i + di - 1, j + dj - 1
            if 0 <= h < 3 and 0 <= w < 5:  # zeros outside
                values = x[n, :, h, w].tolist()
                planes = [max(values), sum(values) / 4]
                if variant == "tutorial":
                    planes.reverse()
                logits[n, i, j] += weight[0][di][dj] * planes[0] + weight[1][di][dj] * planes[1]
    if variant == "paper":
        nn.init.normal_(layer.bn.weight)
        nn.init.normal_(layer.bn.bias)
        mean, variance = (logits.mean(), logits.var(correction=0)) if training else (0, 1)
        logits = (logits - mean) / (variance + 1e-5) ** 0.5 * layer.bn.weight + layer.bn.bias
    torch.testing.assert_close(layer(x), x * logits.sigmoid().unsqueeze(1))


def test_the_channels_come_before_the_positions() -> None:
    layer, x = CBAM(16, 8, 3).double().eval(), image(2, 16, 3, 4)
    assert (layer.channel.fc1.out_channels, layer.spatial.conv.kernel_size) == (8, (3, 3))
    assert torch.equal(layer(x), layer.spatial(layer.channel(x)))


def test_the_paper_s_form_has_biases_and_a_slow_batch_norm() -> None:
    layer = CBAM(512)
    assert parameters(layer.channel) == 512 * 32 * 2 + 512 + 32
    assert parameters(layer.spatial) == 2 * 49 + 2
    assert layer.spatial.bn.momentum == 0.01


def test_the_tutorial_s_form_has_weights_only() -> None:
    assert parameters(CBAM(512, variant="tutorial")) == 512 * 32 * 2 + 2 * 49
    # Its hidden width is the plain quotient, which a published result has been made with.
    assert parameters(CBAM(64, variant="tutorial")) == 64 * 4 * 2 + 2 * 49
    assert CBAM(8, variant="tutorial")(torch.ones(1, 8, 2, 2)).isfinite().all()


def test_the_channel_half_does_not_see_where_the_spatial_half_not_which() -> None:
    x = image(2, 16, 3, 4)
    pixels, channels = torch.randperm(12), torch.randperm(16)
    channel, spatial = ChannelAttention(16).double(), SpatialAttention(16).double()
    wanted = channel(x).flatten(2)[..., pixels]
    torch.testing.assert_close(channel(x.flatten(2)[..., pixels].view_as(x)).flatten(2), wanted)
    torch.testing.assert_close(spatial(x[:, channels]), spatial(x)[:, channels])


@pytest.mark.parametrize("half", [ChannelAttention, SpatialAttention])
def test_of_equal_values_one_gets_the_gradient_of_the_maximum(half: type[nn.Module]) -> None:
    layer = half(2, variant="tutorial").train()
    for parameter in layer.parameters():
        nn.init.ones_(parameter)
    x = torch.full((1, 2, 1, 2), 0.1, requires_grad=True)
    layer(x).sum().backward()
    # Everything else treats the values alike, the maximum only one of each channel or position.
    high, low = x.grad.max(), x.grad.min()
    assert high > low
    assert (x.grad == high).sum() == (x.grad == low).sum() == 2


@pytest.mark.parametrize("kernel_size", [0, 2, 8, -3])
def test_a_kernel_that_has_no_middle_is_refused(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd and positive, not {kernel_size}"):
        CBAM(16, 16, kernel_size)
