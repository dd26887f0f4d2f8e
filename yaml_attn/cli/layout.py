"""How the columns of a table share a terminal, and where a cell may be broken into lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

WORDS: Final = re.compile(" ")
"""Where a cell of words may be broken."""

REFERENCES: Final = re.compile(r"(?<!\bnot)(?<!->) (?![^\[]*\])(?!\()")
"""Where one of references may be: `9 (SE),|not 8 (C3)` and `[-1, 14]|-> [-1, 15]`."""

_GAPS = (2, 1)
_LEAST_READABLE = 10


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
    least = [
        max(len(piece) for cell in column for piece in (pattern.split(cell) if pattern else [cell]))
        for column, pattern in zip(columns, breaks, strict=True)
    ]
    for gap in _GAPS:
        free = space - gap * (len(columns) - 1)
        if sum(least) <= free:
            return gap, _shared(natural, least, free), list(breaks)
    # Words are cut before references are, numbers never.
    for cut in ([WORDS], [WORDS, REFERENCES]):
        least = [
            min(width, _LEAST_READABLE) if pattern in cut else width
            for width, pattern in zip(least, breaks, strict=True)
        ]
        if sum(least) <= free:
            break
    breaks = [WORDS if pattern in cut else pattern for pattern in breaks]
    return gap, _shared(natural, least, free), breaks


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
    lines = [""]
    for piece in _cut(pattern.split(cell), width):
        joined = f"{lines[-1]} {piece}" if lines[-1] else piece
        if len(joined) > width and lines[-1]:
            lines.append(piece)
        else:
            lines[-1] = joined
    return lines


def _cut(pieces: Sequence[str], width: int) -> Iterator[str]:
    for piece in pieces:
        for start in range(0, len(piece) or 1, width):
            yield piece[start : start + width]
