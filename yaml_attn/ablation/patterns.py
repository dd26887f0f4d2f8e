"""`include` and `exclude`: which of the variants are wanted.

A text is a pattern of the name (`*_SE-ratio*`), a mapping one of patterns that must all fit:
`{module: SE, place: P*, base: yolov5s}`. The baseline is not asked: it has its own key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from yaml_attn.ablation.fields import Field

Labels: TypeAlias = Mapping[str, Sequence[str]]
"""What a variant may be called by, for each of `KEYS`: its module alone, or with parameters."""

_SHOWN: Final = 4

KEYS: Final = ("name", "module", "place", "base", "scale")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Patterns by key; of each, one must fit."""

    field: Field
    wanted: Mapping[str, tuple[str, ...]]

    def fits(self, labels: Labels) -> bool:
        """Whether a variant with these labels is meant."""
        return all(
            any(_fits(label, pattern) for label in labels[key] for pattern in patterns)
            for key, patterns in self.wanted.items()
        )

    def choices(self, labels: Iterable[Labels]) -> Iterator[str]:
        """What the patterns could have fitted of variants with these labels, a few for each key."""
        every = list(labels)
        for key in self.wanted:
            first = dict.fromkeys(each[key][0] for each in every)
            more = " and others" if len(first) > _SHOWN else ""
            yield f"{key.capitalize()}s: {', '.join(list(first)[:_SHOWN])}{more}."


def _fits(label: str, pattern: str) -> bool:
    # `C3[SE]` is a name before it is a pattern.
    return label == pattern or fnmatchcase(label, pattern)


def read_patterns(field: Field) -> tuple[Pattern, ...]:
    """What `include` or `exclude` says.

    Raises:
        UsageError: a key of it means nothing.
    """
    return tuple(_pattern(each) for each in field.items())


def _pattern(field: Field) -> Pattern:
    if not isinstance(field.value, dict):
        return Pattern(field, {"name": (field.text().removesuffix(".yaml"),)})
    wanted = {}
    for key, each in field.pairs():
        if key not in KEYS:
            raise each.unknown(KEYS)
        wanted[key] = tuple(one.text() for one in each.items())
    return Pattern(field, wanted)
