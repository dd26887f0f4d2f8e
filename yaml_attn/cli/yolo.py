"""`yaml-attn yolo`: Ultralytics' own command, with the mechanisms known by name."""

from __future__ import annotations

import typer

from yaml_attn.cli import options


def yolo(context: typer.Context, *, own: options.Own = None, trust: options.Trust = False) -> None:
    """Run Ultralytics' `yolo` command; the mechanisms can be named in every YAML.

    All but --own and --trust is that command's own language; `help` explains it. The exit code is
    its own too.

    Examples:
        yaml-attn yolo train model=yolo11n_SE.yaml data=coco8.yaml epochs=100
        yaml-attn yolo --own ./my_attn.py:MyAttention predict model=best.pt
    """
    from yaml_attn.frameworks.ultralytics import run_yolo  # noqa: PLC0415

    run_yolo(context.args, own or (), trust=trust)
