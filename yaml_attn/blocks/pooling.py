"""Spatial pyramid pooling: the same map seen through windows of several sizes.

Spatial Pyramid Pooling in Deep Convolutional Networks, He et al., TPAMI 2015, arXiv 1406.4729.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv


def same_pool(size: int) -> nn.MaxPool2d:
    """The maximum of each pixel's neighbourhood; an odd size keeps height and width."""
    return nn.MaxPool2d(size, stride=1, padding=size // 2)


class SPP(nn.Module):
    """The map and its maxima in windows of sizes `k`, side by side between two 1 x 1 Convs."""

    def __init__(self, c1: int, c2: int, k: Sequence[int] = (5, 9, 13)) -> None:
        super().__init__()
        hidden = c1 // 2
        self.cv1 = Conv(c1, hidden)
        self.cv2 = Conv(hidden * (len(k) + 1), c2)
        self.m = nn.ModuleList(same_pool(size) for size in k)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        y: Tensor = self.cv2(torch.cat([x, *(pool(x) for pool in self.m)], 1))
        return y


class SPPF(nn.Module):
    """SPP of windows 5, 9, 13 as three windows of size `k` = 5, one after the other."""

    def __init__(self, c1: int, c2: int, k: int = 5) -> None:
        super().__init__()
        hidden = c1 // 2
        self.cv1 = Conv(c1, hidden)
        self.cv2 = Conv(hidden * 4, c2)
        self.m = same_pool(k)

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.cv1(x)]
        for _ in range(3):
            maps.append(self.m(maps[-1]))
        y: Tensor = self.cv2(torch.cat(maps, 1))
        return y
