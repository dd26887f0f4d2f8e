"""Boosted attention: features made larger where a saliency map, learned beside them, is positive.

    y = Wv x * log(d(Ws x) + e)          Ws: C -> 1, the saliency of each pixel; d ReLU

A pixel without saliency has the factor log e = 1. Adapted: in the paper the saliency is trained on
where people look, and a captioner's own attention, led by its words, follows on y. Without gaze
this is a gate by position like others, and the name promises more; `saliency` gives the map for a
loss of yours.

Paper: Boosted Attention: Leveraging Human Attention for Image Captioning, Chen, Zhao, ECCV 2018,
arXiv 1904.00767. Of it the abstract was read; the formula is from memory, also that e stands within
the logarithm.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from yaml_attn.modules._parts import at_least_single, start_at_zero, start_near_zero


class BoostedAttention(nn.Module):
    """Boosted attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        identity_init: start near the identity, within a thousandth: Wv starts as the identity and
            Ws small (at 0 its ReLU would pass no gradient).
    """

    def __init__(self, channels: int, identity_init: bool = False) -> None:
        super().__init__()
        self.value = nn.Conv2d(channels, channels, 1)
        self.salient = nn.Conv2d(channels, 1, 1)
        if identity_init:
            start_at_zero(self.value)
            nn.init.dirac_(self.value.weight)
            start_near_zero(self.salient)

    def saliency(self, x: Tensor) -> Tensor:
        """How much each pixel stands out, 0 or more, (N, 1, H, W)."""
        found: Tensor = self.salient(x).relu()
        return found

    def forward(self, x: Tensor) -> Tensor:
        value: Tensor = self.value(x)
        boost = (at_least_single(self.saliency(x)) + math.e).log()
        return value * boost.to(value.dtype)
