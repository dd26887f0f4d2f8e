"""Random feature attention: softmax attention over all pixels, estimated at a linear cost.

    y_i = x_i + Wo (S^T phi(q_i) / (z . phi(q_i)))   S = sum_j phi(k_j) v_j^T,  z = sum_j phi(k_j)
    phi(u) = [sin(w_1 . u), ..., cos(w_1 . u), ...] / sqrt(D),   w_d = sigma * e_d / tau
    q, k = Wq x, Wk x, each head's part divided by its length;   v = Wv x;   e_d ~ N(0, I)

phi(q) . phi(k) is, on average over e, exp(-|q - k|^2 / 2 tau^2) where sigma is 1: for vectors of
length 1 what a softmax takes of q . k / tau^2, but for a factor that cancels. With the default 64
features the estimates have a standard deviation of up to 0.09 around values of 0.14 to 1.

Paper: Random Feature Attention, Peng, Pappas, Yogatama, Schwartz, Smith, Kong, ICLR 2021,
arXiv 2103.02143 (without its gates for text); head width, D, learned sigma and a pool of e, from
which training draws for each batch, as in the authors' code. Pixels have no order: the layer knows
no places. The sum z . phi(q) can come near 0 or below; like there, it is bounded from below, here
at H W / 100. `RFA` is also short for receptive-field attention: it is no alias.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import (
    at_least_single,
    largest_divisor,
    start_at_zero,
    without_autocast,
)

SMALLEST = 0.01
POOL = 64


class RandomFeatures(nn.Module):
    """phi of each head, (N, heads, H W, c) -> (N, heads, H W, 2 D), with sigma as its weight."""

    def __init__(self, heads: int, width: int, features: int, tau: float) -> None:
        super().__init__()
        self.tau = tau
        self.factor: float = features**-0.5
        self.weight = nn.Parameter(torch.ones(heads, 1, width))
        self.pool: Tensor
        self.register_buffer("pool", torch.randn(max(POOL, heads), features, width))

    def drawn(self) -> Tensor:
        """The w of each head, (heads, c, D): drawn anew in training, else the first ones."""
        heads, pool = self.weight.shape[0], self.pool
        if self.training:
            pool = pool[torch.randperm(pool.shape[0], device=pool.device)]
        w: Tensor = self.weight * pool[:heads] / self.tau
        return w.transpose(1, 2)

    def forward(self, u: Tensor, w: Tensor) -> Tensor:
        angles = F.normalize(u, dim=3, eps=1e-3) @ w.to(u.dtype)
        waves = torch.cat((angles.sin(), angles.cos()), 3)
        return waves * self.factor


class RandomFeatureAttention(nn.Module):
    """Random feature attention, (N, C, H, W) -> (N, C, H, W).

    phi and its sums are computed in float32 or more, whatever the precision around them.

    Args:
        channels: C.
        features: D, random features of each head; more come nearer to a softmax, at cost and
            memory in proportion: 6 D C multiplications and 4 D heads numbers for each pixel.
        heads: the largest number up to it that divides C; C / 64 if not given, at least 1.
        tau: temperature; below 1 the likeness is sharper and the estimate worse.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    def __init__(
        self,
        channels: int,
        features: int = 64,
        heads: int | None = None,
        tau: float = 1.0,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("features", features), ("tau", tau)):
            if value <= 0:
                raise ValueError(f"{name} must be positive, not {value}")
        self.heads = largest_divisor(channels, max(1, channels // 64) if heads is None else heads)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.phi = RandomFeatures(self.heads, channels // self.heads, features, tau)
        self.out = nn.Conv2d(channels, channels, 1)
        if identity_init:
            start_at_zero(self.out)

    def _heads(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, heads, H W, C / heads)."""
        return torch.unflatten(at_least_single(x).flatten(2), 1, (self.heads, -1)).transpose(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        maps = (self.query(x), self.key(x), self.value(x))
        with without_autocast(x):
            q, k, v = (self._heads(each) for each in maps)
            w = self.phi.drawn()
            of_q, of_k = self.phi(q, w), self.phi(k, w)
            # Means and not sums over the pixels: the same quotient, within reach of any size.
            s = of_k.transpose(2, 3) @ v / (x.shape[2] * x.shape[3])
            z = of_k.mean(2).unsqueeze(3)
            read = (of_q @ s) / (of_q @ z).clamp_min(SMALLEST)
        merged = read.transpose(2, 3).flatten(1, 2).to(maps[2].dtype)
        y: Tensor = x + self.out(torch.unflatten(merged, 2, x.shape[2:]))
        return y

    def extra_repr(self) -> str:
        return f"heads={self.heads}"
