"""`yaml-attn export`: mechanisms as one Python file that needs PyTorch alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.render import console
from yaml_attn.cli.writing import is_stdout
from yaml_attn.errors import UsageError
from yaml_attn.files import is_folder


def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Mechanisms; `yaml-attn modules` lists them; or classes of yours, FILE.py:CLASS.",
        ),
    ] = None,
    *,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="Every bundled mechanism, without names.", rich_help_panel=options.WHAT
        ),
    ] = False,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File or folder to write, - for stdout.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = Path("attention.py"),
    force: options.Force = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Write mechanisms to one file that needs PyTorch alone, for a code base of your own.

    A checkout of YOLOv5, YOLOv7, YOLOv9 or YOLOv3 gets it, and four lines more, by `apply`.

    Example:
        yaml-attn export SE CBAM -o attention.py
    """
    from yaml_attn.files import standing, write_atomically  # noqa: PLC0415
    from yaml_attn.frameworks.own_source import own_sections  # noqa: PLC0415
    from yaml_attn.frameworks.standalone import bundled, standalone  # noqa: PLC0415
    from yaml_attn.modules.own import is_own, load_own  # noqa: PLC0415
    from yaml_attn.modules.registry import MECHANISMS  # noqa: PLC0415

    if bool(names) == all_:
        raise UsageError(
            "name the mechanisms to write, or give --all",
            hint="E.g. yaml-attn export SE CBAM -o attention.py; `yaml-attn modules` lists them.",
        )
    if json and is_stdout(str(output)):
        raise UsageError("--json and --output - both print on stdout: give one of them")
    own = [load_own(name) for name in names or () if is_own(name)]
    mechanisms = bundled([name for name in names or MECHANISMS if not is_own(name)])
    text = standalone(mechanisms, own=own_sections(own))
    if is_stdout(str(output)):
        sys.stdout.buffer.write(text.encode())
        return
    target = output / "attention.py" if is_folder(output) else output
    write_atomically(target, text.encode(), over=standing(target) if force else None)
    count = text.count("\n")
    written = [*(each.name for each in mechanisms), *(each.name for each in own)]
    if json:
        options.print_json({"output": str(target), "mechanisms": written, "lines": count})
    elif not quiet:
        console().print(f"Wrote {target}: {', '.join(written)}; {count} lines.")
