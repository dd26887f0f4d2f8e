from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import CrissCrossAttention


def image(height: int = 3, width: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, height, width, generator=generator, dtype=torch.float64)


def projected(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution of one (C, H, W) image, as a product."""
    return torch.einsum("dc,chw->dhw", conv.weight.flatten(1), x) + conv.bias[:, None, None]


def by_hand(layer: CrissCrossAttention, x: Tensor) -> Tensor:
    """One pass over one (C, H, W) image, pixel by pixel."""
    q, k, v = (projected(conv, x) for conv in (layer.query, layer.key, layer.value))
    _, height, width = x.shape
    y = x.clone()
    for row in range(height):
        for column in range(width):
            seen = {(row, w) for w in range(width)} | {(h, column) for h in range(height)}
            assert len(seen) == height + width - 1
            likeness = {(h, w): (q[:, row, column] @ k[:, h, w]).exp() for h, w in seen}
            total = sum(likeness.values())
            attended = sum(likeness[h, w] / total * v[:, h, w] for h, w in seen)
            y[:, row, column] += layer.gamma.weight[0] * attended
    return y


@pytest.mark.parametrize("size", [(3, 4), (4, 2), (1, 1), (1, 5), (5, 1)], ids=str)
def test_it_is_the_paper_s_equation(size: tuple[int, int]) -> None:
    layer, x = randomised(CrissCrossAttention(5)), image(*size)
    wanted = torch.stack([by_hand(layer, each) for each in x])
    torch.testing.assert_close(layer(x), wanted)


def test_two_passes_are_the_layer_twice() -> None:
    layer, x = randomised(CrissCrossAttention(5, 2)), image()
    wanted = torch.stack([by_hand(layer, by_hand(layer, each)) for each in x])
    torch.testing.assert_close(layer(x), wanted)


def test_a_single_row_is_full_attention() -> None:
    layer, x = randomised(CrissCrossAttention(5)), image(1, 6)
    q, k, v = (conv(x).squeeze(2) for conv in (layer.query, layer.key, layer.value))
    attended = v @ (q.transpose(1, 2) @ k).softmax(2).transpose(1, 2)
    torch.testing.assert_close(layer(x), x + layer.gamma.weight * attended.unsqueeze(2))


def test_pixels_that_are_all_alike_give_the_mean() -> None:
    layer, x = randomised(CrissCrossAttention(5)), image()
    nn.init.zeros_(layer.query.weight)
    nn.init.zeros_(layer.query.bias)
    v = layer.value(x)
    cross = v.sum(2, keepdim=True) + v.sum(3, keepdim=True) - v  # each pixel once
    torch.testing.assert_close(layer(x), x + layer.gamma.weight * cross / 6)


def seen_by_the_first_pixel(layer: CrissCrossAttention) -> Tensor:
    x = image().requires_grad_()
    layer(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert not x.grad[1].any()
    return x.grad[0].abs().sum(0) > 0


def test_a_pixel_sees_its_row_and_column_and_in_two_passes_all() -> None:
    once = seen_by_the_first_pixel(randomised(CrissCrossAttention(5)))
    assert once.tolist() == [[True] * 4, [True] + [False] * 3, [True] + [False] * 3]
    assert seen_by_the_first_pixel(randomised(CrissCrossAttention(5, 2))).all()


def test_rows_and_columns_are_treated_alike() -> None:
    layer, x = randomised(CrissCrossAttention(5)), image()
    torch.testing.assert_close(layer(x.transpose(2, 3)), layer(x).transpose(2, 3))
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))


def test_large_logits_are_no_trouble() -> None:
    layer, x = randomised(CrissCrossAttention(5)), image() * 1e3
    assert layer(x).isfinite().all()


def test_q_and_k_have_an_eighth_of_the_channels_and_at_least_eight() -> None:
    with torch.device("meta"):
        widths = {c: CrissCrossAttention(c).query.out_channels for c in (1, 64, 96, 1024)}
        assert CrissCrossAttention(512, 1, 4).key.out_channels == 128
    assert widths == {1: 8, 64: 8, 96: 12, 1024: 128}


@pytest.mark.parametrize(("recurrence", "ratio"), [(0, 8), (1, 0)])
def test_passes_and_ratios_below_one_are_refused(recurrence: int, ratio: int) -> None:
    with pytest.raises(ValueError, match="must be positive, not 0"):
        CrissCrossAttention(64, recurrence, ratio)
