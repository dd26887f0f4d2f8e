"""Ghost convolutions: half of the channels computed, the other half derived cheaply from them.

GhostNet: More Features from Cheap Operations, Han et al., CVPR 2020, arXiv 1911.11907.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv, DWConv


class GhostConv(nn.Module):
    """Conv for half of the channels, a 5 x 5 depthwise Conv of them for the other half."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 1,
        s: int = 1,
        g: int = 1,
        act: bool | nn.Module = True,
    ) -> None:
        super().__init__()
        hidden = c2 // 2
        self.cv1 = Conv(c1, hidden, k, s, None, g, act=act)
        self.cv2 = Conv(hidden, hidden, 5, 1, None, hidden, act=act)

    def forward(self, x: Tensor) -> Tensor:
        y = self.cv1(x)
        return torch.cat((y, self.cv2(y)), 1)


class GhostBottleneck(nn.Module):
    """Two ghost convolutions with a shortcut; at stride 2 with a depthwise one in between."""

    def __init__(self, c1: int, c2: int, k: int = 3, s: int = 1) -> None:
        super().__init__()
        hidden = c2 // 2
        shrinks = s == 2
        self.conv = nn.Sequential(
            GhostConv(c1, hidden),
            DWConv(hidden, hidden, k, s, act=False) if shrinks else nn.Identity(),
            GhostConv(hidden, c2, act=False),
        )
        self.shortcut = (
            nn.Sequential(DWConv(c1, c1, k, s, act=False), Conv(c1, c2, act=False))
            if shrinks
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x) + self.shortcut(x)
        return y
