"""Where the attention of a variant goes, as a study writes it, and the choices of several places.

    P3, SPPF, backbone.C3[-1], "2,4"   after these layers, as `insert --after` takes them
    before SPPF                        on what they read, as `--before`
    edge 4:16                          on one connection, as `--edge`
    inputs 8,4                         for a mechanism of two inputs, as `--inputs`
    each stages, before each C3[*]     one place for every layer that the name means
    P3+before SPPF                     these together

An item of the list is one variant; a list in it is one variant too, with all of its places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, combinations
from math import comb
from typing import Final, Literal

from yaml_attn.ablation.fields import Field

Kind = Literal["after", "before", "edge", "inputs"]

_KINDS: Final[dict[str, Kind]] = {
    "after": "after",
    "before": "before",
    "edge": "edge",
    "inputs": "inputs",
}
_PARTS: Final[dict[Kind, str]] = {"edge": ":", "inputs": ","}
"""What stands between the two places of an edge, or of inputs."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place: `selector` is what the option of this kind takes.

    With `each`, it stands for one place for every layer that the selector means.
    """

    kind: Kind
    selector: str
    each: bool = False

    def __str__(self) -> str:
        kind = "" if self.kind == "after" else f"{self.kind} "
        return f"{kind}{'each ' if self.each else ''}{self.selector}"

    @property
    def selectors(self) -> tuple[str, ...]:
        """The places that it names, each to be resolved by itself."""
        return (
            tuple(self.selector.split(_PARTS[self.kind]))
            if self.kind in _PARTS
            else (self.selector,)
        )

    def at(self, index: int) -> Place:
        """The same for one layer of those that `each` means."""
        return replace(self, selector=str(index), each=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """Places of which a variant takes at least and at most so many; None means all.

    Those of one text, joined by `+`, are taken together.
    """

    field: Field
    joined: tuple[tuple[Place, ...], ...]
    least: int | None = None
    most: int | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """All of them."""
        return tuple(chain.from_iterable(self.joined))

    @property
    def inputs(self) -> int:
        """How many maps a mechanism reads at these places."""
        return 2 if self.places[0].kind == "inputs" else 1

    def count(self, places: int, most: int) -> int:
        """How many `combinations` of so many there are; not to the end, if more than `most`."""
        least, largest = self._sizes(places)
        found, count = 0, comb(places, least)
        for size in range(least, largest + 1):
            found += count
            if found > most:
                break
            count = count * (places - size) // (size + 1)
        return found

    def combinations(self, joined: Sequence[Sequence[Place]]) -> Iterator[tuple[Place, ...]]:
        """What the variants take of `joined`, each place in it being one: few before many."""
        least, most = self._sizes(len(joined))
        for size in range(least, most + 1):
            for chosen in combinations(joined, size):
                yield tuple(chain.from_iterable(chosen))

    def _sizes(self, places: int) -> tuple[int, int]:
        """How many of so many places a variant takes: from, to."""
        least = places if self.least is None else self.least
        return least, places if self.most is None else min(self.most, places)


def read_choices(field: Field) -> tuple[Choice, ...]:
    """What `places` says.

    Raises:
        UsageError: an item of it is no place.
    """
    items = [field] if isinstance(field.value, dict) else field.items()
    if not items:
        raise field.wrong("is empty", "E.g. [P3, P4, before SPPF].")
    return tuple(_choice(each) for each in items)


def _choice(field: Field) -> Choice:
    if isinstance(field.value, dict):
        return _combined(field)
    # A text with `each` is one variant for every layer; a list is one with all of them.
    size = None if isinstance(field.value, list) else 1
    return Choice(field, _joined(field), size, size)


def _combined(field: Field) -> Choice:
    given = dict(field.pairs())
    known = ("singly", "together", "subsets", "up_to")
    for key, each in given.items():
        if key not in known:
            raise each.unknown(known)
    ways = [key for key in known[:3] if key in given]
    if len(ways) != 1 or ("up_to" in given and ways != ["subsets"]):
        raise field.wrong(
            "must have one of the keys singly, together, subsets (with up_to)",
            "E.g. {subsets: [P3, P4, P5], up_to: 2}.",
        )
    way = given[ways[0]]
    least, most = {"singly": (1, 1), "together": (None, None), "subsets": (1, None)}[ways[0]]
    if "up_to" in given:
        most = given["up_to"].positive()
    return Choice(way, _joined(way), least, most)


def _joined(field: Field) -> tuple[tuple[Place, ...], ...]:
    found = tuple(tuple(_together(each)) for each in field.items())
    if not found:
        raise field.wrong("is empty", "Without attention a variant is the base: see `baseline`.")
    if len({place.kind == "inputs" for place in chain.from_iterable(found)}) > 1:
        raise field.wrong("has places of mechanisms with one input and with two")
    return found


def _together(field: Field) -> Iterator[Place]:
    for text in field.text().split("+"):
        if not text.strip():
            raise field.wrong(f"{field.text()} lacks a place beside the +", "E.g. P3+before SPPF.")
        yield read_place(replace(field, value=text))


def read_place(field: Field) -> Place:
    """The place that a text means.

    Raises:
        UsageError: it means none.
    """
    words = field.text().split()
    kind, each = _KINDS.get(words[0]), False
    words = words[1:] if kind else words
    if words[:1] == ["each"]:
        each, words = True, words[1:]
    kind = kind or "after"
    selector = "".join(words)
    if not selector or (len(words) > 1 and not re.search("[,:]", selector)):
        raise field.wrong(
            f"{field.text()} is no place",
            _guess(field.text()) or "E.g. P3, before SPPF, P3+P4, edge 4:16, each stages.",
        )
    place = Place(kind, selector, each)
    if kind in _PARTS and (each or len(place.selectors) != 2 or not all(place.selectors)):
        example = {"edge": "edge 4:16", "inputs": "inputs 8,4"}[kind]
        raise field.wrong(f"{field.text()} does not name two places", f"E.g. {example}.")
    return place


def _guess(text: str) -> str | None:
    """What a place was perhaps meant to be whose first words are misspelt."""
    *first, last = text.split()
    close = [get_close_matches(word, (*_KINDS, "each"), n=1, cutoff=0.7) for word in first]
    if not all(close):
        return None
    return f"Did you mean {' '.join(word for [word] in close)} {last}?"
