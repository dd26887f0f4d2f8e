"""What a check finds: where, what is wrong, what was probably meant, and the repair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from yaml_attn.document.layout import Splice

Level = Literal["error", "warning", "note"]
"""An error fails the check; a warning is most likely a mistake; a note is worth knowing."""


LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")
"""From the gravest on."""

Field = Literal["from", "number", "comment"]
"""What a number of a row belongs to."""


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a file; lines and columns count from 1, the end is behind the last character."""

    line: int
    column: int
    end_line: int
    end_column: int
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """The sure repair of a finding: one number of one row.

    `value` replaces the number at `place`, which `splice` spans: the input at `position` of `from`,
    `number`, or the layer number that opens the row's comment.
    """

    place: Place
    splice: Splice
    layer: int
    field: Field
    position: int
    value: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in one file.

    `meant` is what was probably meant, `fix` what repairs it if that is certain.
    """

    code: str
    name: str
    level: Level
    place: Place
    message: str
    meant: str | None = None
    fix: Fix | None = None

    @property
    def text(self) -> str:
        """The message with what was meant, in one line."""
        layer = "" if self.place.layer is None else f"layer {self.place.layer}: "
        return layer + self.message + (f"; {self.meant}" if self.meant else "")


def gravest_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by level, otherwise in their order."""
    return sorted(findings, key=lambda each: LEVELS.index(each.level))


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule is known by: its code, its name, and the level of what it finds."""

    code: str
    name: str
    level: Level

    def found(
        self,
        place: Place,
        message: str,
        *,
        meant: str | None = None,
        fix: Fix | None = None,
        level: Level | None = None,
    ) -> Finding:
        """A finding of this rule; `level` where one finding is graver or lighter than the rest."""
        return Finding(self.code, self.name, level or self.level, place, message, meant, fix)
