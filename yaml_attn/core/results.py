"""What commands give back, as data: comparisons, inserted layers, verifications."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from yaml_attn.escaping import in_line
from yaml_attn.graph.changes import LayerChange, Reading

if TYPE_CHECKING:
    from yaml_attn.building.adjusted import AdjustedParameter
    from yaml_attn.building.report import BuildReport, LayerReport
    from yaml_attn.mechanisms.contract import Check


class Difference(NamedTuple):
    """Two configs compared: what became of every layer, and the unified diff of their text."""

    old: str
    new: str
    changes: tuple[LayerChange, ...]
    text: str


@dataclass(frozen=True)
class Consumer:
    """A layer that read the layer before an inserted one; `moved`: it reads the new one now."""

    index: int
    module: str
    moved: bool


@dataclass(frozen=True)
class Inserted:
    """A layer that an edit added: its row, what it reads, and every reader of that.

    `context` is what a mechanism of several inputs looks at beside the layer that it refines.
    """

    index: int
    section: str
    row: Sequence[Any]
    reads: Reading
    consumers: tuple[Consumer, ...]
    context: tuple[Reading, ...] = ()

    @property
    def module(self) -> str:
        """The row's module name."""
        name: str = self.row[2]
        return name


class Verification(NamedTuple):
    """Base and edited network built, and which layers differ.

    `builder` says with whose layers. `added` are the inserted layers, `replaced` pairs of a
    replaced layer before and after, `others` such pairs of layers that differ because of those,
    `removed` the layers that are gone; `contracts` says which promises of a layer the user's own
    classes keep; `taken` which parameters inserted layers, by index, took otherwise than asked.
    """

    builder: str
    base: BuildReport
    edited: BuildReport
    added: tuple[LayerReport, ...]
    replaced: tuple[tuple[LayerReport, LayerReport], ...]
    others: tuple[tuple[LayerReport, LayerReport], ...]
    removed: tuple[LayerReport, ...]
    contracts: Mapping[str, Sequence[Check]]
    taken: Mapping[int, tuple[AdjustedParameter, ...]]


class Outline(NamedTuple):
    """What can be verified of an edited config whose framework is not at hand.

    `strides` are those of the maps that the head reads, as the rows say; `added` the inserted
    layers, each built and run by itself; `missing` says what the other layers would be built with,
    and `problem` why the framework could not construct the config, if the rows say so already.
    `contracts` and `taken` are those of a `Verification`.
    """

    strides: tuple[float | None, ...]
    added: tuple[LayerReport, ...]
    contracts: Mapping[str, Sequence[Check]]
    missing: str
    problem: str | None = None
    taken: Mapping[int, tuple[AdjustedParameter, ...]] = MappingProxyType({})


def unified_diff(old: str, old_text: str, new: str, new_text: str) -> str:
    """The unified diff of two texts, line ends left out; empty if they are equal."""
    before, after = (
        re.split(r"\r\n|\r|\n", re.sub(r"\r?\n\Z", "", text)) for text in (old_text, new_text)
    )
    return "\n".join(difflib.unified_diff(before, after, in_line(old), in_line(new), lineterm=""))
