"""Which findings count: codes chosen and left out, and comments in the file that silence a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from yaml_attn.checks import RULES
from yaml_attn.checks.finding import Finding
from yaml_attn.errors import UsageError

_SILENCE = re.compile(r"#[ \t]*yaml-attn:[ \t]*ignore(?:\[([^\]\r\n]*)\])?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Codes, or the beginnings of codes: YA2 is all that begin so. Nothing selected is all."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> Selection:
        """The selection that these codes make.

        Raises:
            UsageError: a code that no rule's begins with.
        """
        return cls(tuple(map(_code, select)), tuple(map(_code, ignore)))

    def wants(self, code: str) -> bool:
        """Whether findings of this code count; the longer of two beginnings decides."""
        chosen = max((len(each) for each in self.select if code.startswith(each)), default=-1)
        left_out = max((len(each) for each in self.ignore if code.startswith(each)), default=-1)
        return (left_out < 0 and (not self.select or chosen >= 0)) or chosen > left_out


def silenced(finding: Finding, lines: Sequence[str]) -> bool:
    """Whether a comment `# yaml-attn: ignore` or `ignore[YA203]` on its lines silences it."""
    for line in lines[finding.place.line - 1 : finding.place.end_line]:
        for comment in _SILENCE.finditer(line):
            codes = comment.group(1)
            if codes is None or any(
                each.strip() and finding.code.startswith(each.strip().upper())
                for each in codes.split(",")
            ):
                return True
    return False


def _code(text: str) -> str:
    code = text.strip().upper()
    if code and any(known.startswith(code) for known in RULES):
        return code
    close = get_close_matches(code, RULES, n=3)
    raise UsageError(
        f"no check has the code {text!r}",
        hint=f"Did you mean {' or '.join(close)}?" if close else f"Codes: {', '.join(RULES)}.",
    )
