from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import EfficientAttention


def image() -> Tensor:
    return torch.randn(2, 5, 3, 4, dtype=torch.float64)


def projected(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    y = conv.weight.flatten(1) @ columns
    return y if conv.bias is None else y + conv.bias[:, None]


def attention(q: Tensor, k: Tensor) -> Tensor:
    """The N x N matrix of one head: what pixel i reads of pixel j."""
    width, positions = q.shape
    matrix = torch.zeros(positions, positions, dtype=q.dtype)
    for i in range(positions):
        for j in range(positions):
            for c in range(width):
                of_query = q[c, i].exp() / q[:, i].exp().sum()
                of_key = k[c, j].exp() / k[c].exp().sum()
                matrix[i, j] += of_query * of_key
    return matrix


@pytest.mark.parametrize("heads", [1, 2])
def test_it_is_the_paper_s_equation(heads: int) -> None:
    layer, x = randomised(EfficientAttention(5, 4, 6, heads)), image()
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        q, k, v = (projected(conv, columns) for conv in (layer.query, layer.key, layer.value))
        parts = zip(q.chunk(heads), k.chunk(heads), v.chunk(heads), strict=True)
        read = torch.cat([v_h @ attention(q_h, k_h).T for q_h, k_h, v_h in parts])
        torch.testing.assert_close(found.flatten(1), columns + projected(layer.out, read))


def test_the_rows_of_the_matrix_sum_to_one() -> None:
    # A value that is the same everywhere comes back from every pixel as it is.
    layer, x = randomised(EfficientAttention(5)), image()
    nn.init.zeros_(layer.value.weight)
    wanted = projected(layer.out, layer.value.bias[:, None])[None, :, None]
    torch.testing.assert_close(layer(x) - x, wanted.expand_as(x))


def test_keys_that_are_all_alike_give_the_mean() -> None:
    layer, x = randomised(EfficientAttention(5)), image()
    nn.init.zeros_(layer.key.weight)
    mean = layer.value(x).mean((2, 3), keepdim=True)
    torch.testing.assert_close(layer(x), x + layer.out(mean))


def test_pixels_have_no_order() -> None:
    layer, x = randomised(EfficientAttention(5)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    torch.testing.assert_close(layer(x.transpose(2, 3)), layer(x).transpose(2, 3))


def test_the_widths_are_half_the_channels_or_as_given() -> None:
    with torch.device("meta"):
        layers = [EfficientAttention(*a) for a in ((512,), (36,), (64, 16), (64, 16, 24))]
    widths = [(each.key.out_channels, each.value.out_channels) for each in layers]
    assert widths == [(256, 256), (24, 24), (16, 16), (16, 24)]


def test_heads_divide_both_widths() -> None:
    with torch.device("meta"):
        assert EfficientAttention(64, 16, 24, 16).heads == 8
        assert EfficientAttention(64, 16, 24, 3).heads == 2
        with pytest.raises(ValueError, match="must be positive, not 0"):
            EfficientAttention(64, heads=0)
