"""Layers that point at the layers they read: a reference is a pointer, an index only its spelling.

Read the rows once into pointers, edit the pointers, and spell indexes again only when writing.
Nothing is ever renumbered "by +1": each reference is spelled from where its target now stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from yaml_attn.errors import WiringError

IMAGE: Final = -1
"""The key of what stands before layer 0: the image. (Layers have keys from 0.)"""

SECTIONS: Final = ("backbone", "head")

From = int | list[int]


class Source(NamedTuple):
    """One input of a layer: the key of the layer it reads, and how `from` spells it."""

    key: int
    relative: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """A row read as a node of the network.

    `key` never changes, wherever the layer moves: in a network as read it is the layer's index,
    and an inserted layer gets a key that no layer had. `number`, `module` and `args` are what the
    row says, opaque here.
    """

    key: int
    section: str
    sources: tuple[Source, ...]
    listed: bool
    number: Any
    module: str
    args: Sequence[Any]

    def reads(self, key: int) -> bool:
        """Whether one of the inputs is the layer with this key."""
        return any(source.key == key for source in self.sources)


@dataclass(frozen=True)
class Network:
    """The layers in the order of the file, backbone first."""

    layers: tuple[Layer, ...]

    @classmethod
    def read(cls, rows: Mapping[str, Iterable[Sequence[Any]]]) -> Network:
        """The network of plain rows `[from, number, module, args]` by section.

        Raises:
            WiringError: a `from` is out of range or points forward.
        """
        layers: list[Layer] = []
        read = {section: list(rows.get(section, ())) for section in SECTIONS}
        count = sum(map(len, read.values()))
        for section in SECTIONS:
            for source, number, module, args in read[section]:
                index = len(layers)
                listed = isinstance(source, list)
                values = source if listed else [source]
                sources = tuple(read_reference(value, index, count) for value in values)
                layers.append(Layer(index, section, sources, listed, number, module, args))
        return cls(tuple(layers))

    def __len__(self) -> int:
        return len(self.layers)

    @cached_property
    def index(self) -> Mapping[int, int]:
        """Key -> index in the file."""
        return {layer.key: index for index, layer in enumerate(self.layers)}

    def __getitem__(self, key: int) -> Layer:
        """The layer with this key."""
        return self.layers[self.index[key]]

    @cached_property
    def _consumers(self) -> Mapping[int, tuple[int, ...]]:
        readers: dict[int, list[int]] = {}
        for layer in self.layers:
            for key in dict.fromkeys(source.key for source in layer.sources):
                readers.setdefault(key, []).append(layer.key)
        return {key: tuple(found) for key, found in readers.items()}

    def consumers(self, key: int) -> tuple[int, ...]:
        """Keys of the layers that read this layer's output, in the order of the file."""
        return self._consumers.get(key, ())

    def spell(self, layer: Layer) -> From:
        """The layer's `from` as it is written at its place in this network."""
        at = self.index[layer.key]
        spelled = [self.spell_source(source, at) for source in layer.sources]
        return spelled if layer.listed else spelled[0]

    def spell_source(self, source: Source, at: int) -> int:
        """One reference as it is written in row `at`."""
        target = IMAGE if source.key == IMAGE else self.index[source.key]
        return target - at if source.relative else target

    def rows(self) -> dict[str, list[list[Any]]]:
        """The plain rows by section: what `read` reads."""
        rows: dict[str, list[list[Any]]] = {section: [] for section in SECTIONS}
        for layer in self.layers:
            rows[layer.section].append(self.row(layer))
        return rows

    def row(self, layer: Layer) -> list[Any]:
        """The layer as a plain row `[from, number, module, args]`."""
        return [self.spell(layer), layer.number, layer.module, list(layer.args)]


def read_reference(value: int, index: int, count: int) -> Source:
    """The pointer that `value` means in row `index` of `count`.

    Raises:
        WiringError: no layer before row `index` is meant.
    """
    target = index + value if value < 0 else value
    if value == -1 or 0 <= target < index:
        return Source(target, relative=value < 0)
    if value >= count:
        problem = f"reads {value}: there is no layer {value}, the last is {count - 1}"
    elif value >= index:
        what = "itself" if value == index else "a later layer"
        problem = f"reads {value}, which is {what}: a layer can only read the ones before it"
    else:
        problem = f"reads {value}, which is {-target} before the first layer"
    valid = f"{-index} to {index - 1}" if index else "only -1, the image"
    raise WiringError(problem, layer=index, hint=f"Valid for `from` here: {valid}.")
