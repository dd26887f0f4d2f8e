"""Axial attention (Axial-DeepLab): each pixel reads its column, then its row, knowing how far.

    y_o = BN(sum_p A_op v_p) + BN(sum_p A_op rv_p-o)                 o, p: pixels of one column
    A_o = softmax over p of BN(q_o . k_p) + BN(q_o . rq_p-o) + BN(k_p . rk_p-o)
    q, k, v = BN(W x), in heads                                      r: learned for each distance
    layer: d(x + BN(Wup d(rows(columns(d(BN(Wdown x)))))))           d ReLU

Paper: Axial-DeepLab: Stand-Alone Axial-Attention for Panoptic Segmentation, Wang, Zhu, Green, Adam,
Yuille, Chen, ECCV 2020, arXiv 2003.07853 (position-sensitive attention); block, norms, widths (q
and k half as wide as v) and the start of W and r as in the authors' code, whose network starts the
last norm at 0, too: see `identity_init`. There the tables r fit one size of map; here distances
beyond `span` share its last entry (deviation), so any size works. Ho et al., arXiv 1912.12180, have
the idea without r and norms. A pass holds 3 H W (H + W) logits for each head and image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    at_least_single,
    hidden_width,
    largest_divisor,
    start_at_zero,
)


class LogitNorm(BatchNorm2d):
    """Batch norm of logits (N, heads, H, W, W), without a bias: the softmax would cancel it."""

    def __init__(self, heads: int) -> None:
        super().__init__(heads)
        self.register_parameter("bias", None)

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  torch names it
        """Any number of dimensions will do."""


def _as_map(heads: Tensor) -> Tensor:
    """(N, heads, H, W, c) -> (N, h, H, W)."""
    return heads.permute(0, 1, 4, 2, 3).flatten(1, 2)


class RowAttention(nn.Module):
    """Position-sensitive attention along the rows, (N, h, H, W) -> (N, h, H, W)."""

    def __init__(self, width: int, heads: int, span: int) -> None:
        super().__init__()
        head = width // heads
        self.widths = [head // 2, head // 2, head]
        self.heads, self.span = heads, span
        self.qkv = nn.Conv2d(width, 2 * width, 1, bias=False)
        self.bn = BatchNorm2d(2 * width)
        self.relative = nn.Embedding(2 * span - 1, 2 * head)
        self.bn_qk, self.bn_qr, self.bn_kr = (LogitNorm(heads) for _ in range(3))
        self.bn_v, self.bn_r = (BatchNorm2d(width) for _ in range(2))
        nn.init.normal_(self.qkv.weight, std=width**-0.5)
        nn.init.normal_(self.relative.weight, std=head**-0.5)

    def _distances(self, x: Tensor) -> tuple[Tensor, ...]:
        """What is learned of p - o for q, k and v, each (W, W, c): from pixel o, of pixel p."""
        at = torch.arange(x.shape[3], device=x.device)
        limit = self.span - 1
        distance = (at - at[:, None]).clamp(-limit, limit)
        return torch.split(self.relative(distance + limit), self.widths, 2)

    def forward(self, x: Tensor) -> Tensor:
        heads = torch.unflatten(self.bn(self.qkv(x)), 1, (self.heads, -1))
        q, k, v = torch.split(heads.permute(0, 1, 3, 4, 2), self.widths, 4)  # (N, heads, H, W, c)
        rq, rk, rv = self._distances(x)
        qk = q @ k.transpose(3, 4)
        # Products with r differ by pixel: that stands before the rows, as one more batch.
        qr = (q.transpose(2, 3) @ rq.transpose(1, 2)).transpose(2, 3)
        kr = (k.transpose(2, 3) @ rk.permute(1, 2, 0)).permute(0, 1, 3, 4, 2)
        logits = at_least_single(self.bn_qk(qk)) + self.bn_qr(qr) + self.bn_kr(kr)
        weights = logits.softmax(4).to(v.dtype)
        content = weights @ v
        place = (weights.transpose(2, 3) @ rv).transpose(2, 3)
        y: Tensor = self.bn_v(_as_map(content)) + self.bn_r(_as_map(place))
        return y


class AxialAttention(nn.Module):
    """Axial attention in a bottleneck, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        heads: the largest number up to it that leaves heads of 8 channels or a multiple.
        span: distances, in pixels, that are told apart: below it, either way.
        ratio: reduction C / h of the width inside; h is a multiple of 8 and at least 8.
        last_relu: whether the sum passes a ReLU, as in the paper, whose x has passed one too. It
            takes the negative values of a SiLU away.
        identity_init: start as the identity, exactly: the last norm starts at 0, and there is no
            last ReLU (deviation).
    """

    def __init__(
        self,
        channels: int,
        heads: int = 8,
        span: int = 56,
        ratio: int = 2,
        last_relu: bool = True,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        if span < 1:
            raise ValueError(f"span must be positive, not {span}")
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.heads = largest_divisor(hidden // 8, heads)
        self.down = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), BatchNorm2d(hidden), nn.ReLU(inplace=True)
        )
        self.columns = RowAttention(hidden, self.heads, span)
        self.rows = RowAttention(hidden, self.heads, span)
        self.relu = nn.ReLU()
        self.up = nn.Conv2d(hidden, channels, 1, bias=False)
        self.bn = BatchNorm2d(channels)
        self.last = nn.ReLU() if last_relu and not identity_init else nn.Identity()
        if identity_init:
            start_at_zero(self.bn)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.down(x).transpose(2, 3)
        read = self.rows(self.columns(narrow).transpose(2, 3))
        y: Tensor = self.last(x + self.bn(self.up(self.relu(read))))
        return y

    def extra_repr(self) -> str:
        return f"heads={self.heads}"
