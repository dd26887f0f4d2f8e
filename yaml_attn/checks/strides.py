"""Strides without building: exact where the rows tell, symbolic where they do not.

A stride is a power of two times whatever the layers did that nobody knows. Two of them compare
only if they went through the same unknown layers, so nothing is ever guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from yaml_attn.checks.heuristics import is_weighted_concat, keeps_stride, strided_modules
from yaml_attn.dialects import module_specs
from yaml_attn.graph.network import IMAGE, Layer, Network


class Stride(NamedTuple):
    """2**`power` times what the layers `unknown` do."""

    power: int
    unknown: frozenset[int]

    def comparable(self, other: Stride) -> bool:
        """Whether both went through the same unknown layers."""
        return self.unknown == other.unknown

    def __str__(self) -> str:
        return f"{2.0**self.power:g}" if abs(self.power) < 64 else f"2**{self.power}"


IMAGE_STRIDE = Stride(0, frozenset())


def strides(
    network: Network, kept: Collection[int] = (), lost: Collection[int] = ()
) -> tuple[Stride, ...]:
    """The stride of each layer's output; unknown after a join of different ones.

    Unknown layers among `kept` keep their input's; of those `lost` nobody knows what they read.
    """
    found: list[Stride] = []
    strided = strided_modules(network)
    for index, layer in enumerate(network.layers):
        inputs = [IMAGE_STRIDE if s.key == IMAGE else found[s.key] for s in layer.sources]
        inputs = inputs or [IMAGE_STRIDE]
        # The inputs of a join are equal: take the one best known. CBFuse resizes all to the last.
        fuses = module_specs.plain(layer.module) == "CBFuse"
        base = inputs[-1] if fuses else min(inputs, key=lambda stride: len(stride.unknown))
        power = None if index in lost else _halvings(layer, index in kept, strided)
        if power is None or (is_join(layer) and _differ(inputs)):
            found.append(Stride(base.power, base.unknown | {index}))
        else:
            found.append(Stride(base.power + power, base.unknown))
    return tuple(found)


def is_join(layer: Layer) -> bool:
    """Whether a layer joins maps of equal size: forks have Concats that resize what they join."""
    name = module_specs.plain(layer.module)
    return len(layer.sources) > 1 and (name in module_specs.EQUAL_JOINS or is_weighted_concat(name))


def _differ(inputs: Sequence[Stride]) -> bool:
    known = {(each.unknown, each.power) for each in inputs}
    return len(known) > len({unknown for unknown, _ in known})


def _halvings(layer: Layer, kept: bool, strided: Collection[str]) -> int | None:
    if module_specs.is_known(layer.module):
        return module_specs.halvings(layer.module, layer.args)
    return 0 if kept or (layer.module not in strided and keeps_stride(layer)) else None
