"""YOLOv7's layers without parameters: pooling, and moving values between maps and channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.blocks.reshape import corners


class MP(nn.MaxPool2d):
    """The maxima of windows side by side: (N, C, H, W) -> (N, C, H/k, W/k)."""

    def __init__(self, k: int = 2) -> None:
        super().__init__(k, k)


class SP(nn.MaxPool2d):
    """The maxima of windows around every `s`-th pixel; 1 keeps height and width."""

    def __init__(self, k: int = 3, s: int = 1) -> None:
        super().__init__(k, s, k // 2)


class ReOrg(nn.Module):
    """(N, C, H, W) -> (N, 4 C, H/2, W/2): the pixels of each 2 x 2 square become channels."""

    def forward(self, x: Tensor) -> Tensor:
        return corners(x)


class Chuncat(nn.Module):
    """Several maps joined along a dimension: the first halves of all, then the second halves."""

    def __init__(self, dimension: int = 1) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, x: list[Tensor]) -> Tensor:
        halves = [each.chunk(2, self.dimension) for each in x]
        firsts, seconds = zip(*halves, strict=True)
        return torch.cat([*firsts, *seconds], self.dimension)


class Shortcut(nn.Module):
    """The sum of the first two maps; `dimension` does nothing."""

    def __init__(self, dimension: int = 0) -> None:  # noqa: ARG002  # the framework's signature
        super().__init__()

    def forward(self, x: list[Tensor]) -> Tensor:
        return x[0] + x[1]


class Foldcut(nn.Module):
    """The sum of both halves along a dimension, 1 for the channels."""

    def __init__(self, dimension: int = 0) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, self.dimension)
        return first + second
