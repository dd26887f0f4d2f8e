"""`yaml-attn check`: find the wiring mistakes that still train, and repair the certain ones."""

from __future__ import annotations

import difflib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.render import Format as Style
from yaml_attn.cli.render import console, unified_diff
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from yaml_attn.checks.finding import Finding
    from yaml_attn.checks.fixing import Repair
    from yaml_attn.checks.run import Checker, Report

WHICH = "Which checks"


class Format(str, Enum):
    """How findings are printed."""

    rich = "rich"
    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Configs, folders of them, or patterns."),
    ] = None,
    *,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            "-b",
            help="The config that they were made from: a file, or a template's name. Looked for "
            "among the templates, an installed ultralytics and the files beside unless given.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODES",
            help="Only these checks: codes or their beginnings, e.g. YA1,YA203.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="CODES", help="Leave these checks out.", rich_help_panel=WHICH),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Repair what is certain, and show what changed."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --fix: show the repairs, write nothing.")
    ] = False,
    style: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="How to print; rich on a terminal and text elsewhere unless given.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", help="Print the manual of a check.", rich_help_panel=options.OUTPUT
        ),
    ] = None,
) -> None:
    """Check the wiring of configs: references that were not renumbered, dead attention, and more.

    Exits with 1 if anything is found that is surely wrong (level error).

    Examples:
        yaml-attn check yolov5s_SE.yaml
        yaml-attn check . --fix --dry-run
    """
    from yaml_attn.checks.fixing import repair  # noqa: PLC0415
    from yaml_attn.checks.manual import explain as manual  # noqa: PLC0415
    from yaml_attn.checks.paths import expand  # noqa: PLC0415
    from yaml_attn.files import write_atomically  # noqa: PLC0415

    if explain:
        typer.echo(manual(explain), nl=False)
        return
    if not files:
        raise UsageError("nothing to check", hint="Name files or folders: yaml-attn check .")
    if dry_run and not fix:
        raise UsageError("--dry-run goes with --fix")
    checker = _checker(base, select, ignore)
    found = [checker.check(path) for path in expand(files)]
    reports = [report for report in found if report]
    repairs = [repair(checker, report) for report in reports] if fix else []
    for each in repairs:
        if each.changed and each.after.document and not dry_run:
            write_atomically(each.before.path, each.after.document.data, replace=True)
    if repairs and not dry_run:
        reports = [each.after for each in repairs]
    _print(reports, repairs, style)
    _summary(reports, repairs, len(found) - len(reports), dry_run=dry_run)
    if any(report.failed for report in reports):
        raise typer.Exit(1)


def _checker(
    base: str | None, select: Sequence[str] | None, ignore: Sequence[str] | None
) -> Checker:
    """The checker that options and pyproject.toml ask for; options replace what the file says."""
    from yaml_attn.checks.run import Checker  # noqa: PLC0415
    from yaml_attn.checks.selection import Selection  # noqa: PLC0415
    from yaml_attn.checks.settings import read_settings  # noqa: PLC0415
    from yaml_attn.files import find_base  # noqa: PLC0415

    settings = read_settings(Path.cwd())
    base = base or settings.base
    return Checker.of(
        find_base(base) if base else None,
        Selection.of(
            _codes(select) if select else settings.select,
            _codes(ignore) if ignore else settings.ignore,
        ),
    )


def _codes(options_given: Iterable[str]) -> list[str]:
    return [code for option in options_given for code in option.split(",")]


def _print(reports: Sequence[Report], repairs: Sequence[Repair], style: Format | None) -> None:
    from yaml_attn.checks import formats  # noqa: PLC0415

    style = style or (Format.rich if sys.stdout.isatty() else Format.text)
    if style is Format.json:
        fixed = {each.before.path: each.fixed for each in repairs}
        options.print_json(formats.as_json(reports, fixed))
    elif style is Format.sarif:
        options.print_json(formats.as_sarif(reports))
    elif style is Format.github:
        for line in formats.github_lines(reports):
            typer.echo(line)
    else:
        out = console(Style.rich if style is Format.rich else Style.text)
        for each in repairs:
            out.print(unified_diff(_difference(each), Style(style.value)), end="")
        if style is Format.rich:
            _print_rich(out, reports)
        else:
            for line in formats.text_lines(reports):
                typer.echo(line)


def _difference(repair: Repair) -> str:
    """The unified diff of what was repaired."""
    before, after = repair.before.document, repair.after.document
    if not repair.changed or before is None or after is None:
        return ""
    name = str(repair.before.path)
    old, new = (re.split(r"\r\n|\r|\n", document.text) for document in (before, after))
    return "\n".join(difflib.unified_diff(old, new, name, name, lineterm=""))


_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def _print_rich(out: Console, reports: Iterable[Report]) -> None:
    from rich.text import Text  # noqa: PLC0415

    for report in reports:
        if not report.findings:
            continue
        out.print(Text.assemble((str(report.path), "bold"), f" ({_compared(report)})"))
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
    out.print(head)
    if place.line <= len(lines) and place.end_line == place.line:
        out.print(Text(f"      {lines[place.line - 1]}", style="dim"))
        width = max(1, place.end_column - place.column)
        out.print(Text(" " * (5 + place.column) + "^" * width, style=_COLOURS[each.level]))
    if each.meant:
        out.print(Text(f"      {each.meant}", style="green"))


def _compared(report: Report) -> str:
    """The base that a file was compared with, in words."""
    match = report.match
    if match is None:
        return "no base found: checked by structure alone"
    said = f"compared with {match.base.name}, {match.base.origin}"
    changed = match.comparison.inserted or match.comparison.removed
    return (
        f"{said}; it is not that base with rows inserted" if changed and not match.certain else said
    )


def _summary(
    reports: Sequence[Report], repairs: Sequence[Repair], skipped: int, *, dry_run: bool
) -> None:
    """What was done, on stderr: the findings alone are the output."""
    from yaml_attn.checks.finding import LEVELS  # noqa: PLC0415
    from yaml_attn.checks.formats import count  # noqa: PLC0415

    for said, files in Counter(map(_compared, reports)).items():
        typer.echo(f"{said} ({files} {'file' if files == 1 else 'files'})", err=True)
    parts = [f"{len(reports)} {'config' if len(reports) == 1 else 'configs'}"]
    parts += [
        f"{number} {level}{'' if number == 1 else 's'}"
        for level in LEVELS
        if (number := count(reports, level))
    ]
    fixed = sum(len(each.fixed) for each in repairs)
    if fixed:
        parts.append(f"{fixed} {'would be ' if dry_run else ''}repaired")
    if skipped:
        parts.append(f"{skipped} other YAML {'file' if skipped == 1 else 'files'} left out")
    typer.echo(", ".join(parts), err=True)
