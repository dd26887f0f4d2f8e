"""Layers without parameters that move values between channels and pixels, or join maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Concat(nn.Module):
    """Several maps joined along a dimension, 1 for the channels."""

    def __init__(self, dimension: int = 1) -> None:
        super().__init__()
        self.dimension = dimension

    def forward(self, x: list[Tensor]) -> Tensor:
        return torch.cat(x, self.dimension)


class Contract(nn.Module):
    """(N, C, H, W) -> (N, C s s, H/s, W/s): squares of pixels become channels, pixel by pixel."""

    def __init__(self, gain: int = 2) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        squares = x.reshape(n, c, height // self.gain, self.gain, width // self.gain, self.gain)
        return squares.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)


class Expand(nn.Module):
    """(N, C, H, W) -> (N, C/s/s, H s, W s): the inverse of Contract."""

    def __init__(self, gain: int = 2) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        n, c, height, width = x.shape
        squares = x.reshape(n, self.gain, self.gain, c // self.gain**2, height, width)
        return squares.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)


def corners(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 4 C, H/2, W/2): the top left pixels of all 2 x 2 squares, bottom left,
    top right, bottom right.
    """
    return torch.cat([x[..., row::2, column::2] for column in (0, 1) for row in (0, 1)], 1)
