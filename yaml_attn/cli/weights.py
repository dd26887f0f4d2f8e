"""`yaml-attn weights`: pretrained weights of a base, moved to where its layers went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.cli.render import Table, console, default_format, print_table
from yaml_attn.errors import OutputError, UnknownModuleError
from yaml_attn.files import EXISTS_HINT

if TYPE_CHECKING:
    from yaml_attn.configs import Config
    from yaml_attn.weights import Carried, Checkpoint, Kind, LayerSummary, Moved

WEIGHTS = "Weights"

_MOST_LISTED = 20

_SAME = 1e-5

_TRAIN = "python train.py --cfg {config} --weights {output}"
_USES = {
    "ultralytics": 'Use: YOLO("{config}").load("{output}")',
    "train.py": f"Use: {_TRAIN}",
}
_USES_OF_OURS = {
    "ultralytics": "Use: yaml-attn yolo train model={config} pretrained={output} data=...",
    "train.py": "Use, in a checkout that knows {ours} (yaml-attn apply --repo FOLDER --config "
    f"{{config}}): {_TRAIN}",
}
"""The same where no framework knows the config's mechanisms by itself."""


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
    base: options.Base,
    config: Annotated[
        Path,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="The config that they are wanted for.",
            rich_help_panel=options.WHAT,
        ),
    ],
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
            help="File to write, .pt, .pth or .safetensors; the config's name with .pt unless "
            "given.",
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
    from yaml_attn.api import load  # noqa: PLC0415
    from yaml_attn.dialects import find  # noqa: PLC0415
    from yaml_attn.weights import Described, carry, kind_of, read_checkpoint, save  # noqa: PLC0415

    target = output or Path(f"{config.stem}.pt")
    kind = kind_of(target, plain=state_dict)
    _refuse(target, weights, force=force)
    before, after = load(base), load(config)
    checkpoint = read_checkpoint(weights)
    bundled = before.builder() == after.builder() == "bundled"
    carried = carry(
        checkpoint,
        Described(before.network, before.document.settings),
        Described(after.network, after.document.settings),
        dialect=find(after.dialect) if bundled else None,
        nc=nc,
        seed=seed,
    )
    if not dry_run:
        plain = {**after.document.settings, **after.network.rows()}
        save(target, carried.state, kind, config=plain, replace=force)
    if json:
        options.print_json(_record(checkpoint, carried, after, target, written=not dry_run))
    elif not quiet:
        _print(checkpoint, carried, before, after, target, kind, all_, written=not dry_run)


def _refuse(target: Path, weights: Path, *, force: bool) -> None:
    """Refuse an output that exists, before any work is done."""
    if not target.exists():
        return
    if weights.exists() and target.samefile(weights):
        raise OutputError("is the file that the weights come from", path=target)
    if not force:
        raise OutputError("exists already", path=target, hint=EXISTS_HINT)


def _print(
    checkpoint: Checkpoint,
    carried: Carried,
    base: Config,
    config: Config,
    target: Path,
    kind: Kind,
    everything: bool,
    *,
    written: bool,
) -> None:
    style = default_format()
    out = console(style)
    left = f"; left out: {', '.join(checkpoint.left_out)}" if checkpoint.left_out else ""
    out.print(
        f"{checkpoint.path}: {len(checkpoint.state)} tensors of {checkpoint.found}, "
        f"{', '.join(checkpoint.dtypes)}{left}."
    )
    table = _table(carried, base, config, everything=everything)
    if table.rows:
        print_table(out, table, style)
    for line in [*_tensors(carried), *_totals(checkpoint, carried)]:
        out.print(line)
    out.print(f"{'Wrote' if written else 'Would write'} {target}, a {kind}.")
    for line in _use(config, target, kind):
        out.print(line)


def _table(carried: Carried, base: Config, config: Config, *, everything: bool) -> Table:
    numbers = ["transferred", "new tensors", "dropped", "other shape"]
    table = Table(["old", "new", "module", *numbers], right=["old", "new", *numbers])
    for layer in carried.transfer.layers:
        if everything or layer.added or layer.dropped or layer.mismatched:
            old, new, *counts = layer
            colour = "green" if old is None else "yellow"
            indexes = ("" if at is None else str(at) for at in (old, new))
            table.add(*indexes, _module(layer, base, config), *map(str, counts), colour=colour)
    return table


