"""YOLOv7's cross-stage partial blocks: three forms, each around one of several bottlenecks.

Scaled-YOLOv4: Scaling Cross Stage Partial Network, Wang et al., CVPR 2021, arXiv 2011.08036. In
form A both paths start from the block's input, in form B from its first convolution; form C is A
with a convolution behind the bottlenecks.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv
from yaml_attn.blocks.csp import C3, Bottleneck
from yaml_attn.blocks.ghost import GhostBottleneck
from yaml_attn.blocks.yolov7.residual import Res


class CSP(nn.Module):
    """What all forms have: bottlenecks in a row. Their kind is all that the variants change."""

    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        """One of the modules that keep `c` channels."""
        return Bottleneck(c, c, shortcut, g, 1.0)

    def inner(self, c: int, n: int, shortcut: bool, g: int) -> nn.Sequential:
        """`n` of them."""
        return nn.Sequential(*(self.bottleneck(c, shortcut, g) for _ in range(n)))


class BottleneckCSPA(CSP, C3):
    """Form A, which is C3: the bottlenecks beside one convolution."""


class BottleneckCSPB(CSP):
    """Form B: one convolution, then the bottlenecks beside another. `e` does nothing."""

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,
        shortcut: bool = False,
        g: int = 1,
        e: float = 0.5,  # noqa: ARG002  # the framework's signature
    ) -> None:
        super().__init__()
        self.cv1 = Conv(c1, c2)
        self.cv2 = Conv(c2, c2)
        self.cv3 = Conv(2 * c2, c2)
        self.m = self.inner(c2, n, shortcut, g)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        y: Tensor = self.cv3(torch.cat((self.m(x), self.cv2(x)), 1))
        return y


class BottleneckCSPC(CSP):
    """Form C: the bottlenecks and a convolution beside another."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5
    ) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden)
        self.cv2 = Conv(c1, hidden)
        self.cv3 = Conv(hidden, hidden)
        self.cv4 = Conv(2 * hidden, c2)
        self.m = self.inner(hidden, n, shortcut, g)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv4(torch.cat((self.cv3(self.m(self.cv1(x))), self.cv2(x)), 1))
        return y


class GroupedCSPA(BottleneckCSPA):
    """Form A of ResNeXt's bottlenecks, in 32 groups."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 32, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)


class GroupedCSPC(BottleneckCSPC):
    """Form C of ResNeXt's bottlenecks, in 32 groups."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 32, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)


class _OfRes(CSP):
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        return Res(c, c, shortcut, g)


class ResCSPA(_OfRes, BottleneckCSPA):
    """Form A of residual bottlenecks."""


class ResCSPB(_OfRes, BottleneckCSPB):
    """Form B of residual bottlenecks, with shortcuts unless it is told otherwise."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)


class ResCSPC(_OfRes, BottleneckCSPC):
    """Form C of residual bottlenecks."""


class _OfResX(CSP):
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        # The framework makes residual bottlenecks of half the width first, then throws them away.
        if c // 2 % g:
            raise ValueError(f"half of its {c} inner channels must be divisible by groups ({g})")
        return Res(c, c, shortcut, g, 1.0)


class ResXCSPA(_OfResX, GroupedCSPA):
    """Form A of ResNeXt's bottlenecks, as wide inside as outside."""


class ResXCSPB(_OfResX, BottleneckCSPB):
    """Form B of ResNeXt's bottlenecks, as wide inside as outside."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 32, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)


class ResXCSPC(_OfResX, GroupedCSPC):
    """Form C of ResNeXt's bottlenecks, as wide inside as outside."""


class _OfGhosts(CSP):
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:  # noqa: ARG002  # the form's
        return GhostBottleneck(c, c)


class GhostCSPA(_OfGhosts, BottleneckCSPA):
    """Form A of ghost bottlenecks."""


class GhostCSPB(_OfGhosts, BottleneckCSPB):
    """Form B of ghost bottlenecks."""


class GhostCSPC(_OfGhosts, BottleneckCSPC):
    """Form C of ghost bottlenecks."""
