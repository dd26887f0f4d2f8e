"""X-Linear attention: a query asks every pixel by products of features, and each hears the answer.

    q, k, v, w = GN(celu(Wq m)), GN(celu(Wk x_i)), GN(celu(Wv x_i)), GN(celu(Ww m))   m = GAP(x)
    h_i = d(We (k_i * q)),   b = softmax over the pixels of wb . h_i,   g = s(Wg mean_i h_i)
    z = g * w * sum_i b_i v_i,   y_i = x_i + d(Wm [z; x_i])           in each head but for Wm

Adapted: in a captioner the query is the state of the words and z its answer; here it is the mean of
the map, as in the paper's encoder, and y is the encoder's map without the layer norm at its end,
which would scale each pixel of a detector's map by itself, and could not start as the identity.

Paper: X-Linear Attention Networks for Image Captioning, Pan, Yao, Li, Mei, CVPR 2020,
arXiv 2003.14080, with the widths, heads and norms of the authors' code (JDAI-CV/image-captioning):
celu with alpha 1.3, 8 heads, h half as wide as a head. s sigmoid, d ReLU. There are also dropouts
in the code, and four such blocks. The cost is linear in the number of pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import at_least_single, largest_divisor, start_near_zero

ALPHA = 1.3


class HeadNorm(nn.Module):
    """Group norm of vectors, (..., heads, c) -> the same: each head's numbers normalised.

    `nn.GroupNorm` would take the pixels' statistics together, and refuses groups of one number.
    """

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(heads, width))
        self.bias = nn.Parameter(torch.zeros(heads, width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) * self.weight.to(x.dtype) + self.bias.to(x.dtype)


class Project(nn.Module):
    """GN(celu(W x)) in heads, (..., C) -> (..., heads, C / heads)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear = nn.Linear(channels, channels)
        self.norm = HeadNorm(heads, channels // heads)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(torch.unflatten(F.celu(self.linear(x), ALPHA), -1, (self.heads, -1)))
        return y


class XLinearAttention(nn.Module):
    """X-Linear attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        heads: of the products; the largest number up to it that divides C and, where one does,
            leaves at least 8 channels each.
        identity_init: start near the identity, within a thousandth: Wm starts small (at 0 its
            ReLU would pass no gradient).
    """

    def __init__(self, channels: int, heads: int = 8, identity_init: bool = False) -> None:
        super().__init__()
        self.heads = largest_divisor(channels, min(heads, max(1, channels // 8)))
        width = channels // self.heads
        hidden = max(8, width // 2)
        self.query = Project(channels, self.heads)
        self.key = Project(channels, self.heads)
        self.value = Project(channels, self.heads)
        self.query_value = Project(channels, self.heads)
        self.embed = nn.Linear(width, hidden)
        # A bias before a softmax over the pixels has no effect.
        self.spatial = nn.Linear(hidden, 1, bias=False)
        self.channel = nn.Linear(hidden, width)
        self.mix = nn.Linear(2 * channels, channels)
        if identity_init:
            start_near_zero(self.mix)

    def _ask(self, pixels: Tensor) -> Tensor:
        """z, (N, 1, C), from the pixels, (N, H W, C)."""
        mean = pixels.mean(1, keepdim=True)
        seen = self.embed(self.key(pixels) * self.query(mean)).relu()
        weights = at_least_single(self.spatial(seen)).softmax(1).to(seen.dtype)
        answer = (weights * self.value(pixels)).sum(1, keepdim=True)
        gate = self.channel(seen.mean(1, keepdim=True)).sigmoid()
        told: Tensor = gate * self.query_value(mean) * answer
        return told.flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2).transpose(1, 2)
        answer = self._ask(pixels).expand_as(pixels)
        mixed = self.mix(torch.cat([answer.to(x.dtype), pixels], 2)).relu()
        return x + torch.unflatten(mixed.transpose(1, 2), 2, x.shape[2:])

    def extra_repr(self) -> str:
        return f"heads={self.heads}"
