"""Efficient attention: all pixels read a summary of the map, at a cost linear in its size.

    Q, K, V = Wq x, Wk x, Wv x                 d_k, d_k and d_v channels, N = H W pixels
    G = softmax_N(K) V^T                       d_k x d_v: one vector for each channel of K
    y = x + Wo (G^T softmax_dk(Q))             each pixel mixes those vectors

softmax_N runs over the pixels, for each channel; softmax_dk over the channels, for each pixel. The
rows of the N x N matrix that this multiplies out to are positive and sum to 1, as a softmax's do,
but it is never formed: 2 N d_k d_v multiplications instead of N^2 (d_k + d_v).

Paper: Efficient Attention: Attention with Linear Complexities, Shen, Zhang, Zhao, Yi, Li,
WACV 2021, arXiv 1812.01243. Other layers go by this name too (EfficientViT's, EfficientFormer's).
The widths are free in the authors' code; C / 2, the default here, is ours.
"""

from __future__ import annotations

from math import gcd

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import hidden_width, largest_divisor, start_at_zero


class EfficientAttention(nn.Module):
    """Efficient attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        key_channels: d_k; C / 2 if not given, rounded up to a multiple of 8.
        value_channels: d_v; as d_k if not given.
        heads: parts of Q, K and V that are treated apart; the largest number up to it that divides
            d_k and d_v.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    def __init__(
        self,
        channels: int,
        key_channels: int | None = None,
        value_channels: int | None = None,
        heads: int = 1,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        keys = key_channels or hidden_width(channels, 2)
        values = value_channels or keys
        self.heads = largest_divisor(gcd(keys, values), heads)
        self.query = nn.Conv2d(channels, keys, 1)
        self.key = nn.Conv2d(channels, keys, 1, bias=False)  # its bias cancels in the softmax
        self.value = nn.Conv2d(channels, values, 1)
        self.out = nn.Conv2d(values, channels, 1)
        if identity_init:
            start_at_zero(self.out)

    def _heads(self, x: Tensor) -> Tensor:
        """(N, d, H, W) -> (N, heads, d / heads, H W)."""
        return torch.unflatten(x.flatten(2), 1, (self.heads, -1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self._heads(conv(x)) for conv in (self.query, self.key, self.value))
        summary = k.softmax(3) @ v.transpose(2, 3)
        read = summary.transpose(2, 3) @ q.softmax(2)
        y: Tensor = x + self.out(torch.unflatten(read.flatten(1, 2), 2, x.shape[2:]))
        return y

    def extra_repr(self) -> str:
        return f"heads={self.heads}"
