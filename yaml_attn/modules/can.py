"""Cross attention (CAN): the places of one map that are like what another shows are made stronger.

    R_pq = cosine of a_p and b_q                    p: pixels of a; q: a 6x6 grid of means of b
    w = W2 d(BN(W1 r)),  r_q = mean over p of R_pq  36 -> 6 -> 36
    A = softmax over p of (mean over q of R_pq w_q) / 0.025
    y_p = a_p (1 + A_p)                             d ReLU

Reads [a, b]: a is refined and gives the shape; b may have any width and size. Adapted: in the paper
both are 6x6 maps of one network, and W1 and W2 fit no other number of pixels of b; here b is pooled
to that grid, and where its width is not C, a 1x1 convolution makes it so. The paper refines b
likewise, by R^T; here a alone goes on. A sums to 1 over the map: the larger the map, the fewer
pixels change, and those at most double.

Paper: Cross Attention Network for Few-shot Classification, Hou, Chang, Ma, Shan, Chen,
NeurIPS 2019, arXiv 1910.07677, and the authors' code (blue-blue272/fewshot-CAN).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import (
    BatchNorm2d,
    at_least_single,
    pooled,
    start_at_zero,
    two_widths,
    without_autocast,
)

TEMPERATURE = 0.025


class CrossAttention(nn.Module):
    """Cross attention of CAN, [(N, C, H, W), (N, C_b, H_b, W_b)] -> (N, C, H, W).

    Likeness is computed in float32 or more: the softmax multiplies its error by 40.

    Args:
        channels: C; or, with context_channels, what the row's [ch, f] stands for.
        context_channels: C_b.
        side: of the grid that b is pooled to.
        ratio: reduction of the grid's side * side numbers in W1; at least one is left.
        identity_init: start near the identity: W2 starts at 0, so that A is 1 / HW everywhere and
            y = x (1 + 1 / HW).

    Raises:
        ValueError: the channels are neither two numbers nor what [ch, f] stands for.
    """

    def __init__(
        self,
        channels: int | list[int],
        context_channels: int | list[int],
        side: int = 6,
        ratio: int = 6,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in {"side": side, "ratio": ratio}.items():
            if value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        width, context = two_widths(channels, context_channels)
        hidden = max(1, side**2 // ratio)
        self.side = side
        self.adapt = nn.Identity() if context == width else nn.Conv2d(context, width, 1)
        self.fc1 = nn.Conv2d(side**2, hidden, 1)
        self.bn = BatchNorm2d(hidden)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, side**2, 1)
        if identity_init:
            start_at_zero(self.fc2)

    def _likeness(self, a: Tensor, b: Tensor) -> Tensor:
        """R, (N, H W, side^2)."""
        grid = pooled(self.adapt(b), self.side)
        with without_autocast(a):
            maps = (at_least_single(each).flatten(2) for each in (a, grid))
            pixels, cells = (F.normalize(each, dim=1) for each in maps)
            return pixels.transpose(1, 2) @ cells

    def forward(self, inputs: list[Tensor]) -> Tensor:
        a, b = inputs
        likeness = self._likeness(a, b)
        mean = likeness.mean(1)[:, :, None, None]
        weights = self.fc2(self.relu(self.bn(self.fc1(mean.to(a.dtype)))))
        with without_autocast(a):
            scores = likeness @ at_least_single(weights).flatten(1).unsqueeze(2) / self.side**2
            attention = (scores / TEMPERATURE).softmax(1).transpose(1, 2)
        factor = 1 + torch.unflatten(attention, 2, a.shape[2:])
        return a * factor.to(a.dtype)

    def extra_repr(self) -> str:
        return f"side={self.side}"
