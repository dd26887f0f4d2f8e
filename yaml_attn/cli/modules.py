"""`yaml-attn modules`: the attention mechanisms that there are, and what a class of yours does."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import fill
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yaml_attn.modules.own import OwnMechanism
    from yaml_attn.modules.registry import Mechanism, NativeMechanism

WIDTHS = (256, 512, 1024)
TUTORIAL = "tutorial"
OWN = "A class of yours"

_LABEL = 13  # columns of `Family:      `
_WIDTH = 79  # columns of long texts, on a wide terminal and where there is none


def modules(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Show this one: its name or an alias; or a class of yours, FILE.py:CLASS or "
            "PACKAGE.MODULE:CLASS, which is then loaded and tried out.",
        ),
    ] = None,
    *,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar=TUTORIAL,
            help="What became of each of the 38 entries of the attention tutorial of 37 numbered "
            "headings that most such modules are copied from.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="One of its own parameters, to try it out with; repeatable.",
            rich_help_panel=OWN,
        ),
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="Try to compile it and export it, too.", rich_help_panel=OWN
        ),
    ] = False,
    json: options.Json = False,
) -> None:
    """List the bundled attention mechanisms and those of installed packages, or show one of them.

    Examples:
        yaml-attn modules
        yaml-attn modules CBAM
        yaml-attn modules --source tutorial
    """
    if source is not None:
        _print_source(source, name, json=json)
        return
    from yaml_attn.cli import records  # noqa: PLC0415
    from yaml_attn.modules.own import (  # noqa: PLC0415
        OwnMechanism,
        entry_point_mechanisms,
        is_own,
        load_own,
    )
    from yaml_attn.modules.registry import MECHANISMS, find, refused  # noqa: PLC0415

    no_layer = refused(name) if name else None
    if no_layer:
        if json:
            options.print_json(records.refused(no_layer))
        else:
            _say(_paragraph(no_layer.reason))
        return
    chosen = None
    if name:
        chosen = load_own(name) if is_own(name) else find(name)
    if isinstance(chosen, OwnMechanism):
        _try_out(chosen, set_ or [], thorough=thorough, json=json)
        return
    if set_ or thorough:
        raise UsageError("--set and --thorough are for trying out a class of yours")
    if chosen:
        _print_one(chosen, json=json)
    elif json:
        bundled = [records.mechanism(each) for each in MECHANISMS.values()]
        options.print_json([*bundled, *map(_origin, entry_point_mechanisms())])
    else:
        _print_all(list(MECHANISMS.values()), entry_point_mechanisms())


def _print_all(mechanisms: Sequence[Mechanism], offered: Sequence[OwnMechanism]) -> None:
    from yaml_attn.cli.render import Table, console, default_format, print_table  # noqa: PLC0415
    from yaml_attn.modules.registry import known  # noqa: PLC0415

    style = default_format()
    widths = [f"+{width}" for width in WIDTHS]
    found = Table(
        ["name", "family", "year", *widths, "paper", "aliases"],
        right=widths,
        wraps=["family", "paper", "aliases"],
        spare=["aliases", "paper", "year", "family"],
    )
    for each in mechanisms:
        found.add(
            each.name,
            each.family,
            str(each.year),
            *(f"{count:,}" for count in each.parameters_added),
            each.title,
            ", ".join(each.aliases),
        )
    for own in offered:
        hidden = "; hidden by the bundled one of this name" if known(own.name) else ""
        found.add(own.name, *[""] * 5, f"{own.source} of package {own.package}{hidden}", "")
    out = console(style)
    print_table(out, found, style)
    out.print(
        "Numbers are the parameters that the layer adds at 256, 512 and 1024 channels; "
        "`yaml-attn modules NAME` tells more."
    )


def _print_source(source: str, name: str | None, *, json: bool) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415
    from yaml_attn.cli.render import (  # noqa: PLC0415
        Table,
        console,
        default_format,
        print_table,
    )
    from yaml_attn.modules.catalog.tutorial import answers  # noqa: PLC0415

    if source != TUTORIAL:
        raise UsageError(f"there is no source {source}", hint=f"There is {TUTORIAL}.")
    if name is not None:
        raise UsageError("--source lists every entry: leave out the name")
    found = answers()
    if json:
        options.print_json([records.answer(each) for each in found])
        return
    style = default_format()
    headers = ["item", "tutorial", "state", "name", "place", "paper"]
    wraps = ["tutorial", "state", "place", "paper"]
    table = Table(headers, right=["item"], wraps=wraps, spare=["paper", "place"])
    for each in found:
        number = str(each.item.number)
        table.add(number, each.item.written, each.state, each.name, each.place, each.paper)
    print_table(console(style), table, style)


def _print_one(each: Mechanism | NativeMechanism, *, json: bool) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415
    from yaml_attn.modules.registry import NativeMechanism  # noqa: PLC0415

    if isinstance(each, NativeMechanism):
        record, text = records.native(each), _native(each)
    else:
        record, text = records.mechanism(each), _bundled(each)
    if json:
        options.print_json(record)
    else:
        _say(text)


def _say(text: str) -> None:
    """Print text; on a terminal its lines are wrapped, those with a label under their text."""
    from rich.text import Text  # noqa: PLC0415

    from yaml_attn.cli.render import console, hanging  # noqa: PLC0415

    out = console()
    for line in text.split("\n"):
        labelled = line[_LABEL - 1 : _LABEL] == " " and (line[:1] == " " or ": " in line[:_LABEL])
        hanging(out, Text(line), _LABEL if labelled else 0)


def _folded(label: str, text: str, more: int = 0) -> str:
    """A label and its text, whose second line and those behind it are indented further."""
    return _paragraph(f"{label:{_LABEL}}{text}", _LABEL + more)


def _paragraph(text: str, indent: int = 0) -> str:
    """Text in lines of one width, whatever its source's were."""
    from yaml_attn.cli.render import console  # noqa: PLC0415

    width = min(console().width, _WIDTH)
    return fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def _bundled(each: Mechanism) -> str:
    added = ", ".join(
        f"{count:,} at {width}" for count, width in zip(each.parameters_added, WIDTHS, strict=True)
    )
    arxiv = f"arXiv {each.arxiv}" if each.arxiv else "no arXiv id"
    adapted = f"{_folded('Adapted:', each.adapted)}\n" if each.adapted else ""
    where = "--inputs 6,4" if each.inputs > 1 else "--after 8"
    return (
        f"{each.signature}\n\n{_paragraph(each.summary)}\n\n"
        f"Family:      {each.family}\n"
        f"Paper:       {each.title}, {each.venue} {each.year}, {arxiv}\n"
        f"{adapted}"
        f"{_arguments(each)}"
        f"Parameters:  {added} channels\n"
        f"Aliases:     {', '.join(each.aliases) or 'none'}\n"
        f"Example:     yaml-attn insert --base yolov5s.yaml --module {each.name} {where}"
    )


