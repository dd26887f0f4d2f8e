"""What `check` found, for people: on a terminal with the row beside it, and summed up."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from yaml_attn.cli.mistakes import aside
from yaml_attn.cli.render import hanging

if TYPE_CHECKING:
    from rich.console import Console

    from yaml_attn.checks.finding import Finding
    from yaml_attn.checks.fixing import Repair
    from yaml_attn.checks.run import Report

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_INDENT = 6
_MOST_NAMED = 3


def print_rich(out: Console, reports: Iterable[Report]) -> None:
    """Print each finding with its row."""
    from rich.text import Text  # noqa: PLC0415

    for report in reports:
        if not report.findings:
            continue
        out.print(Text.assemble((str(report.path), "bold"), f" ({compared(report)})"))
        lines = re.split(r"\r\n|\r|\n", report.document.text) if report.document else []
        for each in report.findings:
            _print_finding(out, each, lines)
        out.print()


def _print_finding(out: Console, each: Finding, lines: Sequence[str]) -> None:
    from rich.text import Text  # noqa: PLC0415

    place = each.place
    layer = "" if place.layer is None else f"layer {place.layer}: "
    head = Text.assemble(
        f"  {place.line}:{place.column} ",
        (f"{each.code} {each.level}", _COLOURS[each.level]),
        f" {layer}{each.message}",
    )
    hanging(out, head, _INDENT)
    if place.line <= len(lines) and place.end_line == place.line:
        row = Text(f"{'':{_INDENT}}{lines[place.line - 1]}", style="dim")
        out.print(row, no_wrap=True, overflow="ellipsis")
        width = max(1, place.end_column - place.column)
        out.print(
            Text(" " * (_INDENT - 1 + place.column) + "^" * width, style=_COLOURS[each.level])
        )
    if each.meant:
        hanging(out, Text(f"{'':{_INDENT}}{each.meant}", style="green"), _INDENT)


def compared(report: Report) -> str:
    """The base that a file was compared with, in words."""
    match = report.match
    if match is None:
        return "no base found: checked by structure alone"
    said = f"compared with {match.base.name}, {match.base.origin}"
    changed = match.comparison.inserted or match.comparison.removed
    return (
        f"{said}; it is not that base with rows inserted" if changed and not match.certain else said
    )


def summarise(
    reports: Sequence[Report],
    repairs: Sequence[Repair],
    skipped: int,
    files: Sequence[str],
    *,
    fix: bool,
    dry_run: bool,
) -> None:
    """Say what was done, on stderr: the findings alone are the output."""
    from yaml_attn.checks.finding import LEVELS  # noqa: PLC0415
    from yaml_attn.checks.formats import count  # noqa: PLC0415

    for said, number in Counter(map(compared, reports)).items():
        aside(f"{said} ({number} {'file' if number == 1 else 'files'})")
    parts = [f"{len(reports)} {'config' if len(reports) == 1 else 'configs'}"]
    levels = [
        f"{number} {level}{'' if number == 1 else 's'}"
        for level in LEVELS
        if (number := count(reports, level))
    ]
    parts += levels or ["no mistakes found"] * bool(reports)
    fixed = sum(len(each.fixed) for each in repairs)
    if fixed:
        parts.append(f"{fixed} {'would be ' if dry_run else ''}repaired")
    if skipped:
        parts.append(f"{skipped} other YAML {'file' if skipped == 1 else 'files'} left out")
    aside(", ".join(parts))
    step = _next_step(reports, files, fix=fix)
    if step:
        aside(step)


def _next_step(reports: Sequence[Report], files: Sequence[str], *, fix: bool) -> str:
    findings = [each for report in reports for each in report.findings]
    if not findings:
        return ""
    explain = f"--explain {findings[0].code}"
    sure = sum(each.fix is not None for each in findings)
    if fix or not sure:
        return f"What a code means: yaml-attn check {explain}"
    named = shlex.join(files) if len(files) <= _MOST_NAMED else "..."
    repaired = f"{sure} of {len(findings)} can be repaired: yaml-attn check {named} --fix"
    return f"{repaired}; what a code means: {explain}"


def plain(manual: str, width: int = 80) -> str:
    """A page of the manual without its markup: paragraphs wrapped, what is fenced indented."""
    paragraphs = []
    for number, part in enumerate(re.split(r"^```\w*\n", manual, flags=re.MULTILINE)):
        if number % 2:
            paragraphs.append(textwrap.indent(part.rstrip("\n"), "    "))
            continue
        paragraphs += [_filled(each, width) for each in part.strip("\n").split("\n\n") if each]
    return "\n\n".join(paragraphs) + "\n"


def _filled(paragraph: str, width: int) -> str:
    """A paragraph wrapped; the items of a list each by itself."""
    items = re.split(r"\n(?=[*-] )", paragraph)
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()),
            width,
            subsequent_indent="  " if item.startswith(("* ", "- ")) else "",
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )
