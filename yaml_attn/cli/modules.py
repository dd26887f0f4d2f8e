"""`yaml-attn modules`: the bundled attention mechanisms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options

if TYPE_CHECKING:
    from yaml_attn.modules.registry import Mechanism

WIDTHS = (256, 512, 1024)


def modules(
    name: Annotated[str | None, typer.Argument(help="Show this one: its name or an alias.")] = None,
    *,
    json: options.Json = False,
) -> None:
    """List the bundled attention mechanisms, or show one of them.

    **Examples**: yaml-attn modules

    yaml-attn modules CBAM
    """
    from yaml_attn.cli import records  # noqa: PLC0415
    from yaml_attn.modules.registry import MECHANISMS, find  # noqa: PLC0415

    chosen = [find(name)] if name else list(MECHANISMS.values())
    if json:
        found = [records.mechanism(each) for each in chosen]
        options.print_json(found[0] if name else found)
    elif name:
        _print_one(chosen[0])
    else:
        _print_all(chosen)


def _print_all(mechanisms: list[Mechanism]) -> None:
    from yaml_attn.cli.render import Table, console, default_format, print_table  # noqa: PLC0415

    style = default_format()
    widths = [f"+{width}" for width in WIDTHS]
    found = Table(["name", "family", "year", *widths, "paper", "aliases"], right=widths)
    for each in mechanisms:
        found.add(
            each.name,
            each.family,
            str(each.year),
            *(f"{count:,}" for count in each.parameters_added),
            each.title,
            ", ".join(each.aliases),
        )
    out = console(style)
    print_table(out, found, style)
    out.print("Parameters are those that the layer adds at 256, 512 and 1024 channels.")


def _print_one(each: Mechanism) -> None:
    added = ", ".join(
        f"{count:,} at {width}" for count, width in zip(each.parameters_added, WIDTHS, strict=True)
    )
    arxiv = f"arXiv {each.arxiv}" if each.arxiv else "no arXiv id"
    typer.echo(
        f"{each.signature}\n\n{each.summary}\n\n"
        f"Family:      {each.family}\n"
        f"Paper:       {each.title}, {each.venue} {each.year}, {arxiv}\n"
        f"Parameters:  {added} channels\n"
        f"Aliases:     {', '.join(each.aliases) or 'none'}\n"
        f"Example:     yaml-attn insert --base yolov5s.yaml --module {each.name} --after 8"
    )
