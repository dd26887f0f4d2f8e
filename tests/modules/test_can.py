from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor
from torch.nn import functional as F

from yaml_attn.modules import CrossAttention
from yaml_attn.modules._parts import pooled


def maps() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 8, 3, 4), (2, 5, 4, 6))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_the_paper_s_equations() -> None:
    layer, (a, b) = randomised(CrossAttention(8, 5, 2, 2)), maps()
    for found, one, other in zip(layer([a, b]), a.flatten(2), b, strict=True):
        cells = [
            other[:, rows, columns].mean((1, 2))
            for rows in (slice(0, 2), slice(2, 4))
            for columns in (slice(0, 3), slice(3, 6))
        ]
        adapted = [layer.adapt.weight.flatten(1) @ cell + layer.adapt.bias for cell in cells]
        like = torch.stack(
            [torch.stack([p @ q / (p.norm() * q.norm()) for q in adapted]) for p in one.T]
        )
        mean = like.sum(0) / 12
        hidden = layer.fc1.weight.flatten(1) @ mean + layer.fc1.bias
        bn = layer.bn
        hidden = (hidden - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias
        weights = layer.fc2.weight.flatten(1) @ hidden.clamp_min(0) + layer.fc2.bias
        scores = ((like * weights).sum(1) / 4 / 0.025).exp()
        wanted = one * (1 + scores / scores.sum())
        torch.testing.assert_close(found.flatten(1), wanted, atol=1e-6, rtol=1e-5)


def test_with_six_by_six_maps_of_one_width_it_is_the_authors_layer() -> None:
    # Their form, all images of a batch at once: correlation, its mean, two 1x1 convolutions.
    layer = randomised(CrossAttention(8, 8))
    a, b = torch.randn(2, 3, 8, 6, 6, dtype=torch.float64).unbind()
    left, right = (F.normalize(each.flatten(2), dim=1) for each in (a, b))
    correlation = left.transpose(1, 2) @ right
    kernel = correlation.mean(1)[:, :, None, None]
    kernel = layer.fc2(layer.bn(layer.fc1(kernel)).relu()).flatten(1)
    attention = ((correlation * kernel[:, None]).mean(2) / 0.025).softmax(1) + 1
    wanted = a * attention.unflatten(1, (1, 6, 6))
    torch.testing.assert_close(layer([a, b]), wanted, atol=1e-6, rtol=1e-5)


def test_what_is_added_sums_to_one_over_the_map() -> None:
    layer, (a, b) = randomised(CrossAttention(8, 5)), maps()
    added = layer([a, b]) / a - 1
    torch.testing.assert_close(added.sum((2, 3)), torch.ones(2, 8, dtype=torch.float64))


def test_the_pixels_of_the_refined_map_have_no_order() -> None:
    layer, (a, b) = randomised(CrossAttention(8, 5)), maps()
    torch.testing.assert_close(layer([a.flip(2, 3), b]), layer([a, b]).flip(2, 3))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 6), (6, 6), (7, 13), (80, 41)], ids=str)
def test_pooling_is_torch_s_at_every_size(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(pooled(x, 6), F.adaptive_avg_pool2d(x, 6))


def test_an_impossible_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="side must be positive"):
        CrossAttention(8, 8, side=0)
