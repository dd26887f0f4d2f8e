"""`yaml-attn remove`: take layers out again."""

from __future__ import annotations

from yaml_attn.cli import options
from yaml_attn.cli.writing import OutputOptions, finish


def remove(
    *,
    base: options.Base,
    at: options.At,
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
    """Remove layers: their readers read what they read, and every reference is renumbered.

    Refused where that has no meaning: a Concat, a layer that changes channels or stride.

    Example:
        yaml-attn remove --base yolov5s_SE.yaml --at SE -o without.yaml
    """
    from yaml_attn.api import load  # noqa: PLC0415

    wanted = OutputOptions(
        imgsz, nc, real, trust, no_build, repo, output, in_place, force, dry_run, quiet, json
    )
    wanted.check()
    finish(load(base, dialect=dialect, scale=scale, own=own or ()).remove(at), wanted)
