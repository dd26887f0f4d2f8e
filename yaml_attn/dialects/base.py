"""What every dialect answers about a row: scaling, constructor arguments, channels. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]
"""The top-level keys of a config other than backbone and head: nc, depth_multiple, anchors, ..."""


@dataclass(frozen=True, slots=True)
class ResolvedLayer:
    """A layer as its framework would construct it.

    `number` is the count after depth scaling, `args` what the constructor gets (input channels
    included, all strings understood), `copies` how many times the module is repeated in a
    `Sequential` around it (1 when the module repeats itself inside), `channels` the output
    channels that the framework's parser records, `stride` the pixels of the image per pixel of
    the output (None for heads, and where the row does not tell).
    """

    index: int
    module: str
    number: int
    copies: int
    args: tuple[Any, ...]
    channels: int
    stride: float | None = None


def scaled_number(number: int, depth: float) -> int:
    """How often a module is repeated when the row says `number`: every framework's rule."""
    return max(round(number * depth), 1) if number > 1 else number
