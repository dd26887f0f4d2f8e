"""How results look: tables by rich, in colour or as plain text or markdown, and unified diffs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import IO, Any

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from yaml_attn.config.changes import LayerChange, Reading
from yaml_attn.config.network import From


class Format(str, Enum):
    """How a preview is printed."""

    rich = "rich"
    text = "text"
    markdown = "markdown"
    json = "json"


_BOXES = {Format.rich: box.SIMPLE_HEAD, Format.text: None, Format.markdown: box.MARKDOWN}
_STYLES = {"inserted": "green", "removed": "red", "changed": "yellow", "moved": "", "same": "dim"}
_MARKS = {"inserted": "+", "removed": "-", "changed": "~", "moved": "", "same": ""}


def console(style: Format | None = None, file: IO[str] | None = None) -> Console:
    """A console for one of the formats; None is rich on a terminal and text elsewhere."""
    file = file or sys.stdout
    if (style or default_format(file)) is Format.rich:
        return Console(file=file, highlight=False, markup=False)
    # Plain output must not depend on the width of a terminal that is not there.
    return Console(
        file=file, highlight=False, markup=False, color_system=None, width=10_000, soft_wrap=True
    )


def default_format(file: IO[str] | None = None) -> Format:
    """Rich on a terminal, text elsewhere."""
    return Format.rich if (file or sys.stdout).isatty() else Format.text


def table(headers: Sequence[str], style: Format, *, right: Iterable[str] = ()) -> Table:
    """An empty table in one of the formats; the columns named in `right` hold numbers."""
    found = Table(
        box=_BOXES[style],
        pad_edge=style is not Format.text,
        padding=(0, 1) if style is not Format.text else (0, 2, 0, 0),
        header_style="bold",
    )
    for header in headers:
        found.add_column(header, justify="right" if header in right else "left", overflow="fold")
    return found


def change_table(changes: Sequence[LayerChange], style: Format) -> RenderableType:
    """Old index -> new index, what each `from` becomes, and which layer that means."""
    found = table(
        ["", "old", "new", "from", "module", "args", "reads"], style, right=["old", "new"]
    )
    for change in changes:
        found.add_row(
            _MARKS[change.state],
            _number(change.old),
            _number(change.new),
            _became(change.from_before, change.from_after),
            change.module,
            flow(change.args),
            _reads(change),
            style=_STYLES[change.state],
        )
    return found


def flow(value: Any) -> str:
    """A value as a row spells it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(flow(item) for item in value)}]"
    return str(value)


def unified_diff(text: str, style: Format) -> Text:
    """A unified diff, coloured where colours are shown."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    found = Text()
    for line in text.splitlines():
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
