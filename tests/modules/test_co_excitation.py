from __future__ import annotations

import pytest
import torch
from abilities import needs_half
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import CoExcitation


def maps() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 6, 3, 4), (2, 5, 2, 3))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def of(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    return conv.weight.flatten(1) @ columns + conv.bias[:, None]


def normed(sequence: nn.Sequential, columns: Tensor) -> Tensor:
    conv, bn = sequence
    scale = bn.weight / (bn.running_var + bn.eps).sqrt()
    return (of(conv, columns) - bn.running_mean[:, None]) * scale[:, None] + bn.bias[:, None]


def test_the_paper_s_equations() -> None:
    layer, (a, b) = randomised(CoExcitation(6, 5)), maps()
    for found, one, other in zip(layer([a, b]), a.flatten(2), b.flatten(2), strict=True):
        query = of(layer.adapt, other)
        theta, phi = of(layer.theta, query), of(layer.phi, one)
        told, asked = of(layer.g, one), of(layer.g, query)
        like = [[theta[:, i] @ phi[:, j] for j in range(12)] for i in range(6)]
        read = torch.stack([sum(like[i][j] * told[:, j] for j in range(12)) for i in range(6)], 1)
        heard = torch.stack([sum(like[i][j] * asked[:, i] for i in range(6)) for j in range(12)], 1)
        query = query + normed(layer.to_context, read / 12)
        refined = one + normed(layer.to_refined, heard / 6)
        pooled = query.sum(1) / 6
        hidden = (layer.fc1.weight.flatten(1) @ pooled + layer.fc1.bias).clamp_min(0)
        gate = 1 / (1 + (-layer.fc2.weight.flatten(1) @ hidden - layer.fc2.bias).exp())
        torch.testing.assert_close(found.flatten(1), refined * gate[:, None])


def test_at_the_start_only_the_channels_are_gated() -> None:
    layer, (a, b) = CoExcitation(6, 5).double().eval(), maps()
    ratio = layer([a, b]) / a
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    assert (ratio > 0).all()
    assert (ratio < 1).all()


def test_the_context_decides_and_its_pixels_have_no_order() -> None:
    layer, (a, b) = randomised(CoExcitation(6, 5)), maps()
    before = layer([a, b])
    torch.testing.assert_close(layer([a, b.flip(2, 3)]), before)
    torch.testing.assert_close(layer([a.flip(2, 3), b]), before.flip(2, 3))
    assert not torch.allclose(layer([a, b + 1]), before)


def test_a_context_of_the_same_width_is_taken_as_it_is() -> None:
    assert isinstance(CoExcitation(6, 6).adapt, nn.Identity)
    assert isinstance(CoExcitation(6, 5).adapt, nn.Conv2d)


def test_the_channels_come_as_numbers_or_as_a_row_s_ch_and_f() -> None:
    numbers, row = CoExcitation(6, 5, 8), CoExcitation([3, 5, 4, 6], [-1, 1], 8)
    assert [p.shape for p in row.parameters()] == [p.shape for p in numbers.parameters()]
    for wrong in ((6, [1, 2]), ([6, 5], 1), ([6, 5, 4], [0, 1, 2])):
        with pytest.raises(ValueError, match="two numbers, or the row's"):
            CoExcitation(*wrong)


@needs_half
def test_half_precision_sums_over_the_map_without_overflow() -> None:
    layer = randomised(CoExcitation(8, 8)).float().half()
    a = torch.full((1, 8, 80, 80), 10.0, dtype=torch.float16)
    assert layer([a, a]).isfinite().all()
