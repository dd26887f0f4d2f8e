"""YOLOv7's layers that make maps smaller by a convolution and a pooling side by side."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv
from yaml_attn.blocks.ghost import GhostConv


class Stem(nn.Module):
    """The first layers of a network, (N, c1, H, W) -> (N, c2, H/4, W/4).

    PeleeNet: "Pelee: A Real-Time Object Detection System on Mobile Devices", Wang et al.,
    NeurIPS 2018, arXiv 1804.06882. What comes after `c2` does nothing.
    """

    layer: ClassVar[type[Conv | GhostConv]] = Conv

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 1,  # noqa: ARG002  # the framework's signature
        s: int = 1,  # noqa: ARG002
        p: int | None = None,  # noqa: ARG002
        g: int = 1,  # noqa: ARG002
        act: bool | nn.Module = True,  # noqa: ARG002
    ) -> None:
        super().__init__()
        hidden = int(c2 / 2)
        self.cv1 = self.layer(c1, hidden, 3, 2)
        self.cv2 = self.layer(hidden, hidden)
        self.cv3 = self.layer(hidden, hidden, 3, 2)
        self.pool = nn.MaxPool2d(2)
        self.cv4 = self.layer(2 * hidden, c2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        y: Tensor = self.cv4(torch.cat((self.cv3(self.cv2(x)), self.pool(x)), 1))
        return y


class GhostStem(Stem):
    """Stem of ghost convolutions."""

    layer = GhostConv


class DownC(nn.Module):
    """(N, c1, H, W) -> (N, c2, H/k, W/k): half of the channels convolved, half pooled.

    The row's number, `n`, does nothing.
    """

    def __init__(self, c1: int, c2: int, n: int = 1, k: int = 2) -> None:  # noqa: ARG002
        super().__init__()
        half = c2 // 2
        self.cv1 = Conv(c1, c1)
        self.cv2 = Conv(c1, half, 3, k)
        self.cv3 = Conv(c1, half)
        self.mp = nn.MaxPool2d(k)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.cv2(self.cv1(x)), self.cv3(self.mp(x))), 1)
