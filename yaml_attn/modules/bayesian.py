"""Bayesian attention: self-attention whose weights are drawn in training, not only computed.

    S_ij ~ Weibull(k, lambda_ij),  lambda_ij = P_ij / Gamma(1 + 1/k)       i, j: pixels
    P = softmax over j of q_i . k_j / sqrt d,  W_ij = S_ij / sum_j S_ij    in each head
    y_i = x_i + Wo sum_j W_ij v_j

The mean of S is P, and W is P in evaluation. What makes the spread honest is a loss: `aux_loss(x)`
is the mean of KL(S_ij || Gamma(alpha, beta)), to be added, weighted, to yours. Without it this is
stochastic attention only.

Adapted: the tutorial names the belief network of Zhang, Fan, Wang, Wang, Zhou (ICML 2021, arXiv
2106.05251; abstract read), which ties S of one layer to that of the next over a whole network and
is no layer. This is its parent in one layer, Bayesian Attention Modules, Fan, Zhang, Chen, Zhou,
NeurIPS 2020, arXiv 2010.10604, after the authors' code (zhougroup/BAM): k = 10 as in its scripts;
alpha and beta fixed. The code can also make alpha from the keys by a small network; only the loss
would train that, and whoever leaves the loss out would have parameters without a gradient.

S takes N^2 numbers for each head and image in training, even on a GPU; in evaluation none, where
torch's fused kernels run. `max_tokens` bounds both.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import (
    at_least_single,
    block_means,
    hidden_width,
    largest_divisor,
    start_at_zero,
)

EULER = 0.5772156649015329


class BayesianAttention(nn.Module):
    """Bayesian self-attention over the pixels, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        heads: as many as leave at least 8 channels each.
        ratio: reduction of the width of q, k and v together, a multiple of 8 and at least 8.
        max_tokens: at most that many keys and values, means over equal blocks of the map (not in
            the paper); all pixels if not given.
        concentration: k of the Weibull distribution; the larger, the less is drawn.
        alpha, beta: shape and rate of the Gamma prior in `aux_loss`.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        ratio: int = 2,
        max_tokens: int | None = None,
        concentration: float = 10.0,
        alpha: float = 1.0,
        beta: float = 1.0,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        positive = {"concentration": concentration, "alpha": alpha, "beta": beta}
        for name, value in {**positive, "max_tokens": max_tokens}.items():
            if value is not None and value <= 0:
                raise ValueError(f"{name} must be positive, not {value}")
        width = hidden_width(channels, ratio)
        self.ratio = channels / width
        self.heads = largest_divisor(width // 8, heads)
        self.side = math.isqrt(max_tokens) if max_tokens else None
        self.concentration, self.alpha, self.beta = concentration, alpha, beta
        self.query = nn.Conv2d(channels, width, 1)
        self.key = nn.Conv2d(channels, width, 1, bias=False)  # its bias cancels in the softmax
        self.value = nn.Conv2d(channels, width, 1)
        self.out = nn.Conv2d(width, channels, 1)
        if identity_init:
            start_at_zero(self.out)

    def _in_heads(self, features: Tensor) -> Tensor:
        """(N, c, H, W) -> (N, heads, H W, c / heads)."""
        apart = torch.unflatten(features.flatten(2), 1, (self.heads, -1))
        return apart.transpose(2, 3).contiguous()

    def _noise(self, q: Tensor, k: Tensor) -> Tensor | None:
        """What drawing adds to the logarithm of each weight; nothing in evaluation."""
        if not self.training:
            return None
        # A draw is lambda (-log u)^(1/k), u uniform, and the softmax divides by the sum of draws.
        u = torch.rand(*q.shape[:3], k.shape[2], device=q.device, dtype=torch.float32)
        exponential = -u.clamp(1e-20, 1 - 1e-7).log()
        return (exponential.log() / self.concentration).to(q.dtype)

    def forward(self, x: Tensor) -> Tensor:
        read = block_means(x, self.side)
        maps = (self.query(x), self.key(read), self.value(read))
        q, k, v = map(self._in_heads, maps)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=self._noise(q, k))
        joined = torch.unflatten(attended.transpose(2, 3).flatten(1, 2), 2, x.shape[2:])
        y: Tensor = self.out(joined)
        return x + y

    def aux_loss(self, x: Tensor) -> Tensor:
        """Mean of KL(Weibull || Gamma) over all weights, a scalar; x is what the layer reads.

        It depends on nothing that is drawn. For a training loop, a forward pre-hook can collect it.
        """
        read = block_means(x, self.side)
        q, k = self._in_heads(self.query(x)), self._in_heads(self.key(read))
        logits = at_least_single(q @ k.transpose(2, 3)) / math.sqrt(q.shape[3])
        log_mean = logits.log_softmax(3)
        shape, alpha, beta = self.concentration, self.alpha, self.beta
        log_lambda = log_mean - math.lgamma(1 + 1 / shape)
        constant = EULER * (alpha / shape - 1) - 1 + math.log(shape)
        constant += math.lgamma(alpha) - alpha * math.log(beta)
        return (beta * log_mean.exp() - alpha * log_lambda).mean() + constant

    def extra_repr(self) -> str:
        side = f", side={self.side}" if self.side else ""
        return f"heads={self.heads}, concentration={self.concentration}{side}"
