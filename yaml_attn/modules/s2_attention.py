"""S2-MLPv2's attention: features shifted by a pixel in four directions, three mixtures of them.

    [X1; X2; X3] = W_in x                              C -> 3 C
    X1', X2' = shift(X1; H, W), shift(X2; W, H)        quarters of the channels: by +1 and -1
                                                       along the first axis, then the second
    w = softmax over the three of W_b GELU(W_a p)      p = sum over pixels of X1' + X2' + X3
    y = W_out (w_1 X1' + w_2 X2' + w_3 X3)             w_k: one weight for each channel

A shift repeats the border: by +1 it is out[i] = in[i-1], out[0] = in[0].

Paper: S2-MLPv2: Improved Spatial-Shift MLP Architecture for Vision, Yu, Li, Cai, Sun, Li, 2021,
arXiv 2108.01072. The popular code shifts in place through overlapping memory: the border smears
over the map, compiled and exported models compute something else, and the gradient is that of
another function. Its inner layer is fixed to 512 channels. It has no result to reproduce, hence
no `variant`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import start_at_zero, without_autocast


def _forward(x: Tensor, axis: int) -> Tensor:
    """By +1: out[i] = in[i-1], the first repeated."""
    return torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, x.shape[axis] - 1)], axis)


def _backward(x: Tensor, axis: int) -> Tensor:
    """By -1: out[i] = in[i+1], the last repeated."""
    last = x.shape[axis] - 1
    return torch.cat([x.narrow(axis, 1, last), x.narrow(axis, last, 1)], axis)


class S2Attention(nn.Module):
    """S2-MLPv2 attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C; below 4 there are no quarters, and nothing is shifted.
        pool: "sum" over the pixels as in the paper, whose maps have one size; with "mean" p, and
            so the sharpness of w, does not depend on the size. Prefer it where sizes vary.
        residual: the paper's block without its MLP, x + f(LN(x)); LN has no scale and bias of its
            own (deviation), as W_in has them.
        identity_init: start as the identity, exactly: residual, and W_out starts at 0.
    """

    def __init__(
        self,
        channels: int,
        pool: str = "sum",
        residual: bool = False,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        if pool not in {"sum", "mean"}:
            raise ValueError(f"pool must be 'sum' or 'mean', not {pool!r}")
        self.pool = pool
        self.residual = residual or identity_init
        quarter = channels // 4
        self.groups = [quarter, quarter, quarter, channels - 3 * quarter]
        self.expand = nn.Conv2d(channels, 3 * channels, 1)
        self.fc1 = nn.Linear(channels, channels, bias=False)
        self.fc2 = nn.Linear(channels, 3 * channels, bias=False)
        self.project = nn.Conv2d(channels, channels, 1)
        if identity_init:
            start_at_zero(self.project)

    def _shift(self, x: Tensor, first: int, second: int) -> Tensor:
        if self.groups[0] == 0:
            return x
        a, b, c, d = torch.split(x, self.groups, 1)
        moved = [_forward(a, first), _backward(b, first), _forward(c, second), _backward(d, second)]
        return torch.cat(moved, 1)

    def _weights(self, parts: list[Tensor]) -> tuple[Tensor, ...]:
        """w_1, w_2, w_3, each (N, C, 1, 1)."""
        x = parts[0]
        wide = torch.promote_types(x.dtype, torch.float32)
        with without_autocast(x):
            # The sum over a map leaves float16, and half precision is too coarse for its logits.
            pooled = torch.stack([part.sum((2, 3), dtype=wide) for part in parts]).sum(0)
            if self.pool == "mean":
                pooled = pooled / (x.shape[2] * x.shape[3])
            hidden = F.gelu(F.linear(pooled, self.fc1.weight.to(wide)))
            logits = F.linear(hidden, self.fc2.weight.to(wide))
        weights = torch.unflatten(logits, 1, (3, -1)).softmax(1).to(x.dtype)
        return weights[..., None, None].unbind(1)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        if self.residual:
            features = F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)
        first, second, third = self.expand(features).chunk(3, 1)
        parts = [self._shift(first, 2, 3), self._shift(second, 3, 2), third]
        w1, w2, w3 = self._weights(parts)
        y: Tensor = self.project(w1 * parts[0] + w2 * parts[1] + w3 * parts[2])
        return x + y if self.residual else y

    def extra_repr(self) -> str:
        return f"pool={self.pool}, residual={self.residual}"