def _module(layer: LayerSummary, base: Config, config: Config) -> str:
    """The module as it is now, or as it was where the layer is gone."""
    if layer.new is not None:
        return config.network.layers[layer.new].module
    return base.network.layers[layer.old].module if layer.old is not None else ""


def _tensors(carried: Carried) -> list[str]:
    """The tensors of the checkpoint that are not in the new network, one a line."""
    lines = [
        f"{each.source} {_shape(each.before)}: "
        + (f"{each.target} is {_shape(each.after)}" if each.target else "dropped")
        for each in carried.transfer.moved
        if each.outcome in {"dropped", "shape mismatch"}
    ]
    more = len(lines) - _MOST_LISTED
    return [*lines[:_MOST_LISTED], *([f"... and {more} more: --json lists them"] * (more > 0))]


def _totals(checkpoint: Checkpoint, carried: Carried) -> Iterator[str]:
    found, tensors = carried.transfer, len(checkpoint.state)
    naive = found.naive
    numbers = sum(tensor.numel() for tensor in checkpoint.state.values())
    yield (
        f"Transferred {found.count('transferred')} of {tensors} tensors, {found.numbers:,} of "
        f"{numbers:,} numbers."
    )
    yield (
        f"By key and shape alone, as frameworks load: {naive.tensors} of {tensors} tensors, "
        f"{naive.wrong} of them into the wrong layer; {naive.right_numbers:,} numbers right."
    )
    if not found.known:
        yield (
            "The layers of this dialect are not bundled: tensors of new layers are not in the "
            "file, the framework initialises them; it compares shapes too."
        )
    elif carried.difference is not None:
        yield (
            "What the head reads differs from the base's by at most "
            f"{carried.difference:.2g}, at one random image."
        )
        if carried.difference > _SAME:
            yield "A layer inserted with --identity-init leaves it as it was."
    if carried.comparison.rewired:
        yield (
            f"{len(carried.comparison.rewired)} inputs read other layers than in the base: "
            "`yaml-attn diff BASE CONFIG` shows them."
        )


def _use(config: Config, target: Path, kind: Kind) -> list[str]:
    from yaml_attn.dialects import family  # noqa: PLC0415

    ours = _ours(config)
    uses = _USES_OF_OURS if ours else _USES
    use = uses.get(family(config.dialect), uses["train.py"])
    if kind == "checkpoint":
        return [
            use.format(config=config.path, output=target, ours=", ".join(ours)),
            "It holds weights for training, and no network: detect with what training leaves.",
        ]
    return ["Use: model.load_state_dict(state, strict=False), on the network of the config."]


def _ours(config: Config) -> list[str]:
    """The mechanisms, and blocks with one inside, that a framework must be told of."""
    from yaml_attn.dialects.composed import parse  # noqa: PLC0415
    from yaml_attn.modules.registry import MECHANISMS, find  # noqa: PLC0415

    def is_ours(name: str) -> bool:
        try:
            return name in MECHANISMS or parse(name, find) is not None
        except UnknownModuleError:  # a name that could mean two blocks is the framework's
            return False

    return list(filter(is_ours, dict.fromkeys(layer.module for layer in config.network.layers)))


def _shape(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape or ())) or "a number"


def _record(
    checkpoint: Checkpoint, carried: Carried, config: Config, target: Path, *, written: bool
) -> dict[str, Any]:
    found = carried.transfer
    return {
        "weights": str(checkpoint.path),
        "found": checkpoint.found,
        "left_out": [*checkpoint.left_out, *checkpoint.unnumbered],
        "dtypes": list(checkpoint.dtypes),
        "dialect": config.dialect,
        "shapes_known": found.known,
        "tensors": len(checkpoint.state),
        "transferred": found.count("transferred"),
        "new": found.count("new"),
        "dropped": found.count("dropped"),
        "shape_mismatch": found.count("shape mismatch"),
        "numbers_transferred": found.numbers,
        "naive": found.naive._asdict(),
        "difference": carried.difference,
        "rewired": len(carried.comparison.rewired),
        "layers": [layer._asdict() for layer in found.layers],
        "moved": [_tensor(each) for each in found.moved],
        "output": str(target),
        "written": written,
    }


def _tensor(each: Moved) -> dict[str, Any]:
    return {
        "source": each.source,
        "target": each.target,
        "outcome": each.outcome,
        "shape_before": each.before,
        "shape_after": each.after,
    }
