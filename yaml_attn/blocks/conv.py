"""Convolution, batch norm, activation: the layer of which YOLOv5 is made, and its variants."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from yaml_attn.blocks.reshape import corners

Size = int | Sequence[int]


def same_padding(kernel: Size, dilation: int = 1) -> int | tuple[int, ...]:
    """The padding with which stride 1 keeps height and width, for odd kernels."""
    if isinstance(kernel, int):
        return (dilation * (kernel - 1) + 1) // 2
    return tuple((dilation * (side - 1) + 1) // 2 for side in kernel)


def activation(act: bool | nn.Module) -> nn.Module:
    """What `act` of a row means: True the default, SiLU; a module itself; anything else none."""
    if act is True:
        return nn.SiLU()
    return act if isinstance(act, nn.Module) else nn.Identity()


class Conv(nn.Module):
    """Convolution, batch norm, activation."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        p: Size | None = None,
        g: int = 1,
        d: int = 1,
        act: bool | nn.Module = True,
    ) -> None:
        super().__init__()
        padding = same_padding(k, d) if p is None else p
        self.conv = nn.Conv2d(c1, c2, k, s, padding, d, g, bias=False)  # type: ignore[arg-type]
        self.bn = nn.BatchNorm2d(c2)
        self.has_default_act = act is True
        self.act = activation(act)

    def forward(self, x: Tensor) -> Tensor:
        activated: Tensor = self.act(self.bn(self.conv(x)))
        return activated


class DWConv(Conv):
    """Conv with as many groups as input and output channels allow."""

    def __init__(
        self, c1: int, c2: int, k: Size = 1, s: Size = 1, d: int = 1, act: bool | nn.Module = True
    ) -> None:
        super().__init__(c1, c2, k, s, g=math.gcd(c1, c2), d=d, act=act)


class DWConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution with as many groups as input and output channels allow."""

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, p1: int = 0, p2: int = 0) -> None:
        super().__init__(c1, c2, k, s, p1, p2, groups=math.gcd(c1, c2))


class CrossConv(nn.Module):
    """A 1 x k and a k x 1 Conv, with a shortcut where the channels allow."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 3,
        s: int = 1,
        g: int = 1,
        e: float = 1.0,
        shortcut: bool = False,
    ) -> None:
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden, (1, k), (1, s))
        self.cv2 = Conv(hidden, c2, (k, 1), (s, 1), g=g)
        self.add = shortcut and c1 == c2

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cv2(self.cv1(x))
        return x + y if self.add else y


class Focus(nn.Module):
    """The four pixels of each 2 x 2 square side by side as channels, then a Conv."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: Size = 1,
        p: Size | None = None,
        g: int = 1,
        act: bool | nn.Module = True,
    ) -> None:
        super().__init__()
        self.conv = Conv(4 * c1, c2, k, s, p, g, act=act)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(corners(x))
        return y


class MixConv2d(nn.Module):
    """Convolutions of several kernel sizes, each for a share of the output channels.

    MixConv: Mixed Depthwise Convolutional Kernels, Tan and Le, BMVC 2019, arXiv 1907.09595.

    Args:
        c1: input channels.
        c2: output channels.
        k: the kernel sizes.
        s: stride.
        equal_ch: equal shares of the channels, or of the weights.
    """

    def __init__(
        self, c1: int, c2: int, k: Sequence[int] = (1, 3), s: int = 1, equal_ch: bool = True
    ) -> None:
        super().__init__()
        self.m = nn.ModuleList(
            nn.Conv2d(c1, share, size, s, size // 2, groups=math.gcd(c1, share), bias=False)
            for size, share in zip(k, mixed_shares(c2, k, equal_ch), strict=True)
        )
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.act(self.bn(torch.cat([conv(x) for conv in self.m], 1)))
        return y


def mixed_shares(channels: int, kernels: Sequence[int], equal_ch: bool) -> list[int]:
    """How many of the output channels each kernel size of a MixConv2d gets."""
    if equal_ch:
        # In single precision, as the frameworks share them: the rounding decides.
        indexes = torch.linspace(0, len(kernels) - 1e-6, channels).floor().int()
        shares: list[int] = indexes.bincount().tolist()
        return shares
    total = sum(size**-2 for size in kernels)
    return [round(channels * size**-2 / total) for size in kernels]


def settle(layer: nn.Module, default: nn.Module | None = None) -> None:
    """What the framework does to a layer once it stands: its batch norms, its default activation.

    Epsilon 1e-3 and momentum 0.03 go to every batch norm, those of attention modules included;
    `default` stands in for SiLU in every Conv that was given no activation of its own.
    """
    for module in layer.modules():
        if type(module) is nn.BatchNorm2d:
            module.eps, module.momentum = 1e-3, 0.03
        elif default is not None and isinstance(module, Conv) and module.has_default_act:
            module.act = default
