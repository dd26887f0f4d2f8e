"""`yaml-attn insert`: splice attention layers into a config."""

from __future__ import annotations

import typer

from yaml_attn.cli import options
from yaml_attn.cli.inserting import InOrder, requests
from yaml_attn.cli.writing import OutputOptions, finish
from yaml_attn.errors import UsageError

READS = InOrder
"""The command class: options belong to the --module before them."""


def insert(
    ctx: typer.Context,
    *,
    base: options.Base,
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
    """Insert attention layers and renumber every reference; write the new config.

    The result is proved (read again, it is the base with just these layers) and built before
    anything is written; every byte that need not change is as it was.

    Examples:
        yaml-attn insert --base yolov5s.yaml --module SE --after 8
        yaml-attn insert --base yolov5s.yaml --module CBAM --after P3,P4,P5
    """
    from yaml_attn.api import load  # noqa: PLC0415

    wanted = OutputOptions(
        imgsz, nc, real, trust, no_build, repo, output, in_place, force, dry_run, quiet, json
    )
    wanted.check()
    if not module:
        raise UsageError("say what to insert: --module SE", hint="`yaml-attn modules` lists them.")
    asked = requests(
        ctx, consumers=consumers, name=name, channels=channels, identity_init=identity_init
    )
    finish(load(base, dialect=dialect, scale=scale, own=own or ()).edit(*asked), wanted)
