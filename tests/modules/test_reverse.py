from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules import ReverseAttention


def maps() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 6, 3, 5), (2, 4, 2, 3))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def enlarged(plane: Tensor) -> Tensor:
    """2x3 -> 3x5, bilinear with aligned corners: each new point lies between two old ones."""
    rows = torch.stack([plane[0], (plane[0] + plane[1]) / 2, plane[1]])
    left, middle, right = rows.T
    return torch.stack([left, (left + middle) / 2, middle, (middle + right) / 2, right], 1)


def test_the_equation() -> None:
    layer, (a, b) = ReverseAttention(6, 4).double(), maps()
    for found, one, other in zip(layer([a, b]), a, b, strict=True):
        weights = layer.predict.weight.flatten()
        p = sum(w * plane for w, plane in zip(weights, other, strict=True)) + layer.predict.bias
        certain = 1 / (1 + (-enlarged(p)).exp())
        torch.testing.assert_close(found, one * (1 - certain))


def test_what_is_found_is_taken_away_and_the_rest_stays() -> None:
    layer, (a, b) = ReverseAttention(6, 4).double(), maps()
    nn.init.zeros_(layer.predict.weight)
    nn.init.constant_(layer.predict.bias, 50)
    assert layer([a, b]).abs().max() < 1e-12
    nn.init.constant_(layer.predict.bias, -50)
    torch.testing.assert_close(layer([a, b]), a)


def test_a_context_of_one_pixel_or_larger_than_the_map_will_do() -> None:
    layer, (a, _) = ReverseAttention(6, 4).double(), maps()
    for shape in ((2, 4, 1, 1), (2, 4, 9, 2)):
        b = torch.randn(shape, dtype=torch.float64)
        assert layer([a, b]).shape == a.shape
    one = torch.randn(2, 4, 1, 1, dtype=torch.float64)
    ratio = layer([a, one]) / a
    torch.testing.assert_close(ratio, ratio[:, :1, :1, :1].expand_as(ratio))


def test_the_channels_may_come_as_a_row_s_ch_and_f() -> None:
    assert ReverseAttention([3, 6, 4], [1, 2]).predict.in_channels == 4
