"""What a lost reference meant, told without a base: the number it kept.

Of all wrong references most kept the number that was right before rows were inserted above. Where
a reference is wrong by the structure of the network, and the same number counted without the
attention rows reads a layer that is right by it, both signs together are certain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from yaml_attn.checks.finding import Fix
from yaml_attn.checks.subject import Reference, Subject


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
        rows = before - reference.written
        inserted = "1 row was" if rows == 1 else f"{rows} rows were"
        right = subject.behind(before, reference.layer)
        meant = f"{reference.written} was {subject.named(before)} before {inserted} inserted above"
        return {"meant": meant, "fix": subject.repoint(reference.layer, reference.position, right)}
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
