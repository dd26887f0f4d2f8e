from __future__ import annotations

import torch
from randomising import randomised
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules import GAMAttention

GROUPS = 4


def image(channels: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, 5, 4, generator=generator, dtype=torch.float64)


def mlp(layer: GAMAttention, x: Tensor) -> Tensor:
    pixels = x.permute(0, 2, 3, 1)
    w1, w2 = layer.fc1.weight.flatten(1), layer.fc2.weight.flatten(1)
    hidden = (pixels @ w1.T + layer.fc1.bias).clamp_min(0)
    return (hidden @ w2.T + layer.fc2.bias).permute(0, 3, 1, 2)


def norm(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    rows = zip(bn.running_mean, bn.running_var, bn.weight, bn.bias, strict=True)
    planes = [
        (x[:, c] - mean) / (variance + bn.eps) ** 0.5 * weight + bias
        for c, (mean, variance, weight, bias) in enumerate(rows)
    ]
    return torch.stack(planes, 1)


def grouped_conv(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """As one dense convolution, whose weights between different groups are 0."""
    dense = torch.block_diag(*conv.weight.reshape(GROUPS, conv.out_channels // GROUPS, -1))
    dense = dense.reshape(conv.out_channels, conv.in_channels, 7, 7)
    return F.conv2d(x, dense, conv.bias, padding=3)


def shuffled(x: Tensor) -> Tensor:
    """The first channel of each group, then the second of each, and so on."""
    width = x.shape[1] // GROUPS
    return x[:, [group * width + j for j in range(width) for group in range(GROUPS)]]


def test_the_paper_s_equation() -> None:
    layer, x = randomised(GAMAttention(16)), image()
    assert layer.fc1.out_channels == 8
    refined = x * mlp(layer, x).sigmoid()
    hidden = norm(layer.bn1, grouped_conv(layer.conv1, refined)).clamp_min(0)
    gate = norm(layer.bn2, grouped_conv(layer.conv2, shuffled(hidden))).sigmoid()
    torch.testing.assert_close(layer(x), refined * gate)


def test_the_tutorial_s_form_shuffles_the_gate_and_has_no_channel_sigmoid() -> None:
    layer, x = randomised(GAMAttention(16, variant="tutorial")), image()
    assert layer.fc1.out_channels == 4
    refined = x * mlp(layer, x)
    hidden = norm(layer.bn1, grouped_conv(layer.conv1, refined)).clamp_min(0)
    gate = norm(layer.bn2, grouped_conv(layer.conv2, hidden)).sigmoid()
    torch.testing.assert_close(layer(x), refined * shuffled(gate))


def channels_seen_by_the_first_gate(layer: nn.Module) -> set[int]:
    """The channels that the spatial gate of channel 0 depends on, in the middle of the map."""
    nn.init.zeros_(layer.fc2.weight)  # the channel gate no longer mixes the channels
    x = image(64).requires_grad_()
    (layer(x)[:, 0, 2, 2] / x[:, 0, 2, 2]).sum().backward()
    return {c for c in range(64) if x.grad[:, c].abs().max() > 1e-12}


def test_the_shuffle_lets_every_gate_see_every_channel() -> None:
    assert channels_seen_by_the_first_gate(randomised(GAMAttention(64))) == set(range(64))
    tutorial = randomised(GAMAttention(64, variant="tutorial"))
    assert channels_seen_by_the_first_gate(tutorial) == set(range(16))


def test_groups_are_the_most_that_divide_both_widths() -> None:
    groups = {c: GAMAttention(c, groups=8).groups for c in (1, 7, 12, 36, 64, 100)}
    assert groups == {1: 1, 7: 1, 12: 4, 36: 4, 64: 8, 100: 4}
    assert GAMAttention(64, groups=1).conv1.weight.shape == (16, 64, 7, 7)


def test_the_tutorial_s_form_has_the_tutorial_s_parameters() -> None:
    with torch.device("meta"):
        layer = GAMAttention(512, variant="tutorial")
    assert sum(p.numel() for p in layer.parameters()) == 1_739_264


def test_the_tutorial_s_form_can_start_as_the_identity_too() -> None:
    layer = GAMAttention(16, identity_init=True, variant="tutorial").double()
    torch.testing.assert_close(layer(image()), image())
