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
from yaml_attn.errors import NoFileError
from yaml_attn.escaping import in_line
from yaml_attn.files import is_file, read_config

if TYPE_CHECKING:
    from rich.console import Console

    from yaml_attn.checks.finding import Finding
    from yaml_attn.checks.fix import Repair
    from yaml_attn.checks.run import Report

_COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_ORIGINS = {
    "template": "the template {}",
    "installed ultralytics": "{} of the installed ultralytics",
    "beside it": "{} beside it",
    "given": "{}, as given",
}
_INDENT = 6
_MOST_NAMED = 3


def print_rich(out: Console, reports: Iterable[Report]) -> None:
    """Print each finding with its row."""
    from rich.text import Text  # noqa: PLC0415

    from yaml_attn.checks.finding import gravest_first  # noqa: PLC0415

    for report in reports:
        if not report.findings:
            continue
        about = in_line(f" ({compared(report)})")
        out.print(Text.assemble((in_line(report.path), "bold"), about))
        lines = _lines(report)
        for each in gravest_first(report.findings):
            _print_finding(out, each, lines)
        out.print()


def _lines(report: Report) -> list[str]:
    """The lines of a file, even of one that is no config; none where it is no text."""
    if report.document:
        text = report.document.text
    else:
        try:
            text = read_config(report.path).decode("utf-8-sig")
        except (NoFileError, UnicodeDecodeError):
            return []
    return re.split(r"\r\n|\r|\n", text)


def _print_finding(out: Console, each: Finding, lines: Sequence[str]) -> None:
    from rich.cells import cell_len  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    place = each.place
    layer = "" if place.layer is None else f"layer {place.layer}: "
    head = Text.assemble(
        f"  {place.line}:{place.column} ",
        (f"{each.code} {each.level}", _COLOURS[each.level]),
        in_line(f" {layer}{each.message}"),
    )
    hanging(out, head, _INDENT)
    of_the_file = (place.line, place.column, place.layer) == (1, 1, None)
    if place.line <= len(lines) and place.end_line == place.line and not of_the_file:
        line = lines[place.line - 1]
        row = Text(f"{'':{_INDENT}}{in_line(line)}", style="dim")
        out.print(row, no_wrap=True, overflow="ellipsis")
        before = cell_len(line[: place.column - 1])
        width = max(1, cell_len(line[place.column - 1 : place.end_column - 1]))
        out.print(Text(" " * (_INDENT + before) + "^" * width, style=_COLOURS[each.level]))
    if each.meant:
        hanging(out, Text(f"{'':{_INDENT}}{in_line(each.meant)}", style="green"), _INDENT)


def compared(report: Report) -> str:
    """The base that a file was compared with, in words."""
    match = report.match
    if not report.readable:
        return "cannot be read: nothing else was checked"
    if match is None:
        return "no base found to compare with: checked by structure alone"
    name = _ORIGINS[match.base.origin].format(match.base.name)
    if match.same_wiring:
        return f"wired exactly like {name}"
    if match.certain:
        return f"compared with its base, {name}"
    changed = match.comparison.inserted or match.comparison.removed
    other = "; it is not that base with rows inserted" if changed else ""
    return f"compared with {name}{other}"


def summarise(
    reports: Sequence[Report],
    repairs: Sequence[Repair],
    skipped: int,
    files: Sequence[str],
    *,
    words: Sequence[str],
    dry_run: bool,
) -> None:
    """Say what was done, on stderr: the findings alone are the output.

    Args:
        reports: of the files as they are, or would be, when what is sure has been repaired.
        repairs: of all of them, where repairs were asked for.
        skipped: how many other YAML files there were.
        files: as they were named.
        words: of the command line, behind `check`.
        dry_run: whether nothing was written.
    """
    from yaml_attn.checks.finding import LEVELS  # noqa: PLC0415
    from yaml_attn.checks.formats import count  # noqa: PLC0415

    if not reports:
        aside(in_line(_nothing(files, skipped)))
        return
    for said, number in Counter(map(compared, reports)).items():
        which = "" if len(reports) == 1 else f"{number} {'file' if number == 1 else 'files'}: "
        aside(in_line(which + said))
    parts = [f"{len(reports)} {'config' if len(reports) == 1 else 'configs'}"]
    levels = [
        f"{number} {level}{'' if number == 1 else 's'}"
        for level in LEVELS
        if (number := count(reports, level))
    ]
    fixed = sum(len(each.fixed) for each in repairs)
    if fixed:
        parts.append(f"{fixed} {'would be ' if dry_run else ''}repaired")
        parts += [f"{each} left" for each in levels or ["no mistakes"]]
    else:
        parts += levels or ["no mistakes found"]
    if skipped:
        parts.append(f"{skipped} other YAML {'file' if skipped == 1 else 'files'} left out")
    aside(", ".join(parts))
    step = _next_step(reports, files, words, fix=bool(repairs))
    if step:
        aside(in_line(step))


def _nothing(files: Sequence[str], skipped: int) -> str:
    """That there was no config to check: what was looked for, and where."""
    named = ", ".join(files) if len(files) <= _MOST_NAMED else f"the {len(files)} names given"
    if not skipped:
        return f"no YOLO config in {named}: no YAML file in or below it"
    if skipped == 1 == len(files) and is_file(files[0]):
        return f"{named} is no YOLO config: it has neither `backbone:` nor `head:`"
    among = "the 1 YAML file" if skipped == 1 else f"{skipped} YAML files"
    return f"no YOLO config among {among} in {named}: none has `backbone:` or `head:`"


def _next_step(
    reports: Sequence[Report], files: Sequence[str], words: Sequence[str], *, fix: bool
) -> str:
    from yaml_attn.checks.finding import gravest_first  # noqa: PLC0415

    findings = gravest_first(each for report in reports for each in report.findings)
    if not findings:
        return ""
    explain = f"--explain {findings[0].code}"
    sure = sum(each.fix is not None for each in findings)
    if fix or not sure:
        return f"What a code means: yaml-attn check {explain}"
    if len(files) > _MOST_NAMED:
        words = ["...", *(word for word in words if word not in files)]
    # Behind `--` it would be a file.
    typed = shlex.join(["--fix", *words] if "--" in words else [*words, "--fix"])
    repaired = f"{sure} of {len(findings)} can be repaired: yaml-attn check {typed}"
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
