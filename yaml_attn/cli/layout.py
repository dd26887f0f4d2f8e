"""How text and the columns of a table fit a terminal: where they may be broken into lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

WORDS: Final = re.compile(" ")
"""Where a cell of words may be broken."""

REFERENCES: Final = re.compile(r"(?<!\bnot)(?<!->) (?![^\[]*\])(?!\()")
"""Where one of references may be: `9 (SE),|not 8 (C3)` and `[-1, 14]|-> [-1, 15]`."""

ITEMS: Final = re.compile(", ")
"""Where a list may be ended by an ellipsis: `[32, 3, …]`. Its cells take one line always."""

_GAPS = (2, 1)
_LEAST_READABLE = 10
_WELL_READABLE = 16


def wrapped(text: str, width: int) -> str:
    """Text in lines of a width, in characters; a word that is longer, a path, stays whole."""
    return "\n".join(
        textwrap.fill(
            line,
            max(width, 20),
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        for line in text.split("\n")
    )


def fitted(
    rows: Sequence[Sequence[str]], breaks: Sequence[re.Pattern[str] | None], space: int
) -> tuple[int, list[int], list[re.Pattern[str] | None]]:
    """The gap between columns, their widths, and where their cells are broken.

    Args:
        rows: the cells of a table.
        breaks: where the cells of a column may be broken; None keeps them whole.
        space: the width of the terminal, in characters.
    """
    columns = list(zip(*rows, strict=True))
    natural = [max(map(len, column)) for column in columns]
    ease = [comfortable(*each) for each in zip(columns, breaks, strict=True)]
    least = [_least(*each) for each in zip(columns, breaks, strict=True)]
    wide, narrow = _GAPS
    tries = ((wide, natural), (narrow, natural), (wide, ease), (narrow, ease), (narrow, least))
    for gap, needed in tries:
        free = space - gap * (len(columns) - 1)
        if sum(needed) <= free:
            return gap, _shared(natural, needed, free), list(breaks)
    # Words are cut before references are, the longest first; numbers never.
    cut = list(breaks)
    longest = sorted(range(len(least)), key=lambda at: (breaks[at] is REFERENCES, -least[at]))
    for at in longest:
        if breaks[at] in (WORDS, REFERENCES) and sum(least) > free:
            least[at] = min(least[at], _LEAST_READABLE)
            cut[at] = WORDS
    return gap, _shared(natural, least, free), cut


def comfortable(column: Sequence[str], pattern: re.Pattern[str] | None) -> int:
    """The width in which a column is read with ease: nine of ten cells in one line, if short."""
    widths = sorted(map(len, column))
    if pattern is None:
        return widths[-1]
    most = widths[len(widths) * 9 // 10]
    return max(_least(column, pattern), min(most, _WELL_READABLE))


def _least(column: Sequence[str], pattern: re.Pattern[str] | None) -> int:
    """The width that a column needs, for nothing in it to be cut."""
    if pattern is ITEMS:
        return min(max(map(len, column)), _LEAST_READABLE)
    return max(
        len(piece) for cell in column for piece in (pattern.split(cell) if pattern else [cell])
    )


def _shared(natural: Sequence[int], least: Sequence[int], free: int) -> list[int]:
    """Widths that fit where that can be: the widest gives way first, none below its least."""
    widths = list(natural)
    while sum(widths) > free:
        giving = [at for at, width in enumerate(widths) if width > least[at]]
        if not giving:
            break
        widths[max(giving, key=widths.__getitem__)] -= 1
    return widths


def broken(cell: str, width: int, pattern: re.Pattern[str] | None) -> list[str]:
    """The lines of a cell."""
    if pattern is None or len(cell) <= width:
        return [cell]
    if pattern is ITEMS:
        return [_ended(cell, width)]
    lines = [""]
    for piece in _cut(pattern.split(cell), width):
        joined = f"{lines[-1]} {piece}" if lines[-1] else piece
        if len(joined) > width and lines[-1]:
            lines.append(piece)
        else:
            lines[-1] = joined
    return lines


def _ended(cell: str, width: int) -> str:
    """A list with as many of its first items as fit, then an ellipsis."""
    items = ITEMS.split(cell)
    for count in range(len(items) - 1, 0, -1):
        begun = ", ".join(items[:count])
        ended = f"{begun}, …{']' * (begun.count('[') - begun.count(']'))}"
        if len(ended) <= width:
            return ended
    return "[…]"


def _cut(pieces: Sequence[str], width: int) -> Iterator[str]:
    for piece in pieces:
        for start in range(0, len(piece) or 1, width):
            yield piece[start : start + width]
