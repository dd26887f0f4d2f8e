"""How rows stand in a text: adding one in the style of its neighbour, cutting one out.

Three layouts occur: block lists (`- [..]` on lines of their own), flow lists with a row a line
(`[[..],`, with or without a trailing comma), and flow rows that share a line. Cutting out a row
that was added gives back the text as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from yaml_attn.config.document import Document, Row
from yaml_attn.config.syntax import Span, write_scalar

_MARGIN = re.compile(r"[ \t]*(-[ \t]+)?")
_CLOSING = re.compile(r"[ \t]*\]")


class Splice(NamedTuple):
    """`text[span]` becomes `text`."""

    span: Span
    text: str


def splice(text: str, splices: Sequence[Splice]) -> str:
    """The text with all replacements made at once; insertions at one place keep their order."""
    parts: list[str] = []
    done = 0
    for (start, end), new in sorted(splices, key=lambda item: item.span):
        parts += (text[done:start], new)
        done = end
    parts.append(text[done:])
    return "".join(parts)


def add_after(document: Document, row: Row, new: Sequence[Sequence[Any]]) -> list[Splice]:
    """New rows behind this one."""
    text = document.text
    rows = [_render_row(values, text[slice(*row.span)]) for values in new]
    margin = document.newline + _margin(document, row)
    behind = row.comma.end if row.comma else row.span.end
    line_end = _line_end(text, behind)
    alone = _blank_or_comment(text[behind:line_end])
    if not row.in_flow_list:
        return [_insert(line_end, "".join(margin + each for each in rows))]
    if row.comma and alone:
        return [_insert(line_end, "".join(f"{margin}{each}," for each in rows))]
    if row.comma:
        return [_insert(behind, "".join(f" {each}," for each in rows))]
    lines = margin + f",{margin}".join(rows)
    if alone:
        return [_insert(row.span.end, ","), _insert(line_end, lines)]
    closing = _CLOSING.match(text, behind)
    if closing and row.comment_index:  # the comment is the row's, though the list ends before it
        moved = Splice(Span(*closing.span()), ",")
        return [moved, _insert(line_end, lines + closing[0])]
    return [_insert(row.span.end, f",{lines}")]


def add_before(document: Document, row: Row, new: Sequence[Sequence[Any]]) -> list[Splice]:
    """New rows above this one, the first of its list."""
    rows = [_render_row(values, document.text[slice(*row.span)]) for values in new]
    margin = _margin(document, row)
    if row.in_flow_list:
        lines = "".join(f"{each},{document.newline}{margin}" for each in rows)
        return [_insert(row.span.start, lines)]
    lines = "".join(margin + each + document.newline for each in rows)
    return [_insert(row.span.start - len(margin), lines)]


def cut(document: Document, first: int, last: int, *, list_goes_on: bool) -> list[Splice]:
    """A run of rows of one list taken out, with the lines that are theirs alone.

    `list_goes_on` says that a new row follows the one above, whose comma has to stay then.
    """
    text, rows = document.text, document.rows[first : last + 1]
    above, below = _sibling(document, first, -1), _sibling(document, last, 1)
    start, end = rows[0].span.start, (rows[-1].comma or rows[-1].span).end
    line = Span(_line_start(text, start), _line_end(text, end))
    opens_line = _MARGIN.fullmatch(text, line.start, start)
    closes_line = _blank_or_comment(text[end : line.end])
    ends = not rows[-1].comma and not list_goes_on
    orphan = above.comma if above and ends else None  # the list ends before this comma now
    if opens_line and closes_line:
        found = [Splice(orphan, "")] if orphan else []
        newline = re.compile(r"\r\n|\r|\n").match(text, line.end)
        if newline:
            return [*found, Splice(Span(line.start, newline.end()), "")]
        return [*found, Splice(Span(len(text[: line.start].rstrip("\r\n")), line.end), "")]
    closing = _CLOSING.match(text, end)
    if above and orphan and above.comment_index and opens_line and closing:
        line_above = _line_end(text, orphan.end)
        if not (text[closing.end() : line.end] + text[line_above : line.start]).strip():
            return [Splice(orphan, closing[0]), Splice(Span(line_above, closing.end()), "")]
    if orphan:
        if "#" in text[orphan.end : start]:  # a comment between them stays
            return [Splice(orphan, ""), Splice(Span(start, end), "")]
        return [Splice(Span(orphan.start, end), "")]
    if above and above.comma and not opens_line:
        return [Splice(Span(above.comma.end, end), "")]
    return [Splice(Span(start, below.span.start if below else end), "")]


def render(value: Any, neighbour: str) -> str:
    """A row, or an item of one, with the blanks that a row beside it has after its commas."""
    comma = re.search(r",([ \t]*)(?=\S)", neighbour) if neighbour.startswith("[") else None
    gap = comma.group(1) if comma else " "
    return _render(value, f",{gap}")


def _render(value: Any, separator: str) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{separator.join(_render(item, separator) for item in value)}]"
    return write_scalar(value)


def _render_row(values: Sequence[Any], neighbour: str) -> str:
    """A row with its neighbour's blanks, those behind the bracket too."""
    opening = re.match(r"\[([ \t]*)", neighbour)
    pad = opening.group(1) if opening else ""
    return f"[{pad}{render(values, neighbour)[1:-1]}{pad}]"


def _sibling(document: Document, index: int, step: int) -> Row | None:
    """The row above (-1) or below (1) in the same list."""
    if not 0 <= index + step < len(document.rows):
        return None
    sibling = document.rows[index + step]
    return sibling if sibling.section == document.rows[index].section else None


def _insert(at: int, text: str) -> Splice:
    return Splice(Span(at, at), text)


def _margin(document: Document, row: Row) -> str:
    """What stands before a row of this list on a line of its own: blanks, and a dash if any."""
    rows = (other for other in document.rows if other.section == row.section)
    for other in chain((row,), rows):
        before = document.text[_line_start(document.text, other.span.start) : other.span.start]
        if _MARGIN.fullmatch(before):
            return before
    before = document.text[_line_start(document.text, row.span.start) : row.span.start]
    if re.fullmatch(r"[ \t]*\[[ \t]*", before):  # the only row, on the line of its bracket
        return re.sub(r"\S", " ", before)
    return "  "


def _blank_or_comment(text: str) -> bool:
    return not text.strip() or text.lstrip().startswith("#")


def _line_start(text: str, offset: int) -> int:
    start = text.rfind("\n", 0, offset) + 1
    return max(start, text.rfind("\r", start, offset) + 1)


def _line_end(text: str, offset: int) -> int:
    found = re.compile(r"[\r\n]").search(text, offset)
    return found.start() if found else len(text)
