"""Characters that look like YAML's own and are letters to it.

Chinese input methods write full-width punctuation, word processors and PDFs curly quotes and
dashes, web pages odd spaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_SPACES: Final = "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060"

MEANT: Final[Mapping[str, str]] = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full-width ASCII
    **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
    "\u3001": ",",
    "\u3010": "[",
    "\u3011": "]",
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_INVISIBLE, ""),
}
"""Each of them -> what is meant, in ASCII."""

_TO_ASCII: Final = str.maketrans(dict(MEANT))
_BLANK: Final = f"[ \t{_SPACES}{_INVISIBLE}]*"

# A quoted text may hold them, and so may a comment, even one behind a full-width number sign.
_OUTSIDE: Final = re.compile(
    r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|(?<![^\s,\]])\#.*|([^\x00-\x7f])(?:(?<=\uff03).*)?"""
)
_ROW: Final = re.compile(r"[ \t]*(?:-[ \t]*)?[\[\]]")
_OPENING: Final = re.compile(rf"{_BLANK}(?:\w+{_BLANK}\uff1a|\uff03)?")


class Lookalike(NamedTuple):
    """A character of a text; the offset counts code points."""

    offset: int
    character: str

    @property
    def name(self) -> str:
        """`U+00A0 (no-break space)`; of a character that one can see, itself first."""
        called = unicodedata.name(self.character).lower().replace("fullwidth", "full-width")
        code = f"U+{ord(self.character):04X}"
        if self.character in _SPACES + _INVISIBLE:
            return f"{code} ({called})"
        return f'"{self.character}" ({code}, {called})'

    @property
    def mend(self) -> str:
        """What to do about it."""
        meant = MEANT[self.character]
        if meant in {"", " "}:
            return "Write a plain space" if meant else "Delete it"
        return f"Write '{meant}'" if meant == '"' else f'Write "{meant}"'


def in_piece(text: str, start: int, end: int) -> Iterator[Lookalike]:
    """Those outside comments and quotes in a piece of a text, such as a row."""
    for found in _OUTSIDE.finditer(text, start, end):
        if found[1] in MEANT:
            yield Lookalike(found.start(), found[1])


def in_punctuation(text: str) -> Iterator[Lookalike]:
    """Those that break a text, by its looks: in rows, indentation, and right behind a key."""
    for line in re.finditer(r"[^\r\n]+", text):
        row = _ROW.match(line[0].translate(_TO_ASCII))
        opening = _OPENING.match(text, *line.span())
        end = line.end() if row or not opening else opening.end()
        yield from in_piece(text, line.start(), end)
