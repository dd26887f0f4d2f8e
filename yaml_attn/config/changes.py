"""What became of every layer between two networks, given which is which: the preview's content."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from yaml_attn.config.network import IMAGE, From, Layer, Network

State = Literal["same", "moved", "changed", "inserted", "removed"]


@dataclass(frozen=True)
class Reading:
    """One input of a layer: the number written in `from`, and the layer that it means."""

    written: int
    index: int
    module: str

    def __str__(self) -> str:
        return f"{self.index} ({self.module})" if self.index != IMAGE else "the image"


class LayerChange(NamedTuple):
    """One layer before and after; `old` or `new` is None where it did not or does not exist.

    `rewired` are the inputs (positions in `from`) that read another layer than before, other
    than the same layer at a new index.
    """

    old: int | None
    new: int | None
    section: str
    number: Any
    module: str
    args: Sequence[Any]
    before: tuple[Reading, ...]
    after: tuple[Reading, ...]
    listed: bool
    rewired: tuple[int, ...]
    replaced: bool

    @property
    def state(self) -> State:
        """What happened, in one word; "changed" is any row whose text changes."""
        if self.old is None:
            return "inserted"
        if self.new is None:
            return "removed"
        if self.from_before != self.from_after or self.rewired or self.replaced:
            return "changed"
        return "same" if self.old == self.new else "moved"

    @property
    def from_before(self) -> From | None:
        """`from` as it was written, None for a new layer."""
        return self._from(self.before) if self.old is not None else None

    @property
    def from_after(self) -> From | None:
        """`from` as it is written now, None for a layer that is gone."""
        return self._from(self.after) if self.new is not None else None

    def _from(self, readings: tuple[Reading, ...]) -> From:
        written = [reading.written for reading in readings]
        return written if self.listed else written[0]


def changes(old: Network, new: Network, index_map: Mapping[int, int]) -> tuple[LayerChange, ...]:
    """Every layer of both networks in the order of the new one, removed ones where they were.

    Args:
        old: the network as it was.
        new: the network as it is.
        index_map: old index -> new index of every layer that survived.
    """
    old_index = {after: before for before, after in index_map.items()}
    removed = deque(index for index in range(len(old)) if index not in index_map)
    found: list[LayerChange] = []
    for index, layer in enumerate(new.layers):
        before = old_index.get(index)
        while removed and before is not None and removed[0] < before:
            found.append(_gone(old, removed.popleft()))
        found.append(_became(old, before, new, index, layer, index_map))
    return (*found, *(_gone(old, index) for index in removed))


def _gone(network: Network, index: int) -> LayerChange:
    layer = network.layers[index]
    return LayerChange(
        old=index,
        new=None,
        section=layer.section,
        number=layer.number,
        module=layer.module,
        args=layer.args,
        before=_readings(network, index),
        after=(),
        listed=layer.listed,
        rewired=(),
        replaced=False,
    )


def _became(
    old: Network,
    before: int | None,
    new: Network,
    index: int,
    layer: Layer,
    index_map: Mapping[int, int],
) -> LayerChange:
    was = _readings(old, before) if before is not None else ()
    reads = _readings(new, index)
    rewired: tuple[int, ...] = ()
    replaced = False
    if before is not None:
        expected = [index_map.get(reading.index, reading.index) for reading in was]
        rewired = tuple(
            position
            for position, reading in enumerate(reads)
            if position >= len(expected) or expected[position] != reading.index
        )
        origin = old.layers[before]
        replaced = (origin.number, origin.module, list(origin.args), origin.listed) != (
            layer.number,
            layer.module,
            list(layer.args),
            layer.listed,
        ) or len(was) != len(reads)
    return LayerChange(
        old=before,
        new=index,
        section=layer.section,
        number=layer.number,
        module=layer.module,
        args=layer.args,
        before=was,
        after=reads,
        listed=layer.listed,
        rewired=rewired,
        replaced=replaced,
    )


def _readings(network: Network, index: int) -> tuple[Reading, ...]:
    layer = network.layers[index]
    found = []
    for source in layer.sources:
        written = network.spell_source(source, index)
        if source.key == IMAGE:
            found.append(Reading(written, IMAGE, "image"))
        else:
            target = network.index[source.key]
            found.append(Reading(written, target, network.layers[target].module))
    return tuple(found)
