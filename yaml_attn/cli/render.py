"""How results look: tables by rich, in colour or as plain text or markdown, and unified diffs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import zip_longest
from typing import IO, TYPE_CHECKING, Any

from yaml_attn.cli.layout import ITEMS, REFERENCES, WORDS, broken, comfortable, fitted
from yaml_attn.escaping import in_line, markdown

if TYPE_CHECKING:
    import re

    from rich.console import Console
    from rich.text import Text

    from yaml_attn.config.changes import LayerChange, Reading
    from yaml_attn.config.network import From

# rich is imported where it is needed: it is a third of what `--help` would cost.


class Format(str, Enum):
    """How a preview is printed."""

    rich = "rich"
    text = "text"
    markdown = "markdown"
    json = "json"


_STYLES = {"inserted": "green", "removed": "red", "changed": "yellow", "moved": "", "same": "dim"}
_MARKS = {"inserted": "+", "removed": "-", "changed": "~", "moved": "", "same": ""}


@dataclass
class Table:
    """Rows of cells under headers.

    The columns named in `right` hold numbers. On a terminal, cells of those in `wraps` may be
    broken into lines, of those in `whole` only between references; in `short`, which hold lists,
    an ellipsis takes the place of the last items; those in `spare` are left out, the first one
    first, until the others can be read well.
    """

    headers: Sequence[str]
    right: Sequence[str] = ()
    wraps: Sequence[str] = ()
    whole: Sequence[str] = ()
    short: Sequence[str] = ()
    spare: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)

    def add(self, *cells: str, colour: str = "") -> None:
        """Add a row, in a colour where colours are shown."""
        self.rows.append([in_line(cell) for cell in cells])
        self.colours.append(colour)

    def lines(self, style: Format) -> Iterator[str]:
        """The table as plain text or markdown."""
        table = [self.headers, *self.rows]
        if style is Format.markdown:
            table = [[markdown(cell) for cell in row] for row in table]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.headers))]
        for number, row in enumerate(table):
            cells = [
                cell.rjust(width) if header in self.right else cell.ljust(width)
                for cell, width, header in zip(row, widths, self.headers, strict=True)
            ]
            if style is Format.text:
                yield "  ".join(cells).rstrip()
                continue
            yield f"| {' | '.join(cells)} |"
            if number == 0:
                yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"

    def left_out(self, space: int) -> list[str]:
        """The headers of the columns that a terminal of so many columns does not show."""
        columns = dict(zip(self.headers, zip(self.headers, *self.rows, strict=True), strict=True))
        widths = {each: comfortable(columns[each], self._breaks(each)) for each in self.headers}
        gone: list[str] = []
        for header in self.spare:
            if sum(widths.values()) + len(widths) - 1 <= space:
                break
            del widths[header]
            gone.append(header)
        return gone

    def _breaks(self, header: str) -> re.Pattern[str] | None:
        if header in self.short:
            return ITEMS
        return REFERENCES if header in self.whole else WORDS if header in self.wraps else None

    def blocks(self, space: int) -> Iterator[str]:
        """The header and each row as a terminal of so many columns shows them, in a line or more.

        The first line of all is the header's, the second a rule.
        """
        gone = self.left_out(space)
        shown = [at for at, header in enumerate(self.headers) if header not in gone]
        table = [[row[at] for at in shown] for row in (self.headers, *self.rows)]
        headers = table[0]
        breaks = [self._breaks(header) for header in headers]
        gap, widths, breaks = fitted(table, breaks, space)
        for number, row in enumerate(table):
            cells = [broken(*each) for each in zip(row, widths, breaks, strict=True)]
            lines = [
                (" " * gap)
                .join(
                    text.rjust(width) if header in self.right else text.ljust(width)
                    for text, width, header in zip(line, widths, headers, strict=True)
                )
                .rstrip()
                for line in zip_longest(*cells, fillvalue="")
            ]
            yield "\n".join(lines)
            if number == 0:
                yield "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * (sum(widths) + gap * (len(widths) - 1))


def print_table(out: Console, table: Table, style: Format) -> None:
    """Print a table; on a terminal one that fits, which says what it leaves out."""
    if style is not Format.rich:
        for line in table.lines(style):
            out.print(line)
        return
    from rich.text import Text  # noqa: PLC0415

    for block, colour in zip(table.blocks(out.width), ["bold", "", *table.colours], strict=True):
        out.print(Text(block, style=colour), soft_wrap=True)
    out.print()
    gone = table.left_out(out.width)
    if gone:
        out.print(f"A wider terminal, or --json, shows more: {', '.join(gone)}.")


def console(style: Format | None = None, file: IO[str] | None = None) -> Console:
    """A console for one of the formats; None is rich on a terminal and text elsewhere."""
    from yaml_attn.cli.terminal import Plain, Terminal  # noqa: PLC0415

    file = file or sys.stdout
    if (style or default_format(file)) is Format.rich:
        return Terminal(file=file, highlight=False, markup=False, emoji=False)
    # Plain output must not depend on the width of a terminal that is not there.
    return Plain(
        file=file,
        highlight=False,
        markup=False,
        emoji=False,
        color_system=None,
        width=10_000,
        soft_wrap=True,
    )


def default_format(file: IO[str] | None = None) -> Format:
    """Rich on a terminal, text elsewhere."""
    return Format.rich if (file or sys.stdout).isatty() else Format.text


def change_table(changes: Sequence[LayerChange]) -> Table:
    """Old index -> new index, what each `from` becomes, and which layer that means."""
    headers = ["", "old", "new", "from", "module", "args", "reads"]
    found = Table(headers, right=["old", "new"], short=["args"], whole=["from", "reads"])
    for change in changes:
        found.add(
            _MARKS[change.state],
            _number(change.old),
            _number(change.new),
            _became(change.from_before, change.from_after),
            change.module,
            flow(change.args),
            _reads(change),
            colour=_STYLES[change.state],
        )
    return found


def flow(value: Any) -> str:
    """A value as a row spells it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(flow(item) for item in value)}]"
    return str(value)


