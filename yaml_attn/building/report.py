"""What building a config gave, whichever builder built it. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Shape: TypeAlias = "tuple[int, ...] | tuple[Shape, ...]"
"""(channels, height, width); a head has one for each of its outputs, nested as it returns them."""


@dataclass(frozen=True, slots=True)
class LayerReport:
    """One layer as it was built and run.

    `number` is the count after depth scaling, `parameters` the learned values, `shape` the output
    for one image, `stride` the pixels of the image per pixel of the output (None for heads and
    for outputs that are no map), `flops` twice the multiply-adds of its convolutions and matrix
    products (None if they were not counted).
    """

    index: int
    module: str
    number: int
    parameters: int
    shape: Shape
    stride: float | None
    flops: int | None


@dataclass(frozen=True, slots=True)
class BuildReport:
    """A network as it was built and run, for images of `imgsz` x `imgsz` pixels.

    `strides` are those of the maps that the head reads, in its order; empty without a head.
    """

    layers: tuple[LayerReport, ...]
    parameters: int
    strides: tuple[float, ...]
    imgsz: int

    @property
    def flops(self) -> int | None:
        """FLOPs of one image; None unless those of all layers were counted."""
        counted = [layer.flops for layer in self.layers if layer.flops is not None]
        return sum(counted) if len(counted) == len(self.layers) else None

    @property
    def gflops(self) -> float | None:
        """FLOPs in units of 1e9."""
        return None if self.flops is None else self.flops / 1e9

    def part(self, *indexes: int) -> tuple[int, int | None]:
        """Parameters and FLOPs of these layers alone; None for the FLOPs if one is not counted."""
        chosen = [self.layers[index] for index in indexes]
        flops = [layer.flops for layer in chosen if layer.flops is not None]
        total = sum(flops) if len(flops) == len(chosen) else None
        return sum(layer.parameters for layer in chosen), total
