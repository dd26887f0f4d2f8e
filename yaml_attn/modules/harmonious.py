"""Harmonious attention: one gate per value, from a spatial gate and a channel gate made jointly.

    S = d(BN(w2 up(d(BN(conv3x3(mean of channels))))))     one plane; stride 2, up: back to H x W
    E = d(BN(W2 d(BN(W1 GAP(x)))))                         C -> h -> C
    y = x * s(d(BN(W3 (S * E))))                           s sigmoid, d ReLU, W3: C -> C

Adapted: this is the soft half. The paper's hard half cuts out four regions, which go through
streams of their own; a layer in one stream has nowhere to send them.

Paper: Harmonious Attention Network for Person Re-Identification, Li, Zhu, Gong, CVPR 2018,
arXiv 1802.08122 (section 3.1); norms and ReLUs as in the port of deep-person-reid, whose up aligns
the corners (deviation: here it does not). With the last ReLU there the gate runs from 1/2 to 1.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import BatchNorm2d, hidden_width

START = 1.0  # logit of the gate in identity_init: at 0 the ReLU would pass no gradient


def _conv(channels: int, out: int, kernel_size: int = 1, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; no bias, as the norm would take it out."""
    padding = kernel_size // 2
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel_size, stride, padding, bias=False),
        BatchNorm2d(out),
        nn.ReLU(inplace=True),
    )


class HarmoniousAttention(nn.Module):
    """Harmonious attention, soft half, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width; h is a multiple of 8 and at least 8
            (deviation: the paper's C / ratio is 0 below 16 channels).
        identity_init: start as the identity, but for rounding: the last norm gives 1 everywhere,
            and the gate is divided by s(1).
    """

    def __init__(self, channels: int, ratio: int = 16, identity_init: bool = False) -> None:
        super().__init__()
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.coarse = _conv(1, 1, 3, stride=2)
        self.fine = _conv(1, 1)
        self.excite = nn.Sequential(_conv(channels, hidden), _conv(hidden, channels))
        self.join = _conv(channels, channels)
        self.gain = 1 + math.exp(-START) if identity_init else 1.0
        if identity_init:
            norm = self.join[1]
            nn.init.zeros_(norm.get_parameter("weight"))
            nn.init.constant_(norm.get_parameter("bias"), START)

    def forward(self, x: Tensor) -> Tensor:
        coarse = self.coarse(x.mean(1, keepdim=True))
        spatial = self.fine(F.interpolate(coarse, x.shape[2:], mode="bilinear"))
        channel = self.excite(x.mean((2, 3), keepdim=True))
        gate: Tensor = self.join(spatial * channel).sigmoid()
        return x * (gate if self.gain == 1 else self.gain * gate)
