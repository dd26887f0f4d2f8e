"""Expectation-maximisation attention (EMANet): the map, rebuilt of a few bases that fit it.

    f  = W1 x                                  N = H W pixels, as columns
    Z  = softmax over K of f^T mu              T times: how much of each basis each pixel is,
    mu = norm(f (Z / column sums of Z))        then each basis as the mean of its pixels
    y  = d(x + BN(W2 d(mu Z^T)))               norm: columns of unit length, d ReLU

mu starts as `bases`, C x K, which no gradient trains: in training it moves to the mu that the
batch ended with, 0.9 old and 0.1 new. Images of one value alone, as frameworks find their strides
with, and those that are not finite, do not count. Under DistributedDataParallel all processes take
the bases of the first, as of every buffer (the authors average them).

Paper: Expectation-Maximization Attention Networks for Semantic Segmentation, Li, Zhong, Wu, Yang,
Lin, Liu, ICCV 2019, arXiv 1907.13426; sizes, start and momentum as in the authors' code. That code
lets no gradient through Z and mu, so that W1 keeps its random start, with results a little better
than otherwise, says its author (issue 14 there). Here the gradient flows (deviation): a parameter
without one stops a distributed training. `EMA` is another mechanism.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    at_least_single,
    start_at_zero,
    without_autocast,
)

EPSILON = 1e-6


class EMAttention(nn.Module):
    """Expectation-maximisation attention, (N, C, H, W) -> (N, C, H, W).

    The iterations are computed in float32 or more, whatever the precision around them. They cost
    (2 T + 1) K C N multiplications, linear in the size of the map.

    Args:
        channels: C.
        bases: K.
        steps: iterations T.
        momentum: share of the old bases in the new ones, after each batch in training.
        last_relu: whether the sum passes a ReLU, as in the paper, whose x has passed one too. It
            takes the negative values of a SiLU away.
        identity_init: start as the identity, exactly: the norm starts at 0, and there is no last
            ReLU (deviation).
    """

    def __init__(
        self,
        channels: int,
        bases: int = 64,
        steps: int = 3,
        momentum: float = 0.9,
        last_relu: bool = True,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("bases", bases), ("steps", steps)):
            if value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        self.steps = steps
        self.momentum = momentum
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.last = nn.ReLU() if last_relu and not identity_init else nn.Identity()
        self.bases: Tensor
        self.register_buffer("bases", nn.functional.normalize(torch.randn(channels, bases), dim=0))
        for conv in (self.conv1, self.conv2):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        if identity_init:
            start_at_zero(self.bn)

    def _fitted(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """The fitted mu (N, C, K) and Z (N, H W, K) of the features (N, C, H W)."""
        mu = self.bases.clone().to(f.dtype)  # backward needs the bases as they are now
        for _ in range(self.steps):
            z = (f.transpose(1, 2) @ mu).softmax(2)
            mu = f @ (z / (z.sum(1, keepdim=True) + EPSILON))
            mu = mu / (mu.norm(dim=1, keepdim=True) + EPSILON)
        return mu, z

    @torch.no_grad()
    def _remember(self, mu: Tensor, x: Tensor) -> None:
        """Move the bases to the mean mu of those images that show something."""
        varied = (x.amax((2, 3)) > x.amin((2, 3))).any(1) & mu.isfinite().flatten(1).all(1)
        # A weighted mean, as the shape of mu[varied] would depend on the images.
        seen = torch.where(varied[:, None, None], mu, 0).sum(0)
        mean = seen / varied.sum().clamp_min(1)
        new = self.momentum * self.bases + (1 - self.momentum) * mean.to(self.bases.dtype)
        self.bases.copy_(torch.where(varied.any(), new, self.bases))

    def forward(self, x: Tensor) -> Tensor:
        f = self.conv1(x)
        with without_autocast(x):
            mu, z = self._fitted(at_least_single(f).flatten(2))
            rebuilt = torch.unflatten(mu @ z.transpose(1, 2), 2, x.shape[2:])
        if self.training:
            self._remember(mu, x)
        y: Tensor = self.last(x + self.bn(self.conv2(self.relu(rebuilt.to(f.dtype)))))
        return y

    def extra_repr(self) -> str:
        return f"bases={self.bases.shape[1]}, steps={self.steps}, momentum={self.momentum}"
