"""`yaml-attn weights`: pretrained weights of a base, moved to where its layers went."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.cli import weights_report as report
from yaml_attn.cli.render import console
from yaml_attn.errors import ConfigError, NoFileError, OutputError, UsageError
from yaml_attn.files import EXISTS_HINT, exists, is_folder, refuse_irreplaceable, standing

if TYPE_CHECKING:
    from yaml_attn.core.config import Config
    from yaml_attn.weights import Carried, Checkpoint

WEIGHTS = "Weights"


def weights(
    *,
    weights: Annotated[
        Path,
        typer.Option(
            "--weights",
            "-w",
            metavar="FILE",
            help="Weights of the base: .pt, .pth or .safetensors. Nothing in it is executed.",
            rich_help_panel=options.WHAT,
        ),
    ],
    base: Annotated[
        str,
        typer.Option(
            "--base",
            "-b",
            metavar="FILE",
            help="The config that they are of: a file, or a template's name.",
            rich_help_panel=options.WHAT,
        ),
    ],
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="The config that they are wanted for, an edit of the base.",
            rich_help_panel=options.WHAT,
        ),
    ],
    own: options.Own = None,
    dialect: options.Dialect = None,
    scale: options.Scale = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Write the config into the checkpoint though a framework would run some of it.",
            rich_help_panel=WEIGHTS,
        ),
    ] = False,
    nc: Annotated[
        int | None,
        typer.Option(
            "--nc",
            min=1,
            metavar="CLASSES",
            help="Number of classes to train with, instead of the config's: the head's tensors "
            "that no longer fit are reported and left to the framework.",
            rich_help_panel=WEIGHTS,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="NUMBER",
            help="Of new layers' initial values.",
            rich_help_panel=WEIGHTS,
        ),
    ] = 0,
    state_dict: Annotated[
        bool,
        typer.Option(
            "--state-dict",
            help="Write the tensors alone, for `load_state_dict`, and no checkpoint.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="List the layers that moved whole too.", rich_help_panel=options.OUTPUT
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File or folder to write, .pt, .pth or .safetensors; the config's name with .pt "
            "unless given.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = None,
    force: options.Force = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
) -> None:
    """Keep the pretrained weights: move every tensor to where an edit moved its layer.

    A framework loads by layer number, and loses or misplaces all that stands behind a new layer.
    The checkpoint is read without its framework, and without executing anything in it.

    Example:
        yaml-attn weights -w yolov5s.pt -b yolov5s.yaml -c yolov5s_SE.yaml
    """
    from yaml_attn.dialects import find  # noqa: PLC0415
    from yaml_attn.weights import Described, carry, kind_of, read_checkpoint, save  # noqa: PLC0415

    name = f"{config.stem}.pt"
    target = output or Path(name)
    target = target / name if is_folder(target) else target
    kind = kind_of(target, plain=state_dict)
    before, after = _both(base, config, dialect, scale, own or ())
    if not exists(weights):
        raise NoFileError("no such file", path=weights)
    over = _replaced(target, weights, force=force)
    checkpoint = read_checkpoint(weights)
    carried = carry(
        checkpoint,
        Described(before.network, before.document.settings, before.mechanism, before.scale),
        Described(after.network, after.document.settings, after.mechanism, after.scale),
        dialect=find(after.dialect),
        nc=nc,
        seed=seed,
    )
    carried = _with_levels(checkpoint, carried, before, after, seed)
    plain, task = _embedded(after, nc)
    if not trust:
        _refuse_code(after, plain)
    if not dry_run:
        save(target, carried.state, kind, config=plain, task=task, over=over)
    if json:
        options.print_json(report.record(checkpoint, carried, after, target, written=not dry_run))
    elif not quiet:
        report.print_report(
            checkpoint, carried, before, after, target, kind, all_, written=not dry_run
        )
    if not json:
        for warning in (after.scale_warning(report.called(after)), report.warning(carried, after)):
            if warning:
                console(file=sys.stderr).print(f"warning: {warning}")


def _both(
    base: str, config: Path, dialect: str | None, scale: str | None, own: Collection[str]
) -> tuple[Config, Config]:
    """The base and the config, both at one scale and of one framework."""
    from yaml_attn.api import load  # noqa: PLC0415
    from yaml_attn.dialects import family, filenames  # noqa: PLC0415

    before = load(base, dialect=dialect, scale=scale, own=own)
    after = load(config, dialect=dialect, scale=scale, own=own)
    if family(before.dialect) != family(after.dialect):
        raise UsageError(
            f"the base is read as {before.dialect}, and {after.label} as {after.dialect}: networks "
            "of two frameworks have no weights in common",
            hint="If both are of one framework, say which: --dialect NAME.",
        )
    if before.scale in after.scales and not filenames.scale_of(after.name):
        after = dataclasses.replace(after, asked_scale=before.scale)
    if before.scale and after.scale and before.scale != after.scale:
        raise UsageError(
            f"the base is read at scale {before.scale}, and {after.label} at scale {after.scale}",
            hint="Weights of one scale do not fit another: name both alike, or say --scale.",
        )
    return before, after


def _with_levels(
    checkpoint: Checkpoint, carried: Carried, base: Config, edited: Config, seed: int
) -> Carried:
    """With what the new layers change, where the installed framework is needed to see it."""
    from yaml_attn.dialects import family  # noqa: PLC0415
    from yaml_attn.frameworks.runtime.build import available  # noqa: PLC0415

    if carried.transfer.known or family(edited.dialect) != "ultralytics" or not available():
        return carried
    from yaml_attn.frameworks.runtime.carried import Source, levels_in_ultralytics  # noqa: PLC0415

    one, other = (
        Source(
            each.text,
            str(each.name or "config.yaml"),
            each.scale,
            {name: mechanism.load() for name, mechanism in each.own.items()},
        )
        for each in (base, edited)
    )
    levels = levels_in_ultralytics(checkpoint, carried, one, other, seed)
    return dataclasses.replace(carried, levels=levels)


def _embedded(config: Config, nc: int | None) -> tuple[dict[str, Any], str | None]:
    """The config as a checkpoint holds it, and the task where Ultralytics is to be told."""
    from yaml_attn.dialects import family, filenames  # noqa: PLC0415
    from yaml_attn.dialects.ultralytics import task_of  # noqa: PLC0415

    plain = {**config.document.settings, **({"nc": nc} if nc else {}), **config.network.rows()}
    if family(config.dialect) != "ultralytics":
        return plain, None
    # What its loader adds as it reads a file: nothing else tells the scale of `scales`.
    called = report.called(config)
    scale = config.scale or filenames.scale_of(called)
    task = task_of(config.network.layers[-1].module)
    return {**plain, "scale": scale, "yaml_file": str(called)}, task


def _refuse_code(config: Config, plain: dict[str, Any]) -> None:
    """Refuse a config of which the framework would run something, once it trains from here."""
    from yaml_attn.dialects.inert import refuse_code  # noqa: PLC0415

    try:
        refuse_code(plain)
    except ConfigError as error:
        raise config.located(error) from None


def _replaced(target: Path, weights: Path, *, force: bool) -> str | None:
    """The digest of what the output replaces; one that may not be is refused before any work."""
    there = standing(target)
    if there and target.samefile(weights):
        raise OutputError("is the file that the weights come from", path=target)
    if there and not force:
        raise OutputError("exists already", path=target, hint=EXISTS_HINT)
    refuse_irreplaceable(target)
    return there
