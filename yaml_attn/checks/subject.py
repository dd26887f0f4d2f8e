"""A config under check: its rows, its wiring as far as it can be read, and places to point at.

A reference out of range stops nothing here: it is kept aside, so that every other rule still
answers.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from yaml_attn.checks.attention import attention, keeps_channels
from yaml_attn.checks.bases import Match
from yaml_attn.checks.finding import Field, Fix, Place
from yaml_attn.checks.strides import Stride, is_join, strides
from yaml_attn.config.document import Document
from yaml_attn.config.layout import Splice
from yaml_attn.config.network import IMAGE, SECTIONS, Layer, Network, read_reference
from yaml_attn.config.syntax import Node, Span, compose
from yaml_attn.dialects.strides import HEADS, plain
from yaml_attn.errors import WiringError


class Reference(NamedTuple):
    """One number of a `from`: of which layer, at which position, and what it means."""

    layer: int
    position: int
    written: int
    target: int


@dataclass(frozen=True)
class Subject:
    """A readable config, with the base that it is compared with if there is one."""

    document: Document
    network: Network
    broken: Mapping[tuple[int, int], WiringError]
    match: Match | None = None

    @classmethod
    def read(cls, document: Document) -> Subject:
        """The config of a document; references that read no layer stand aside in `broken`."""
        rows: dict[str, list[list[object]]] = {section: [] for section in SECTIONS}
        broken: dict[tuple[int, int], WiringError] = {}
        for index, row in enumerate(document.rows):
            source, *rest = row.values
            values = list(source) if isinstance(source, list) else [source]
            for position, value in enumerate(values):
                error = _broken(value, index, len(document.rows))
                if error:
                    broken[index, position] = error
                    values[position] = -1
            rows[row.section].append([values if isinstance(source, list) else values[0], *rest])
        return cls(document, Network.read(rows), broken)

    def compared(self, match: Match | None) -> Subject:
        """The same config, compared with a base."""
        return replace(self, match=match)

    def layer(self, index: int) -> Layer:
        """The layer at an index."""
        return self.network.layers[index]

    def named(self, index: int) -> str:
        """A layer as messages name it: `13 (C3)`."""
        return "the image" if index == IMAGE else f"{index} ({self.layer(index).module})"

    def inputs(self, index: int) -> tuple[int, ...]:
        """The layers that a layer reads."""
        return tuple(source.key for source in self.layer(index).sources)

    def readers(self, index: int) -> tuple[int, ...]:
        """The layers that read a layer."""
        return self.network.consumers(index)

    def written(self, index: int) -> list[int]:
        """The numbers of a layer's `from`."""
        source = self.document.rows[index].values[0]
        return source if isinstance(source, list) else [source]

    def references(self, index: int) -> Iterator[Reference]:
        """The inputs of a layer that read one, as they are written."""
        pairs = zip(self.written(index), self.inputs(index), strict=True)
        for position, (value, target) in enumerate(pairs):
            if (index, position) not in self.broken:
                yield Reference(index, position, value, target)

    @cached_property
    def strides(self) -> tuple[Stride, ...]:
        """Per layer what it divides height and width of the image by."""
        kept = {index for index in self.attention if keeps_channels(self.network, index)}
        return strides(self.network, kept | self.added, {layer for layer, _ in self.broken})

    @cached_property
    def added(self) -> frozenset[int]:
        """The layers that the base does not have."""
        return frozenset(self.match.comparison.inserted if self.match else ())

    @cached_property
    def attention(self) -> frozenset[int]:
        """The attention layers: those added to the base, and those that look like one."""
        looks = attention(self.network)
        return looks | {index for index in self.added if len(self.inputs(index)) == 1}

    def is_head(self, index: int) -> bool:
        """Whether a layer ends the network: a head by name, or a last row that reads a list."""
        layer = self.layer(index)
        last = index == len(self.network) - 1 and layer.listed and not self.is_join(index)
        return last or plain(layer.module) in HEADS

    def is_join(self, index: int) -> bool:
        """Whether a layer joins maps of equal size, whatever a fork calls it."""
        return is_join(self.layer(index))

    def is_concat(self, index: int) -> bool:
        """Whether a layer lays maps of equal size on top of each other."""
        return self.is_join(index) and plain(self.layer(index).module) != "Shortcut"

    def through(self, index: int) -> int:
        """The layer itself, or the one that the attention layers from there on up refine."""
        while index in self.attention:
            (index,) = self.inputs(index)
        return index

    def behind(self, index: int, reader: int) -> int:
        """The layer itself, or the attention layers right behind it, if `reader` may read them."""
        while (
            index + 1 < reader
            and index + 1 in self.attention
            and self.inputs(index + 1) == (index,)
        ):
            index += 1
        return index

    def place(self, layer: int) -> Place:
        """Where a row stands."""
        return self.place_of_span(self.document.rows[layer].span, layer)

    def place_of(self, layer: int, position: int) -> Place:
        """Where one number of a `from` stands."""
        return self.place_of_span(self.document.rows[layer].references[position], layer)

    def place_of_span(self, span: Span, layer: int) -> Place:
        """Where a piece of a row's text stands."""
        return Place(*self._at(span.start), *self._at(span.end), layer)

    def repoint(self, layer: int, position: int, target: int) -> Fix:
        """The edit that makes an input read another layer; relative stays relative."""
        value = target - layer if self.written(layer)[position] < 0 else target
        span = self.document.rows[layer].references[position]
        return self.renumber(span, layer, "from", value, position)

    def renumber(self, span: Span, layer: int, field: Field, value: int, position: int = 0) -> Fix:
        """The edit that writes another number at a place of a row."""
        place = self.place_of_span(span, layer)
        text = self.document.spell_comment(span, value) if field == "comment" else str(value)
        return Fix(place, Splice(span, text), layer, field, position, value)

    def number_span(self, layer: int) -> Span:
        """Where the `number` of a row stands."""
        return self._row_nodes[layer].children[1].span

    @cached_property
    def _row_nodes(self) -> tuple[Node, ...]:
        values = {key.text: value for key, value in compose(self.document.text).pairs}
        return tuple(row for section in SECTIONS for row in values[section].children)

    @cached_property
    def _line_starts(self) -> list[int]:
        ends = re.finditer(r"\r\n|\r|\n", self.document.text)
        return [0, *(end.end() for end in ends)]

    def _at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


def _broken(value: int, index: int, count: int) -> WiringError | None:
    """What is wrong with a number of a `from`, if it reads no layer."""
    try:
        read_reference(value, index, count)
    except WiringError as error:
        return error
    return None
