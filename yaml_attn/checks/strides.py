"""Strides without building: exact where the rows tell, symbolic where they do not.

A stride is a power of two times whatever the layers did that nobody knows. Two of them compare
only if they went through the same unknown layers, so nothing is ever guessed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from yaml_attn.checks.attention import keeps_stride
from yaml_attn.config.network import IMAGE, Layer, Network
from yaml_attn.dialects import strides as table


class Stride(NamedTuple):
    """2**`power` times what the layers `unknown` do."""

    power: int
    unknown: frozenset[int]

    def comparable(self, other: Stride) -> bool:
        """Whether both went through the same unknown layers."""
        return self.unknown == other.unknown

    def __str__(self) -> str:
        return f"{2.0**self.power:g}"


IMAGE_STRIDE = Stride(0, frozenset())


def strides(network: Network, added: Collection[int] = ()) -> tuple[Stride, ...]:
    """The stride of each layer's output; the layers `added` keep their input's."""
    found: list[Stride] = []
    for index, layer in enumerate(network.layers):
        inputs = [IMAGE_STRIDE if s.key == IMAGE else found[s.key] for s in layer.sources]
        inputs = inputs or [IMAGE_STRIDE]
        # All inputs of a join are equal, or the join is wrong: take the one best known. CBFuse
        # resizes all to the last.
        fuses = table.plain(layer.module) == "CBFuse"
        base = inputs[-1] if fuses else min(inputs, key=lambda stride: len(stride.unknown))
        power = _halvings(layer, added=index in added)
        if power is None:
            found.append(Stride(base.power, base.unknown | {index}))
        else:
            found.append(Stride(base.power + power, base.unknown))
    return tuple(found)


def _halvings(layer: Layer, *, added: bool) -> int | None:
    if table.is_known(layer.module):
        return table.halvings(layer.module, layer.args)
    return 0 if added or keeps_stride(layer) else None
