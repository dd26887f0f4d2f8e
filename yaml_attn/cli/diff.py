"""`yaml-attn diff`: what an insertion would change, or what differs between two files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.cli.inserting import InOrder, requests
from yaml_attn.cli.render import (
    Format,
    change_table,
    console,
    default_format,
    print_table,
    unified_diff,
)
from yaml_attn.cli.writing import edit_lines
from yaml_attn.errors import UsageError
from yaml_attn.escaping import fenced

if TYPE_CHECKING:
    from yaml_attn.configs import Config
    from yaml_attn.results import Difference

_OF_INSERT = frozenset(
    "output in_place force dry_run quiet no_build real trust repo imgsz nc".split(),
)
"""Options of `insert` that do nothing here, taken so that its command line makes a preview."""


class Preview(InOrder):
    """A command whose help leaves out what is taken for the sake of `insert` alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for parameter in self.params:
            if parameter.name in _OF_INSERT:
                setattr(parameter, "hidden", True)  # noqa: B010 (an argument has none)


READS = Preview
"""The command class."""


def diff(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[OLD NEW]", help="Two files to compare, instead of an edit."),
    ] = None,
    *,
    base: options.OptionalBase = None,
    module: options.Modules = None,
    after: options.After = None,  # noqa: ARG001 (read with its order from the context)
    before: options.Before = None,  # noqa: ARG001
    edge: options.Edge = None,  # noqa: ARG001
    inputs: options.Inputs = None,  # noqa: ARG001
    consumers: options.Consumers = "all",
    args: options.Args = None,  # noqa: ARG001
    set_: options.Set = None,  # noqa: ARG001
    identity_init: options.IdentityInit = False,
    name: options.Name = None,
    channels: options.Channels = options.ChannelArgument.nominal,
    style: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="rich|text|markdown|json",
            help="How to print; rich on a terminal and text elsewhere unless given.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    json: options.Json = False,
    output: options.Output = None,
    own: options.Own = None,
    dialect: options.Dialect = None,
    scale: options.Scale = None,
    repo: options.Repo = None,  # noqa: ARG001
    imgsz: options.ImageSize = 640,  # noqa: ARG001
    nc: options.Classes = None,  # noqa: ARG001
    real: options.Real = False,  # noqa: ARG001
    trust: options.Trust = False,  # noqa: ARG001
    no_build: options.NoBuild = False,  # noqa: ARG001
    in_place: options.InPlace = False,
    force: options.Force = False,  # noqa: ARG001
    dry_run: options.DryRun = False,  # noqa: ARG001
    quiet: options.Quiet = False,  # noqa: ARG001
) -> None:
    """Preview an insertion: old index -> new index, every `from` that changes, the text diff.

    Takes every option of `insert`, so that one word makes a preview of its command line; those that
    build and write do nothing here. With two files, their layers are aligned and compared.

    Examples:
        yaml-attn diff --base yolov5s.yaml --module SE --after 8
        yaml-attn diff yolov5s.yaml yolov5s_SE.yaml
    """
    from yaml_attn.api import compare_files, load  # noqa: PLC0415
    from yaml_attn.cli import records  # noqa: PLC0415

    style = Format.json if json else style or default_format()
    edited = None
    if files:
        if base or module:
            raise UsageError("give two files, or --base and --module: not both")
        if len(files) == 1:
            raise UsageError(
                "give the second file too",
                hint=f"yaml-attn diff {files[0]} OTHER.yaml\nTo preview an insertion: "
                f"yaml-attn diff --base {files[0]} --module SE --after 8",
            )
        if len(files) > 2:
            raise UsageError(f"two files are compared, not {len(files)}")
        difference = compare_files(*files)
    elif base and module:
        asked = requests(
            ctx, consumers=consumers, name=name, channels=channels, identity_init=identity_init
        )
        edited = load(base, dialect=dialect, scale=scale, own=own or ()).edit(*asked)
        target = "" if in_place else Path(output).name if output else edited.default_name
        difference = edited.diff(target)
    else:
        raise UsageError(
            "nothing to compare",
            hint="Give two files, or an insertion: --base yolov5s.yaml --module SE --after 8",
        )
    if style is Format.json:
        content: dict[str, Any] = records.difference(difference)
        options.print_json(content | (records.edit(edited) if edited else {}))
    else:
        _print(difference, edited, style)


def _print(difference: Difference, edited: Config | None, style: Format) -> None:
    # What is read first comes last: a terminal shows the end.
    out = console(style)
    if style is Format.markdown:
        out.print(unified_diff(fenced(difference.text, "diff"), style))
    elif difference.text:
        out.print(unified_diff(difference.text, style), soft_wrap=True)
    print_table(out, change_table(difference.changes), style)
    told = edit_lines(edited) if edited else []
    if told and style is not Format.rich:  # in markdown they would be rows of the table
        out.print()
    for line in told:
        out.print(line)
