"""Coordinate Attention: one gate per channel and row, another per channel and column.

    f = hswish(BN(W1 [mean over W; mean over H]))    one sequence of H + W positions, W1: C -> m
    y = x * s(Wh f_h) * s(Ww f_w)                    s sigmoid, Wh and Ww: m -> C

Paper: Coordinate Attention, Hou, Zhou, Feng, CVPR 2021, arXiv 2103.02907 (eq. 4-9).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import hidden_width, start_at_zero


class CoordAtt(nn.Module):
    """Coordinate Attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / m of the hidden width; m is a multiple of 8 and at least 8
            (deviation: the paper's code does not round, max(8, C // ratio)).
        identity_init: start as the identity, exactly: Wh and Ww start at 0, both gates are doubled.
    """

    def __init__(self, channels: int, ratio: int = 32, identity_init: bool = False) -> None:
        super().__init__()
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.conv1 = nn.Conv2d(channels, hidden, 1)
        self.bn = nn.BatchNorm2d(hidden)  # N(H + W) values: never one alone
        self.act = nn.Hardswish()
        self.conv_h = nn.Conv2d(hidden, channels, 1)
        self.conv_w = nn.Conv2d(hidden, channels, 1)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.conv_h, self.conv_w)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        rows = x.mean(3, keepdim=True)  # (N, C, H, 1)
        columns = x.mean(2, keepdim=True).transpose(2, 3)  # (N, C, W, 1)
        f = self.act(self.bn(self.conv1(torch.cat([rows, columns], 2))))
        gate_h: Tensor = self.conv_h(f[:, :, :height]).sigmoid()
        gate_w: Tensor = self.conv_w(f[:, :, height:]).sigmoid().transpose(2, 3)
        return x * (self.gain * gate_h) * (self.gain * gate_w)
