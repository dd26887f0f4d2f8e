"""What a lost reference meant, told without a base: the number it kept.

Of all wrong references most kept the number that was right before rows were inserted above. Where
a reference is wrong by the structure of the network, and the same number counted without the
attention rows reads a layer that is right by it, both signs together are certain if those rows are
bundled mechanisms, or say of themselves that they are attention. What else looks like one may be a
fork's own design: then it is a guess, and nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from yaml_attn.checks.context import Reference, Subject
from yaml_attn.checks.finding import Fix
from yaml_attn.checks.heuristics import is_mechanism, is_named_so

_MOST = 3
"""Of so many rows one may be an attention: one behind each block, and its downsampling."""


class Told(TypedDict):
    """What a finding says beside its message."""

    meant: str | None
    fix: Fix | None


def kept(
    subject: Subject, reference: Reference, fits: Callable[[int], bool], perhaps: int | None
) -> Told:
    """What was meant: the layer whose number was kept if it `fits`, or `perhaps` another one."""
    before = _before(subject, reference)
    if before is not None and fits(before):
        if _is_certain(subject, before):
            right = subject.behind(before, reference.layer)
            fix = subject.repoint(reference.layer, reference.position, right)
            return {"meant": _without(subject, reference, before), "fix": fix}
        perhaps = before
    if perhaps is None or perhaps == reference.target:
        return {"meant": None, "fix": None}
    return {"meant": f"perhaps {subject.named(perhaps)} is meant", "fix": None}


def _before(subject: Subject, reference: Reference) -> int | None:
    """The layer that the number counts to where attention rows do not count."""
    if reference.written < 0 or (subject.match and subject.match.certain):
        return None
    own = [index for index in range(reference.layer) if index not in subject.attention]
    before = own[reference.written] if reference.written < len(own) else None
    return before if before != reference.target else None


def _is_certain(subject: Subject, before: int) -> bool:
    """Whether the attention rows above a layer can be nothing else, and no backbone of a fork."""
    above = [index for index in subject.attention if index < before]
    rows = [subject.layer(index) for index in above if index not in subject.added]
    named = all(is_mechanism(layer) or is_named_so(layer) for layer in rows)
    return named and _MOST * len(above) <= before


def _without(subject: Subject, reference: Reference, before: int) -> str:
    rows = before - reference.written
    above = "the attention row" if rows == 1 else f"the {rows} attention rows"
    return f"without {above} above, {reference.written} is {subject.named(before)}"
