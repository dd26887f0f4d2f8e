"""`yaml-attn check`: find the wiring mistakes that still train, and repair the certain ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.helping import WORDS
from yaml_attn.cli.mistakes import complain
from yaml_attn.cli.render import Format as Style
from yaml_attn.cli.render import console, unified_diff
from yaml_attn.core.results import unified_diff as difference
from yaml_attn.errors import OutputError, UsageError
from yaml_attn.escaping import in_line

if TYPE_CHECKING:
    from yaml_attn.checks.fix import Repair
    from yaml_attn.checks.run import Checker, Report

WHICH = "Which checks"

_MOST_NAMED = 5


class Format(str, Enum):
    """How findings are printed."""

    rich = "rich"
    text = "text"
    json = "json"
    sarif = "sarif"
    github = "github"


_FOR_MACHINES = frozenset({Format.json, Format.sarif, Format.github})


def check(
    ctx: typer.Context,
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
            metavar="FILE",
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
        typer.Option(
            "--fix",
            help="Repair what is certain, and show what changed.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="With --fix: show the same, write nothing.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    style: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="rich|text|json|sarif|github",
            help="How to print; rich on a terminal and text elsewhere unless given.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Print nothing for people, errors of the command aside; the exit code tells.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    json: options.Json = False,
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
    from yaml_attn.checks.explain import explain as manual  # noqa: PLC0415
    from yaml_attn.checks.fix import Repair, repair  # noqa: PLC0415
    from yaml_attn.cli.findings import plain, summarise  # noqa: PLC0415

    if explain:
        typer.echo(plain(manual(explain)), nl=False)
        return
    if not files:
        raise UsageError("nothing to check", hint="Name files or folders: yaml-attn check .")
    if dry_run and not fix:
        raise UsageError("--dry-run goes with --fix")
    style = _style(style, json=json)
    checker = _checker(base, select, ignore)
    paths = _paths(files)
    found = [_light(checker.check(path), fix=fix) for path in paths]
    before = [report for report in found if report]
    repairs = [repair(checker, report) for report in before] if fix else []
    refusals = [_refusal(each, paths[each.before.path], dry_run=dry_run) for each in repairs]
    repairs = [
        Repair(each.before, (), each.before) if refusal else each
        for each, refusal in zip(repairs, refusals, strict=True)
    ]
    after = [each.after for each in repairs] if fix else before
    now = before if dry_run else after
    if style in _FOR_MACHINES:
        _print(now, repairs, style)
    elif not quiet:
        _print(after, repairs, style)
    if not quiet:
        skipped = len(found) - len(before)
        words = ctx.meta[WORDS]
        summarise(after, repairs, skipped, files, words=words, dry_run=dry_run)
    for refusal in filter(None, refusals):
        complain(refusal)
    if any(refusals):
        raise typer.Exit(UsageError.exit_code)
    if any(report.failed for report in now):
        raise typer.Exit(1)


def _refusal(repair: Repair, folder: Path | None, *, dry_run: bool) -> OutputError | None:
    """Write a repair; why it was not written, if it was not."""
    from yaml_attn.checks.fix import save  # noqa: PLC0415

    try:
        save(repair, folder, dry_run=dry_run)
    except OutputError as error:
        return error
    return None


def _style(style: Format | None, *, json: bool) -> Format:
    if json and style not in {None, Format.json}:
        raise UsageError("--json and --format are two formats: give one of them")
    if json:
        return Format.json
    return style or (Format.rich if sys.stdout.isatty() else Format.text)


def _light(report: Report | None, *, fix: bool) -> Report | None:
    """The report, with its text only where that may be repaired: thousands fill a memory."""
    needed = fix and report and report.findings
    return report if needed or not report else replace(report, document=None)


def _paths(files: Sequence[str]) -> dict[Path, Path | None]:
    from yaml_attn.checks.discover import find  # noqa: PLC0415

    try:
        return find(files)
    except UsageError as error:
        here = sorted(path.name for path in Path.cwd().glob("*.yaml"))
        named = (
            f"Here are {in_line(', '.join(here[:_MOST_NAMED]))}" if here else "Here is no YAML file"
        )
        more = " and more" if len(here) > _MOST_NAMED else ""
        error.hint = f"{named}{more}; `yaml-attn check .` checks all in and below a folder."
        raise


def _checker(
    base: str | None, select: Sequence[str] | None, ignore: Sequence[str] | None
) -> Checker:
    """The checker that options and pyproject.toml ask for; options replace what the file says."""
    from yaml_attn.checks.run import Checker  # noqa: PLC0415
    from yaml_attn.checks.selection import Selection  # noqa: PLC0415
    from yaml_attn.checks.settings import read_settings  # noqa: PLC0415
    from yaml_attn.dialects.bases import find_base  # noqa: PLC0415

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


def _print(reports: Sequence[Report], repairs: Sequence[Repair], style: Format) -> None:
    from yaml_attn.checks import formats  # noqa: PLC0415
    from yaml_attn.cli.findings import print_rich  # noqa: PLC0415

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
            print_rich(out, reports)
        else:
            for line in formats.text_lines(reports):
                options.say(line)


def _difference(repair: Repair) -> str:
    """The unified diff of what was repaired."""
    before, after = repair.before.document, repair.after.document
    if not repair.changed or before is None or after is None:
        return ""
    name = str(repair.before.path)
    return difference(name, before.text, name, after.text)
