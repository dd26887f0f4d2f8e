"""`yaml-attn build`: build a config with real layers, and say what fails where."""

from __future__ import annotations

from typing import Annotated

import typer

from yaml_attn.cli import options


def build(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A config, or a template's name.")],
    *,
    own: options.Own = None,
    dialect: options.Dialect = None,
    scale: options.Scale = None,
    repo: options.Repo = None,
    imgsz: options.ImageSize = 640,
    nc: options.Classes = None,
    real: options.Real = False,
    trust: options.Trust = False,
    json: options.Json = False,
) -> None:
    """Build the network and run it; exit with 1 and the failing layer if that cannot be done.

    FLOPs count two per multiply-add of convolutions and matrix products, nothing else.

    Example:
        yaml-attn build yolov5s_SE.yaml
    """
    from yaml_attn.api import load  # noqa: PLC0415
    from yaml_attn.cli import records  # noqa: PLC0415
    from yaml_attn.cli.render import console  # noqa: PLC0415
    from yaml_attn.cli.show import totals  # noqa: PLC0415

    config = load(file, dialect=dialect, scale=scale, own=own or ())
    report = config.build(imgsz=imgsz, nc=nc, real=real, repo=repo, trust=trust)
    if json:
        options.print_json(
            {
                "file": str(config.path),
                "dialect": config.dialect,
                "scale": config.scale,
                "builder": config.builder(repo),
                **records.build(report),
            }
        )
        return
    scale = f" at scale {config.scale}" if config.scale else ""
    out = console()
    out.print(f"{config.label} builds{scale}: {len(report.layers)} layers, {totals(report)}")
    if real:
        out.print(f"Forward and backward at {imgsz} pixels are finite.")
