"""Attention-based dropout: in training, hide the most salient part of the map, or show it more.

    m = mean over the channels of x                    one plane
    y = x * [m < g max m]    with probability p        1 where true, 0 where false
    y = x * s(m)             otherwise                 s sigmoid
    y = x                    in evaluation

Paper: Attention-based Dropout Layer for Weakly Supervised Object Localization, Choe, Shim,
CVPR 2019, arXiv 1908.10028; g and p as in the authors' script for ResNet. So that a network sees
objects whole and not by their most telling part. m is the mean of ReLU features there; where m is
negative everywhere, as after other activations it can be, nothing is hidden.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import at_least_single


class AttentionDropout(nn.Module):
    """Attention-based dropout, (N, C, H, W) -> (N, C, H, W), without parameters.

    Args:
        channels: C, any: the formula sees their mean alone.
        drop_rate: p, how often the most salient part is hidden, from 0 to 1.
        threshold: g, above which share of the largest mean a pixel is salient, from 0 to 1.
        per_image: draw for each image; once for the whole batch if not, as in the authors' code.
        identity_init: nothing to do: in evaluation the layer is the identity, and in training
            there is none, whatever it starts with.
    """

    def __init__(
        self,
        channels: int,  # noqa: ARG002  every mechanism is told C; this one does without
        drop_rate: float = 0.75,
        threshold: float = 0.9,
        per_image: bool = False,
        identity_init: bool = False,  # noqa: ARG002  every mechanism takes it
    ) -> None:
        super().__init__()
        for name, value in (("drop_rate", drop_rate), ("threshold", threshold)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {value}")
        self.drop_rate = drop_rate
        self.threshold = threshold
        self.per_image = per_image

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        mean = at_least_single(x).mean(1, keepdim=True)
        rest = (mean < self.threshold * mean.amax((2, 3), keepdim=True)).to(mean.dtype)
        draws = x.shape[0] if self.per_image else 1
        hide = torch.rand(draws, 1, 1, 1, device=x.device) < self.drop_rate
        return x * torch.where(hide, rest, mean.sigmoid()).to(x.dtype)

    def extra_repr(self) -> str:
        return f"drop_rate={self.drop_rate}, threshold={self.threshold}"
