"""`yaml-attn insert`: splice an attention layer into a config."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.diff import edit_lines
from yaml_attn.cli.render import console, default_format, shape, unified_diff
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.api import Config, Verification

STDOUT = "-"


def insert(
    *,
    base: options.Base,
    module: options.Module,
    after: options.After = None,
    before: options.Before = None,
    consumers: options.Consumers = "all",
    args: options.Args = None,
    set_: options.Set = None,
    name: options.Name = None,
    channels: options.Channels = options.ChannelArgument.nominal,
    imgsz: options.ImageSize = 640,
    nc: options.Classes = None,
    real: options.Real = False,
    no_build: Annotated[
        bool,
        typer.Option(
            "--no-build",
            help="Do not build the result with torch; its wiring is proved all the same.",
            rich_help_panel=options.CHECK,
        ),
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File or folder to write, - for stdout; here <base>_<module>.yaml unless given.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option("--in-place", help="Change the base file.", rich_help_panel=options.OUTPUT),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force", "-f", help="Replace the output file.", rich_help_panel=options.OUTPUT
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Do everything but write.", rich_help_panel=options.OUTPUT),
    ] = False,
    json: options.Json = False,
) -> None:
    """Insert an attention layer and renumber every reference; write the new config.

    The result is proved (read again, it is the base with just this layer) and built before
    anything is written; every byte that need not change is as it was.

    **Example**: yaml-attn insert --base yolov5s.yaml --module SE --after 8
    """
    if in_place and output:
        raise UsageError("--in-place writes the base, --output another file: give one of them")
    if json and output == STDOUT:
        raise UsageError("--json and --output - both print on stdout: give one of them")
    edit = options.Edit(base, module, after, before, consumers, args, set_, name, channels)
    config = edit.apply()
    target = _target(config, output, in_place=in_place)
    if target:
        config.check_output(target, force=force, in_place=in_place)
    verified = None
    if not no_build and config.can_build:
        verified = config.verify(imgsz=imgsz, nc=nc, real=real)
    if dry_run:
        pass
    elif target:
        config.save(target, force=force, in_place=in_place)
    else:
        sys.stdout.buffer.write(config.data)
        sys.stdout.flush()
    if json:
        _print_json(config, verified, target, written=not dry_run)
    else:
        _print(config, verified, target, build_wanted=not no_build, dry_run=dry_run)


def _target(config: Config, output: str | None, *, in_place: bool) -> Path | None:
    """The file to write, None for stdout."""
    if in_place:
        if config.is_template:
            raise UsageError(
                f"{config.path} is a template of the package: it is never changed",
                hint="Leave out --in-place, or copy the template first.",
            )
        return config.path
    if output == STDOUT:
        return None
    name = options.output_name(config)
    path = Path(output or name)
    return path / name if path.is_dir() else path


def _print_json(
    config: Config, verified: Verification | None, target: Path | None, *, written: bool
) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415

    options.print_json(
        {
            **records.edit(config),
            **records.difference(config.difference(target.name if target else "")),
            "output": str(target),
            "written": written,
            "build": records.verification(verified) if verified else None,
        }
    )


def _print(
    config: Config,
    verified: Verification | None,
    target: Path | None,
    *,
    build_wanted: bool,
    dry_run: bool,
) -> None:
    # With the file itself on stdout, everything said about it goes to stderr.
    file = sys.stdout if target else sys.stderr
    style = default_format(file)
    out = console(style, file)
    name = target.name if target else "stdout"
    out.print(unified_diff(config.difference(name).text, style))
    for line in edit_lines(config):
        out.print(line)
    if verified:
        for line in _verified(verified):
            out.print(line)
    elif build_wanted:
        out.print(
            f"Not built: this is a {config.dialect} config, and only YOLOv5's layers are bundled. "
            "The wiring is proved, shapes and parameters are not."
        )
    else:
        out.print("Not built, as asked; the wiring is proved.")
    if target:
        out.print(f"{'Would write' if dry_run else 'Wrote'} {target}")


def _verified(found: Verification) -> list[str]:
    names = ", ".join(f"{layer.module} {layer.parameters:,}" for layer in found.added)
    strides = ", ".join(f"{stride:g}" for stride in found.edited.strides)
    total = f"{found.edited.parameters:,} parameters = {found.base.parameters:,} of the base"
    lines = [f"Built: {total} + {names}; strides {strides}."]
    for layer in found.added:
        cost = f", {layer.flops / 1e6:,.2f} MFLOPs" if layer.flops is not None else ""
        size = f"{shape(layer.shape)} at {found.edited.imgsz} pixels"
        lines.append(f"Layer {layer.index} ({layer.module}): {size}{cost}.")
    return lines
