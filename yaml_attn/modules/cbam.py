"""Convolutional Block Attention Module: which features, then where; each half is a layer too.

    x' = x * s(M(avg) + M(max))                      M = W2 d(W1 .), pooled over positions
    y = x' * s(BN(conv([max; avg])))                 pooled over channels

Paper: CBAM, Woo, Park, Lee, Kweon, ECCV 2018, arXiv 1807.06521 (eq. 1-3). s sigmoid, d ReLU.
`variant="tutorial"` is the code that most YOLO forks carry: no biases in M, no batch norm behind
the convolution, planes in the order [avg; max], and a hidden width of exactly channels // ratio.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    hidden_width,
    is_tutorial,
    same_padding,
    start_at_zero,
)


def _largest(x: Tensor, dim: int, *, training: bool) -> Tensor:
    """The maximum along `dim`, which is kept.

    Of equal values one gets the gradient, as in the paper's code: amax would divide it among them
    and is several times slower backward; without a backward pass amax is the faster one.
    """
    return x.max(dim, keepdim=True).values if training else x.amax(dim, keepdim=True)


class ChannelAttention(nn.Module):
    """The channel half of CBAM, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width; h is a multiple of 8 and at least 8
            (deviation: the paper's C / ratio is 0 below 16 channels, which no layer can have).
        identity_init: start as the identity, exactly: W2 starts at 0 and the gate is doubled.
        variant: "paper", or "tutorial": no biases, h = max(1, C // ratio).
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 16,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        tutorial = is_tutorial(variant)
        hidden = max(1, channels // ratio) if tutorial else hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.fc1 = nn.Conv2d(channels, hidden, 1, bias=not tutorial)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1, bias=not tutorial)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.fc2)

    def _mlp(self, pooled: Tensor) -> Tensor:
        logits: Tensor = self.fc2(self.relu(self.fc1(pooled)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        average = x.mean((2, 3), keepdim=True)
        largest = _largest(x.flatten(2), 2, training=self.training).unsqueeze(3)
        gate = (self._mlp(average) + self._mlp(largest)).sigmoid()
        return x * (self.gain * gate)


class SpatialAttention(nn.Module):
    """The spatial half of CBAM, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C, any: the gate is made of two planes, the largest and the mean over channels.
        kernel_size: of the convolution over the two planes, odd, in pixels.
        identity_init: start as the identity, exactly: the last layer's weight starts at 0 and the
            gate is doubled.
        variant: "paper", or "tutorial": no batch norm, planes in the order [mean; largest].
    """

    def __init__(
        self,
        channels: int,  # noqa: ARG002  every mechanism is told C; this one does without
        kernel_size: int = 7,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.tutorial = is_tutorial(variant)
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=same_padding(kernel_size), bias=False)
        self.bn = nn.Identity() if self.tutorial else BatchNorm2d(1, momentum=0.01)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            # Not the convolution before a norm: a norm of zeros has a gradient of 1 / sqrt(eps).
            start_at_zero(self.conv if self.tutorial else self.bn)

    def forward(self, x: Tensor) -> Tensor:
        planes = [_largest(x, 1, training=self.training), x.mean(1, keepdim=True)]
        if self.tutorial:
            planes.reverse()
        gate: Tensor = self.bn(self.conv(torch.cat(planes, 1))).sigmoid()
        return x * (self.gain * gate)


class CBAM(nn.Module):
    """Channel attention, then spatial attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction of the channel half's hidden width.
        kernel_size: of the spatial half's convolution, odd, in pixels; 7 or 3 in the paper.
        identity_init: start as the identity, exactly (see the two halves).
        variant: "paper", or "tutorial", the popular code's form (see the two halves).
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 16,
        kernel_size: int = 7,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.channel = ChannelAttention(channels, ratio, identity_init, variant)
        self.spatial = SpatialAttention(channels, kernel_size, identity_init, variant)
        self.ratio = self.channel.ratio

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.spatial(self.channel(x))
        return y