def _arguments(each: Mechanism) -> str:
    """What may be set, each with its meaning, under one another."""
    told = [f"{one.name}: {each.meanings[one.name]}" for one in each.parameters]
    labels = ["Arguments:", *[""] * len(told)]
    return "".join(f"{_folded(*line, more=2)}\n" for line in zip(labels, told, strict=False))


def _native(each: NativeMechanism) -> str:
    bundled = _paragraph(
        "Not bundled: stock Ultralytics (8.3.100 and newer) has it, so that the config trains "
        "wherever Ultralytics is installed, without yaml-attn."
    )
    return (
        f"{each.signature}\n\n{bundled}\n\n"
        f"Paper:       {each.title}, {each.venue} {each.year}, arXiv {each.arxiv}\n"
        f"Example:     yaml-attn insert --base yolov8s.yaml --module {each.name} \\\n"
        f"             --set squeeze_channels=32 --after SPPF"
    )


def _try_out(mechanism: OwnMechanism, given: list[str], *, thorough: bool, json: bool) -> None:
    """Show a user's class and the promises that it keeps; exit code 1 if it is of no use."""
    from yaml_attn.cli.contract_table import contract_summary, contract_table  # noqa: PLC0415
    from yaml_attn.cli.render import console, default_format, print_table  # noqa: PLC0415
    from yaml_attn.modules.arguments import row_arguments  # noqa: PLC0415
    from yaml_attn.modules.contract import check  # noqa: PLC0415

    args = row_arguments(mechanism, (), dict(map(options.assignment, given)))
    cls = mechanism.load()
    checks = check(lambda channels: cls(channels, *args), thorough=thorough)
    if json:
        said = {"signature": mechanism.signature, "summary": mechanism.summary}
        options.print_json(
            {**_origin(mechanism), **said, "checks": [asdict(each) for each in checks]}
        )
    else:
        style = default_format()
        out = console(style)
        for paragraph in filter(None, (mechanism.signature, mechanism.summary)):
            out.print(paragraph, end="\n\n")
        print_table(out, contract_table(checks), style)
        out.print(*contract_summary(mechanism.name, checks).split("\n"), sep="\n")
    if any(each.required and not each.passed for each in checks):
        raise typer.Exit(1)


def _origin(mechanism: OwnMechanism) -> dict[str, Any]:
    return {"name": mechanism.name, "source": mechanism.source, "package": mechanism.package}
