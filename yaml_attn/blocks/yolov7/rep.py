"""Convolutions that training widens to several branches, which deployment adds up to one.

RepVGG: Making VGG-style ConvNets Great Again, Ding et al., CVPR 2021, arXiv 2101.03697.
"""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.blocks.conv import activation, same_padding
from yaml_attn.blocks.csp import Bottleneck
from yaml_attn.blocks.yolov7.csp import (
    CSP,
    BottleneckCSPA,
    BottleneckCSPB,
    BottleneckCSPC,
    GroupedCSPA,
    GroupedCSPC,
)
from yaml_attn.blocks.yolov7.residual import Res, ResX


class Branched(nn.Module):
    """What is a sum of branches, and with `deploy` the one convolution that they add up to."""

    deploy: bool
    rbr_reparam: nn.Module
    rbr_dense: nn.Module
    rbr_1x1: nn.Module
    rbr_identity: nn.Module | None

    def summed(self, x: Tensor) -> Tensor:
        """The output before the activation."""
        if self.deploy:
            y: Tensor = self.rbr_reparam(x)
        else:
            y = self.rbr_dense(x) + self.rbr_1x1(x)
            if self.rbr_identity is not None:
                y = y + self.rbr_identity(x)
        return y


class RepConv(Branched):
    """The sum of a 3 x 3 and a 1 x 1 convolution, of the input itself too where channels and
    stride allow, each with a batch norm, then the activation; with `deploy` one 3 x 3 convolution.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 3,
        s: int = 1,
        p: int | None = None,
        g: int = 1,
        act: bool | nn.Module = True,
        deploy: bool = False,
    ) -> None:
        super().__init__()
        if k != 3 or (same_padding(k) if p is None else p) != 1:
            raise ValueError(f"its kernel is 3 and its padding 1, not {k} and {p}")
        self.act = activation(act)
        self.deploy = deploy
        if deploy:
            self.rbr_reparam = nn.Conv2d(c1, c2, 3, s, 1, groups=g)
            return
        self.rbr_identity = nn.BatchNorm2d(c1) if c1 == c2 and s == 1 else None
        self.rbr_dense = nn.Sequential(
            nn.Conv2d(c1, c2, 3, s, 1, groups=g, bias=False), nn.BatchNorm2d(c2)
        )
        self.rbr_1x1 = nn.Sequential(
            nn.Conv2d(c1, c2, 1, s, groups=g, bias=False), nn.BatchNorm2d(c2)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.summed(x))
        return y


class RepBottleneck(Bottleneck):
    """Bottleneck with a RepConv. The shortcut stays, and the first convolution is half as wide
    and in one group, whatever is asked for: with an `e` other than 0.5 the two do not fit.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        shortcut: bool = True,  # noqa: ARG002  # the framework's signature
        g: int = 1,
        e: float = 0.5,
    ) -> None:
        super().__init__(c1, c2)
        self.cv2 = RepConv(int(c2 * e), c2, g=g)


class RepRes(Res):
    """Res with a RepConv."""

    def middle(self, c: int, g: int) -> nn.Module:
        return RepConv(c, c, g=g)


class RepResX(ResX):
    """ResX with a RepConv."""

    def middle(self, c: int, g: int) -> nn.Module:
        return RepConv(c, c, g=g)


class _OfRepBottlenecks(CSP):
    # The framework's own do not run either: see RepBottleneck.
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        return RepBottleneck(c, c, shortcut, g, 1.0)


class RepBottleneckCSPA(_OfRepBottlenecks, BottleneckCSPA):
    """Form A of RepBottlenecks."""


class RepBottleneckCSPB(_OfRepBottlenecks, BottleneckCSPB):
    """Form B of RepBottlenecks."""


class RepBottleneckCSPC(_OfRepBottlenecks, BottleneckCSPC):
    """Form C of RepBottlenecks."""


class _OfRepRes(CSP):
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        return RepRes(c, c, shortcut, g)


class RepResCSPA(_OfRepRes, BottleneckCSPA):
    """Form A of residual bottlenecks with RepConvs."""


class RepResCSPB(_OfRepRes, BottleneckCSPB):
    """Form B of residual bottlenecks with RepConvs."""


class RepResCSPC(_OfRepRes, BottleneckCSPC):
    """Form C of residual bottlenecks with RepConvs."""


class _OfRepResX(CSP):
    def bottleneck(self, c: int, shortcut: bool, g: int) -> nn.Module:
        return RepResX(c, c, shortcut, g)


class RepResXCSPA(_OfRepResX, GroupedCSPA):
    """Form A of ResNeXt's bottlenecks with RepConvs."""


class RepResXCSPB(_OfRepResX, BottleneckCSPB):
    """Form B of ResNeXt's bottlenecks with RepConvs."""

    def __init__(
        self, c1: int, c2: int, n: int = 1, shortcut: bool = False, g: int = 32, e: float = 0.5
    ) -> None:
        super().__init__(c1, c2, n, shortcut, g, e)


class RepResXCSPC(_OfRepResX, GroupedCSPC):
    """Form C of ResNeXt's bottlenecks with RepConvs."""
