"""Bottlenecks and the cross-stage partial blocks around them.

CSPNet: A New Backbone that can Enhance Learning Capability of CNN, Wang et al., CVPR workshops
2020, arXiv 1911.11929.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv, CrossConv
from yaml_attn.blocks.ghost import GhostBottleneck
from yaml_attn.blocks.pooling import SPP
from yaml_attn.blocks.transformer import TransformerBlock


class Bottleneck(nn.Module):
    """A 1 x 1 and a 3 x 3 Conv, with a shortcut where the channels allow."""

    def __init__(self, c1: int, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden)
        self.cv2: nn.Module = Conv(hidden, c2, 3, g=g)
        self.add = shortcut and c1 == c2

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(self.cv1(x))
        return x + y if self.add else y


class BottleneckCSP(nn.Module):
    """The cross-stage partial block as published: half the channels pass the bottlenecks."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5
    ) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden)
        self.cv2 = nn.Conv2d(c1, hidden, 1, bias=False)
        self.cv3 = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.cv4 = Conv(2 * hidden, c2)
        self.bn = nn.BatchNorm2d(2 * hidden)
        self.act = nn.SiLU()
        self.m = nn.Sequential(*(Bottleneck(hidden, hidden, shortcut, g, 1.0) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat((self.cv3(self.m(self.cv1(x))), self.cv2(x)), 1)
        y: Tensor = self.cv4(self.act(self.bn(both)))
        return y


class C3(nn.Module):
    """The cross-stage partial block with three convolutions.

    What half of the channels pass, `inner`, is all that its variants change.
    """

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5
    ) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden)
        self.cv2 = Conv(c1, hidden)
        self.cv3 = Conv(2 * hidden, c2)
        self.m = self.inner(hidden, n, shortcut, g)

    def inner(self, c: int, n: int, shortcut: bool, g: int) -> nn.Module:
        """`n` modules that keep `c` channels."""
        return nn.Sequential(*(Bottleneck(c, c, shortcut, g, 1.0) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))
        return y


class C3x(C3):
    """C3 with cross convolutions."""

    def inner(self, c: int, n: int, shortcut: bool, g: int) -> nn.Module:
        return nn.Sequential(*(CrossConv(c, c, 3, 1, g, 1.0, shortcut) for _ in range(n)))


class C3TR(C3):
    """C3 with a transformer."""

    def inner(self, c: int, n: int, shortcut: bool, g: int) -> nn.Module:  # noqa: ARG002  # C3's
        return TransformerBlock(c, c, 4, n)


class C3Ghost(C3):
    """C3 with ghost bottlenecks."""

    def inner(self, c: int, n: int, shortcut: bool, g: int) -> nn.Module:  # noqa: ARG002  # C3's
        return nn.Sequential(*(GhostBottleneck(c, c) for _ in range(n)))


class C3SPP(C3):
    """C3 with a spatial pyramid pooling, whose kernels `k` come before C3's own parameters."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: tuple[int, ...] = (5, 9, 13),
        n: int = 1,
        shortcut: bool = True,
        g: int = 1,
        e: float = 0.5,
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)
        hidden = int(c2 * e)
        self.m = SPP(hidden, hidden, k)
