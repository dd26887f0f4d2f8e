from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import DoubleAttention


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def norm(bn: nn.BatchNorm2d, columns: Tensor) -> Tensor:
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    return (columns - bn.running_mean[:, None]) * scale[:, None] + bn.bias[:, None]


def share(logits: Tensor, index: int) -> Tensor:
    """One entry of a softmax."""
    return logits[index].exp() / logits.exp().sum()


def z_by_hand(a: Tensor, b: Tensor, v: Tensor, *, over_positions: bool) -> Tensor:
    """Z of one image from A (c_m, N) and the logits of B and V (c_n, N), sum by sum."""
    maps, positions = b.shape
    z = torch.zeros_like(a)
    for i in range(maps):
        gathered = sum(
            a[:, n] * (share(b[i], n) if over_positions else share(b[:, n], i))
            for n in range(positions)
        )
        for n in range(positions):
            z[:, n] += gathered * share(v[:, n], i)
    return z


def test_the_paper_s_equation() -> None:
    layer, x = randomised(DoubleAttention(6, 3, 2)), image()
    wa, wb, wv = layer.conv_abv.weight.flatten(1).split((3, 2, 2))
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        z = z_by_hand(wa @ columns, wb @ columns, wv @ columns, over_positions=True)
        wanted = columns + norm(layer.bn, layer.conv_r.weight.flatten(1) @ z)
        torch.testing.assert_close(found.flatten(1), wanted)


def test_the_tutorial_s_form_gathers_over_maps_and_adds_nothing() -> None:
    layer, x = randomised(DoubleAttention(6, 3, 2, variant="tutorial")), image()
    weights, biases = layer.conv_abv.weight.flatten(1), layer.conv_abv.bias[:, None]
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        a, b, v = (weights @ columns + biases).split((3, 2, 2))
        z = z_by_hand(a, b, v, over_positions=False)
        wanted = layer.conv_r.weight.flatten(1) @ z + layer.conv_r.bias[:, None]
        torch.testing.assert_close(found.flatten(1), wanted)


def test_the_tutorial_s_form_has_the_tutorial_s_parameters() -> None:
    with torch.device("meta"):
        layer = DoubleAttention(512, variant="tutorial")
    assert sum(p.numel() for p in layer.parameters()) == 787_968


def test_a_constant_feature_comes_back_as_it_is() -> None:
    # Only if the rows of B sum to 1 over the positions and the columns of V over the maps.
    layer, x = randomised(DoubleAttention(6, 3, 2)), image()
    x[:, 0] = 1.0
    with torch.no_grad():
        layer.conv_abv.weight[:3, 1:] = 0
    a = layer.conv_abv.weight[:3, 0].flatten(1)
    wanted = norm(layer.bn, layer.conv_r.weight.flatten(1) @ a)
    torch.testing.assert_close(layer(x) - x, wanted[None, :, :, None].expand_as(x))


def test_uniform_maps_gather_the_mean() -> None:
    layer, x = randomised(DoubleAttention(6, 3, 2)), image()
    with torch.no_grad():
        layer.conv_abv.weight[3:5] = 0
    mean = layer.conv_abv.weight[:3].flatten(1) @ x.mean((2, 3)).T
    wanted = norm(layer.bn, layer.conv_r.weight.flatten(1) @ mean).T
    torch.testing.assert_close(layer(x) - x, wanted[:, :, None, None].expand_as(x))


def test_positions_have_no_order() -> None:
    layer, x = randomised(DoubleAttention(6, 3, 2)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    torch.testing.assert_close(layer(x.transpose(2, 3)), layer(x).transpose(2, 3))


def test_the_widths_are_a_quarter_of_the_channels_or_as_given() -> None:
    with torch.device("meta"):
        assert DoubleAttention(512).widths == (128, 128, 128)
        assert DoubleAttention(36).widths == (16, 16, 16)
        assert DoubleAttention(512, 256, 64).widths == (256, 64, 64)


def test_the_tutorial_s_form_keeps_channels_last() -> None:
    layer = randomised(DoubleAttention(6, 3, 2, variant="tutorial"))
    y = layer(image().to(memory_format=torch.channels_last))
    assert y.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(y, layer(image()))


def test_the_tutorial_s_form_has_no_identity() -> None:
    with pytest.raises(ValueError, match="no identity"):
        DoubleAttention(16, identity_init=True, variant="tutorial")
