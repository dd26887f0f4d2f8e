"""`yaml-attn show`: the layers of a config as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.cli.render import (
    Table,
    console,
    default_format,
    flow,
    head_strides,
    mflops,
    print_table,
    reads,
    shape,
)

if TYPE_CHECKING:
    from yaml_attn.building.report import BuildReport, LayerReport
    from yaml_attn.core.config import Config


def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A config, or a template's name.")],
    *,
    build: Annotated[
        bool,
        typer.Option(
            "--build",
            help="Build it: output shape, stride, parameters and FLOPs of each layer.",
            rich_help_panel=options.CHECK,
        ),
    ] = False,
    own: options.Own = None,
    dialect: options.Dialect = None,
    scale: options.Scale = None,
    repo: options.Repo = None,
    imgsz: options.OptionalImageSize = None,
    nc: options.Classes = None,
    trust: options.Trust = False,
    json: options.Json = False,
) -> None:
    """Show the layers: index, from, what it reads, number after depth scaling, module, args.

    --repo, --imgsz and --nc speak of the build, and ask for it.

    Example:
        yaml-attn show yolov5s.yaml --build
    """
    from yaml_attn.api import load  # noqa: PLC0415

    config = load(file, dialect=dialect, scale=scale, own=own or ())
    asked = build or repo is not None or nc is not None or imgsz is not None
    report = None
    if asked:
        report = config.build(imgsz=imgsz or 640, nc=nc, repo=repo, trust=trust)
    if json:
        _print_json(config, report)
    else:
        _print(config, report)


def _print_json(config: Config, report: BuildReport | None) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415

    layers = [
        {**records.change(change), "number_scaled": number}
        for change, number in zip(config.changes, config.numbers, strict=True)
    ]
    options.print_json(
        {
            "file": str(config.path),
            "dialect": config.dialect,
            "scale": config.scale,
            "layers": layers,
            "build": records.build(report) if report else None,
        }
    )


def _print(config: Config, report: BuildReport | None) -> None:
    style = default_format()
    headers = ["", "from", "reads", "n", "module", "args"]
    numbers = ["", "n"]
    if report:
        headers += ["output", "stride", "parameters", "MFLOPs"]
        numbers += ["stride", "parameters", "MFLOPs"]
    found = Table(
        headers,
        right=numbers,
        wraps=["from", "output"] if report else ["from", "args"],
        whole=["reads"],
        short=["args"] if report else [],
        spare=["reads", "stride", "args", "n"] if report else ["reads"],
    )
    for index, change in enumerate(config.changes):
        cells = [
            str(index),
            flow(change.from_after),
            reads(change.after),
            str(config.numbers[index]),
            change.module,
            flow(change.args),
        ]
        found.add(*cells, *(_built(report.layers[index]) if report else ()))
    out = console(style)
    print_table(out, found, style)
    scale = f", scale {config.scale} of {', '.join(config.scales)}" if config.scale else ""
    out.print(f"{len(config.changes)} layers, {config.dialect}{scale}.")
    if report:
        out.print(totals(report))


def _built(layer: LayerReport) -> list[str]:
    stride = "" if layer.stride is None else f"{layer.stride:g}"
    return [shape(layer.shape), stride, f"{layer.parameters:,}", mflops(layer.flops)]


def totals(report: BuildReport) -> str:
    """Parameters, FLOPs and strides in one sentence."""
    strides = head_strides(report.strides)
    flops = ""
    if report.gflops is not None:
        flops = f", {report.gflops:{'.1f' if report.gflops >= 1 else '.3g'}} GFLOPs"
    return f"{report.parameters:,} parameters{flops} at {report.imgsz} pixels; strides {strides}."
