"""YOLOv7's convolutions, with the order of arguments that YOLOv5 had up to v6: no dilation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from yaml_attn.blocks import conv
from yaml_attn.blocks.conv import Size, mixed_shares


class Conv(conv.Conv):
    """Convolution, batch norm, activation."""

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
        super().__init__(c1, c2, k, s, p, g, act=act)


class DWConv(Conv):
    """Conv with as many groups as input and output channels allow."""

    def __init__(
        self, c1: int, c2: int, k: Size = 1, s: Size = 1, act: bool | nn.Module = True
    ) -> None:
        super().__init__(c1, c2, k, s, g=math.gcd(c1, c2), act=act)


class MixConv2d(nn.Module):
    """YOLOv5's MixConv2d with whole convolutions, LeakyReLU and a shortcut that is always there."""

    def __init__(
        self, c1: int, c2: int, k: Sequence[int] = (1, 3), s: int = 1, equal_ch: bool = True
    ) -> None:
        super().__init__()
        self.m = nn.ModuleList(
            nn.Conv2d(c1, share, size, s, size // 2, bias=False)
            for size, share in zip(k, mixed_shares(c2, k, equal_ch), strict=True)
        )
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.LeakyReLU(0.1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.act(self.bn(torch.cat([each(x) for each in self.m], 1)))
        return y


class RobustConv(nn.Module):
    """A depthwise Conv with a large kernel, a 1 x 1 convolution, a learned scale per channel.

    The scale is that of CaiT, "Going Deeper with Image Transformers", Touvron et al., ICCV 2021,
    arXiv 2103.17239; none if its initial value is 0.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 7,
        s: int = 1,
        p: int | None = None,
        g: int = 1,  # noqa: ARG002  # the framework's signature; it has no use for it either
        act: bool | nn.Module = True,
        layer_scale_init_value: float = 1e-6,
    ) -> None:
        super().__init__()
        self.conv_dw = Conv(c1, c1, k, s, p, c1, act)
        self.conv1x1 = nn.Conv2d(c1, c2, 1)
        self.gamma = _scale(c2, layer_scale_init_value)

    def forward(self, x: Tensor) -> Tensor:
        return _scaled(self.conv1x1(self.conv_dw(x)), self.gamma)


class RobustConv2(nn.Module):
    """As RobustConv, with a stride that a transposed convolution takes back."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 7,
        s: int = 4,
        p: int | None = None,
        g: int = 1,  # noqa: ARG002  # the framework's signature; it has no use for it either
        act: bool | nn.Module = True,
        layer_scale_init_value: float = 1e-6,
    ) -> None:
        super().__init__()
        self.conv_strided = Conv(c1, c1, k, s, p, c1, act)
        self.conv_deconv = nn.ConvTranspose2d(c1, c2, s, s)
        self.gamma = _scale(c2, layer_scale_init_value)

    def forward(self, x: Tensor) -> Tensor:
        return _scaled(self.conv_deconv(self.conv_strided(x)), self.gamma)


def _scale(channels: int, initial: float) -> nn.Parameter | None:
    return nn.Parameter(torch.full((channels,), initial)) if initial > 0 else None


def _scaled(x: Tensor, gamma: Tensor | None) -> Tensor:
    return x if gamma is None else x * gamma.view(1, -1, 1, 1)
