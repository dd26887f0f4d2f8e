"""Spatial pyramid pooling in a cross-stage partial block, as YOLOv4-CSP has it.

Scaled-YOLOv4: Scaling Cross Stage Partial Network, Wang et al., CVPR 2021, arXiv 2011.08036.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv
from yaml_attn.blocks.ghost import GhostConv
from yaml_attn.blocks.pooling import same_pool


class SPPCSPC(nn.Module):
    """Spatial pyramid pooling with windows of sizes `k` on one of two paths.

    `n`, `shortcut` and `g` do nothing.
    """

    layer: ClassVar[type[Conv | GhostConv]] = Conv

    def __init__(
        self,
        c1: int,
        c2: int,
        n: int = 1,  # noqa: ARG002  # the framework's signature
        shortcut: bool = False,  # noqa: ARG002
        g: int = 1,  # noqa: ARG002
        e: float = 0.5,
        k: tuple[int, ...] = (5, 9, 13),
    ) -> None:
        super().__init__()
        hidden = int(2 * c2 * e)
        self.cv1 = self.layer(c1, hidden)
        self.cv2 = self.layer(c1, hidden)
        self.cv3 = self.layer(hidden, hidden, 3)
        self.cv4 = self.layer(hidden, hidden)
        self.m = nn.ModuleList(same_pool(size) for size in k)
        self.cv5 = self.layer(4 * hidden, hidden)
        self.cv6 = self.layer(hidden, hidden, 3)
        self.cv7 = self.layer(2 * hidden, c2)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.cv4(self.cv3(self.cv1(x)))
        pooled = torch.cat([inner, *(pool(inner) for pool in self.m)], 1)
        y: Tensor = self.cv7(torch.cat((self.cv6(self.cv5(pooled)), self.cv2(x)), 1))
        return y


class GhostSPPCSPC(SPPCSPC):
    """SPPCSPC of ghost convolutions."""

    layer = GhostConv