def shape(value: Any) -> str:
    """One output shape, or those of a head's levels."""
    if value and isinstance(value[0], (list, tuple)):
        return " ".join(shape(each) for each in value)
    return "x".join(str(size) for size in value)


def mflops(flops: int | None) -> str:
    """FLOPs in units of 1e6, to three digits; those before the point are all said."""
    if flops is None:
        return ""
    return f"{flops / 1e6:,.0f}" if flops >= 1e8 else f"{flops / 1e6:.3g}"


def head_strides(strides: Sequence[float | None]) -> str:
    """The strides of the head's levels, those of auxiliary levels not a second time."""
    said = ["?" if stride is None else f"{stride:g}" for stride in strides] or ["none"]
    levels = list(dict.fromkeys(said))
    if "?" in said or len(levels) == len(said) or levels * (len(said) // len(levels)) != said:
        return ", ".join(said)
    return f"{', '.join(levels)} (the auxiliary levels too)"


def hanging(out: Console, text: Text, indent: int) -> None:
    """Print text; where it is wrapped, what follows the first line is indented."""
    from rich.text import Text  # noqa: PLC0415

    first, *more = text.wrap(out, out.width)
    first.rstrip()
    out.print(first, soft_wrap=True)
    if not more:
        return
    rest = text[len(first) :]
    rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
    for line in rest.wrap(out, max(20, out.width - indent)):
        line.rstrip()
        out.print(Text.assemble(" " * indent, line), soft_wrap=True)


def unified_diff(text: str, style: Format) -> Text:
    """A unified diff, coloured where colours are shown."""
    from rich.text import Text  # noqa: PLC0415

    colours = {"+": "green", "-": "red", "@": "cyan"}
    found = Text()
    for line in text.split("\n") if text else ():
        header = line.startswith(("---", "+++"))
        found.append(line + "\n", style="bold" if header else colours.get(line[:1], ""))
    return found if style is Format.rich else Text(found.plain)


def reads(readings: Sequence[Reading]) -> str:
    """The layers that a row reads."""
    return ", ".join(str(reading) for reading in readings)


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _became(before: From | None, after: From | None) -> str:
    if before is None or after is None or before == after:
        return flow(before if after is None else after)
    return f"{flow(before)} -> {flow(after)}"


def _reads(change: LayerChange) -> str:
    """The layers that a changed row reads now, and instead of which."""
    if change.state == "inserted":
        return reads(change.after)
    if change.state != "changed":
        return ""
    parts = []
    for position, reading in enumerate(change.after):
        before = change.before[position] if position < len(change.before) else None
        parts.append(_reading(reading, before, rewired=position in change.rewired))
    return ", ".join(part for part in parts if part)


def _reading(reading: Reading, before: Reading | None, *, rewired: bool) -> str:
    if rewired and before is not None:
        return f"{reading}, not {before}"
    if before is None or reading.written != before.written:
        return str(reading)
    return ""
