"""`yaml-attn replace`: another module in the place of layers, such as C3[SE] for C3."""

from __future__ import annotations

from typing import Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.writing import OutputOptions, finish


def replace(
    *,
    base: options.Base,
    at: options.At,
    module: Annotated[
        str,
        typer.Option(
            "--module",
            "-m",
            metavar="NAME",
            help="The new module; C3[SE] is a C3 with SE in each bottleneck, written C3SE.",
            rich_help_panel=options.WHAT,
        ),
    ],
    args: Annotated[
        str | None,
        typer.Option(
            "--args",
            metavar="LIST",
            help="The arguments of the new rows, channels first, e.g. '[1024, [5, 9]]'; those of "
            "the old rows are kept unless given.",
            rich_help_panel=options.ROW,
        ),
    ] = None,
    own: options.Own = None,
    dialect: options.Dialect = None,
    scale: options.Scale = None,
    repo: options.Repo = None,
    imgsz: options.ImageSize = 640,
    nc: options.Classes = None,
    real: options.Real = False,
    trust: options.Trust = False,
    no_build: options.NoBuild = False,
    output: options.Output = None,
    in_place: options.InPlace = False,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Replace layers by another module; what they read and who reads them stays.

    Examples:
        yaml-attn replace --base yolov5s.yaml --at backbone.C3 --module 'C3[SE]'
        yaml-attn replace --base yolov5s.yaml --at SPPF --module SPP
    """
    from yaml_attn.api import load  # noqa: PLC0415

    wanted = OutputOptions(
        imgsz, nc, real, trust, no_build, repo, output, in_place, force, dry_run, quiet, json
    )
    wanted.check()
    given = None if args is None else options.arguments(args)
    finish(
        load(base, dialect=dialect, scale=scale, own=own or ()).replace(at, module, given), wanted
    )
