"""Gaussian attention: one soft spot on the map, that the features place, is kept.

    y = x * sum_t K_t                       t = 1..T spots
    K = exp(-|p - m|^2 / (2 l d))           p: the pixel's row and column, each from 0 to 1
    m = sum_p a_p p,  a = softmax over the pixels of Wm x;     d = s(Wd GAP(x) + b), s sigmoid

Adapted: in the paper one fully connected layer gives m and d from the flattened map, so for one
size only, and the gated map is summed up for clustering. Here m is a soft-argmax, which follows
what it finds to where it is, and d comes from the pooled map: any size works. The authors' code
takes one number for the column of m and for d; here they are apart.

Paper: GATCluster: Self-Supervised Gaussian-Attention Network for Image Clustering, Niu, Zhang,
Wang, Liang, ECCV 2020, arXiv 2002.11863; l = 0.05, one spot, start at the middle as in the
authors' code. At d = 1/2, K is above 1/2 within 0.19 sides of the map: a prior of where the one
object of an image is, which takes away what is elsewhere. `residual=True` leaves it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import at_least_single, positions, start_at_zero

EPSILON = 1e-5


class GaussianAttention(nn.Module):
    """Gaussian attention, (N, C, H, W) -> (N, C, H, W).

    The spots are computed in float32 or more, whatever the precision around them.

    Args:
        channels: C.
        spots: T.
        scale: l, in squared sides of the map.
        elliptic: give each spot a spread for rows and one for columns, and let it lean: with
            u, v = (p - m) / d and r from -1/2 to 1/2, K = exp(-(u^2 - 2 r u v + v^2) /
            (2 l (1 - r^2))), as in the authors' second form.
        residual: y = x * (1 + sum_t K_t), so that nothing is taken away (not in the paper).
        identity_init: start as the identity, exactly: the spots start in the middle, and the gate
            is 1 + their sum - what that sum is there.
    """

    def __init__(
        self,
        channels: int,
        spots: int = 1,
        scale: float = 0.05,
        elliptic: bool = False,
        residual: bool = False,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("spots", spots), ("scale", scale)):
            if value <= 0:
                raise ValueError(f"{name} must be positive, not {value}")
        self.scale = scale
        self.elliptic = elliptic
        self.residual = residual
        self.identity_init = identity_init
        self.place = nn.Conv2d(channels, spots, 1, bias=False)  # one cancels in the softmax
        self.spread = nn.Conv2d(channels, spots * (3 if elliptic else 1), 1)
        # Spots that start alike stay alike, so each has a spread of its own.
        start = torch.arange(spots, dtype=torch.float32)[:, None] - (spots - 1) / 2
        start = torch.cat((start, start, torch.zeros_like(start)), 1) if elliptic else start
        self.start: Tensor
        self.register_buffer("start", start, persistent=False)
        with torch.no_grad():
            self.spread.get_parameter("bias").copy_(start.flatten())
        if identity_init:
            start_at_zero(self.place)
            nn.init.zeros_(self.spread.weight)

    def _spots(self, places: Tensor, spreads: Tensor) -> Tensor:
        """The sum of the K, (N, 1, H, W), of logits (N, T, H, W) and (N, T, 1 or 3)."""
        pixels = positions(places).flatten(1)
        means = (places.flatten(2).softmax(2).unsqueeze(2) * pixels).sum(3, keepdim=True)
        away = pixels - means  # (N, T, 2, H W)
        if self.elliptic:
            u, v = (away / (spreads[:, :, :2, None].sigmoid() + EPSILON)).unbind(2)
            lean = spreads[:, :, 2:].tanh() / 2
            squares = (u * u - 2 * lean * u * v + v * v) / (1 - lean * lean)
            spots = (-squares / (2 * self.scale)).exp()
        else:
            spots = (-away.square().sum(2) / (2 * self.scale * spreads.sigmoid() + EPSILON)).exp()
        return torch.unflatten(spots.sum(1, keepdim=True), 2, places.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        places = at_least_single(self.place(x))
        pooled = at_least_single(self.spread(x.mean((2, 3), keepdim=True)))
        spreads = torch.unflatten(pooled.flatten(1), 1, self.start.shape)
        gate = self._spots(places, spreads)
        if self.identity_init:
            start = self.start.to(spreads.dtype).expand_as(spreads)
            gate = 1 + gate - self._spots(torch.zeros_like(places), start)
        elif self.residual:
            gate = 1 + gate
        return x * gate.to(x.dtype)

    def extra_repr(self) -> str:
        return f"spots={self.start.shape[0]}, scale={self.scale}, elliptic={self.elliptic}"
