"""SimAM: one gate per value, from how far it stands out of its channel; nothing is learned.

    y = x * s((x - mu)^2 / (4 (v + l)) + 1/2)        mu, v: mean and variance of the channel's map

The closed-form minimum of an energy that asks each neuron to be separable from the others of its
channel; s sigmoid, v divided by HW - 1.

Paper: SimAM, Yang, Zhang, Li, Xie, ICML 2021, PMLR 139 (eq. 5-6); no arXiv version.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from yaml_attn.modules._parts import at_least_single


class SimAM(nn.Module):
    """SimAM, (N, C, H, W) -> (N, C, H, W), without parameters.

    Args:
        channels: C, any: the formula works in each channel alone.
        e_lambda: l, added to the variance, in squared units of x.
        identity_init: divide the gate by its value at the mean of (x - mu)^2 / v, which is 1.
            As near to the identity as a gate without parameters comes: it then runs from 0.92
            for values at their channel's mean to at most 1.47 for those far from it.
    """

    def __init__(
        self,
        channels: int,  # noqa: ARG002  every mechanism is told C; this one does without
        e_lambda: float = 1e-4,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        self.e_lambda = e_lambda
        self.gain = 1 + math.exp(-3 / 4) if identity_init else 1.0  # 1 / s(1/4 + 1/2)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[2] * x.shape[3]
        # max(size - 1, 1) without a branch, which an exporter would freeze: 1x1 has no variance.
        freedom = size - 1 + 1 // size
        wide = at_least_single(x)  # a sum of squares leaves float16 at 80x80 already
        squares = (wide - wide.mean((2, 3), keepdim=True)).square()
        variance = squares.sum((2, 3), keepdim=True) / freedom
        gate = (squares / (4 * (variance + self.e_lambda)) + 0.5).sigmoid()
        y = x * gate.to(x.dtype)
        return y if self.gain == 1 else self.gain * y

    def extra_repr(self) -> str:
        return f"e_lambda={self.e_lambda}"
