"""The references of a copy that read another layer than in the base, and how that came about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from yaml_attn.checks.base_match import Match
from yaml_attn.checks.context import Reference, Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.graph.network import IMAGE

Cause = Literal["kept", "shifted", "other"]


@dataclass(frozen=True, slots=True)
class WrongReference:
    """A reference, and the layer that it would read after a correct insertion.

    `before` is the number that the base has there; `cause` says whether it was kept, shifted by
    another count than the rows inserted before it, or neither.
    """

    reference: Reference
    expected: int
    before: int
    cause: Cause

    @property
    def inserted(self) -> int:
        """By how much the number had to change."""
        right = self.expected
        if self.before < 0:
            right -= self.reference.layer
        return abs(right - self.before)


def misread(subject: Subject) -> Iterator[WrongReference]:
    """Every reference that reads another layer than in the base; nothing without a base."""
    match = subject.match
    if match is None:
        return
    for each in match.comparison.rewired:
        if each.expected in {None, IMAGE} or each.reads is None:
            continue
        if (each.index, each.position) in subject.broken or _permuted(subject, match, each.index):
            continue
        written = subject.written(each.index)[each.position]
        reference = Reference(each.index, each.position, written, each.reads)
        before = _written(match, each.index, each.position)
        cause = _cause(before, written, len(match.comparison.inserted))
        yield WrongReference(reference, each.expected, before, cause)


def expected(subject: Subject, layer: int, position: int) -> int | None:
    """The layer that an input reads in the base, as an index of the config, if a base tells."""
    match = subject.match
    if match is None or not match.certain or layer not in match.old:
        return None
    for each in match.comparison.rewired:
        if (each.index, each.position) == (layer, position):
            return None if each.expected == IMAGE else each.expected
    return subject.inputs(layer)[position]


def findings(subject: Subject, rule: Rule, cause: Cause, told: str) -> Iterator[Finding]:
    """A finding for each misread reference of this cause; `told` says how it came about."""
    match = subject.match
    for each in misread(subject):
        if each.cause != cause or match is None:
            continue
        layer, position, written, target = each.reference
        right = subject.behind(each.expected, layer)
        yield rule.found(
            subject.place_of(layer, position),
            f"{subject.layer(layer).module} reads {subject.named(target)}, "
            + told.format(
                written=written,
                before=each.before,
                base=match.base.name,
                rows=_rows(each.inserted),
                by=abs(written - each.before),
            ),
            meant=_meant(subject, each.expected, right),
            fix=subject.repoint(layer, position, right) if match.certain else None,
            level=None if match.certain else "warning",
        )


def _meant(subject: Subject, expected: int, right: int) -> str:
    if right == expected:
        return f"the base reads what is now {subject.named(expected)}"
    return (
        f"the base reads what is now {subject.named(expected)}, refined by {subject.named(right)}"
    )


def _rows(count: int) -> str:
    return {0: "no row was", 1: "1 row was"}.get(count, f"{count} rows were")


def _written(match: Match, layer: int, position: int) -> int:
    old = match.base.network.layers[match.old[layer]]
    source = match.base.network.spell(old)
    return source[position] if isinstance(source, list) else source


def _permuted(subject: Subject, match: Match, layer: int) -> bool:
    """Whether a layer reads what it read in the base, in another order."""
    reads = list(subject.inputs(layer))
    right = list(reads)
    for each in match.comparison.rewired:
        if each.index != layer:
            continue
        if each.expected is None or each.reads is None:
            return False
        right[each.position] = each.expected
    return sorted(map(subject.through, reads)) == sorted(map(subject.through, right))


def _cause(before: int, written: int, inserted: int) -> Cause:
    if written == before:
        return "kept"
    more = abs(written) - abs(before)
    if (written < 0) == (before < 0) and 0 < more <= inserted + 1:
        return "shifted"
    return "other"
