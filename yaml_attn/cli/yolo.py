"""`yaml-attn yolo`: Ultralytics' own command, with the mechanisms known by name."""

from __future__ import annotations

import typer


def yolo(context: typer.Context) -> None:
    """Run Ultralytics' `yolo` command; the mechanisms can be named in every YAML.

    What follows is that command's own language; `help` explains it. The exit code is its own too.

    Example:
        yaml-attn yolo train model=yolo11n_SE.yaml data=coco8.yaml epochs=100
    """
    from yaml_attn.frameworks.ultralytics import run_yolo  # noqa: PLC0415

    run_yolo(context.args)
