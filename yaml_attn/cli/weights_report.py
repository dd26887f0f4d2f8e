"""What `yaml-attn weights` says: what became of each tensor, and how to train with them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml_attn.cli.render import Table, console, default_format, print_table
from yaml_attn.errors import UnknownModuleError
from yaml_attn.files import real_path

if TYPE_CHECKING:
    from yaml_attn.core.config import Config
    from yaml_attn.weights import Carried, Checkpoint, Kind, LayerSummary, Moved

_MOST_LISTED = 20

_SAME = 1e-5
"""What rounding makes of equal maps."""

_USES = {
    "ultralytics": 'Use: YOLO("{config}").load("{output}")',
    "train.py": "Use: python train.py --cfg {config} --weights {output}",
}
_USES_OF_OURS = {
    "ultralytics": "Use: yaml-attn yolo{own} train model={config} pretrained={output} data=...",
    "train.py": "Use: yaml-attn apply --repo FOLDER --config {config}{own}, then in that checkout "
    "the command that it prints, {start}",
}
"""The same where no framework knows the config's mechanisms by itself."""


def called(config: Config) -> Path:
    """The name that the framework is to load the config by; Ultralytics reads the scale from it."""
    from yaml_attn.dialects import filenames  # noqa: PLC0415

    path = Path(config.label)
    if config.scale is None:
        return path
    named = path.with_name(filenames.with_scale(path.stem, config.scale) + path.suffix)
    return named if filenames.without_scale(named) == path else path


def print_report(
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
    """Say what became of the tensors, layer by layer, and how to train with them."""
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
    if config.scale is not None:
        out.print(f"Both configs are read at scale {config.scale}.")
    out.print(f"{'Wrote' if written else 'Would write'} {target}, a {kind}.")
    for line in _use(config, target, kind):
        out.print(line)


def _table(carried: Carried, base: Config, config: Config, *, everything: bool) -> Table:
    numbers = ["transferred", "new tensors", "dropped", "other shape"]
    unsure = carried.transfer.count("unverified") > 0
    numbers += ["unverified"] * unsure
    table = Table(["old", "new", "module", *numbers], right=["old", "new", *numbers])
    for layer in carried.transfer.layers:
        old, new, whole, *counts = layer
        if everything or any(counts):
            colour = "green" if old is None else "yellow"
            indexes = ("" if at is None else str(at) for at in (old, new))
            shown = map(str, (whole, *counts[: len(numbers) - 1]))
            table.add(*indexes, _module(layer, base, config), *shown, colour=colour)
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
    unsure = found.count("unverified")
    if unsure:
        yield (
            f"{unsure} more go to a layer that is constructed otherwise than in the base: they are "
            "in the file, and the framework takes those that fit."
        )
    if not found.known:
        yield (
            "The layers of this dialect are not bundled: tensors of new layers are not in the "
            "file, the framework initialises them; it compares shapes too."
        )
    if carried.levels:
        shown = ", ".join(f"{level.name} {_percent(level.difference)}" for level in carried.levels)
        yield (
            f"What the head reads differs from the base's by at most, of its own size: {shown} "
            "(at random images, with their statistics)."
        )
    if carried.comparison.rewired:
        yield (
            f"{len(carried.comparison.rewired)} inputs read other layers than in the base: "
            "`yaml-attn diff BASE CONFIG` shows them."
        )


def _percent(difference: float) -> str:
    return "0" if difference < _SAME else f"{100 * difference:.2g} %"


def warning(carried: Carried, config: Config) -> str | None:
    """Which new layers disturb the pretrained network, and what to type; None if none does."""
    from yaml_attn.mechanisms.identity import identity_warning, not_identity  # noqa: PLC0415

    replaced = carried.comparison.replaced.values()
    new = {*carried.comparison.inserted, *replaced}
    return identity_warning(not_identity(config.network, new, config.mechanism))


def _use(config: Config, target: Path, kind: Kind) -> list[str]:
    from yaml_attn.dialects import family  # noqa: PLC0415

    uses = _USES_OF_OURS if _has_ours(config) else _USES
    framework = family(config.dialect)
    use = uses.get(framework, uses["train.py"])
    own = "".join(f" --own {shlex.quote(each.source)}" for each in config.own.values())
    if kind == "checkpoint":
        start = _start(Path(config.label), target)
        lines = [use.format(config=called(config), output=target, own=own, start=start)]
        if framework != "ultralytics":
            lines.append(
                "train.py counts fewer tensors: it leaves out the head's anchors, and with another "
                "number of classes what that changes."
            )
        lines.append(
            "It holds weights for training, and no network: detect with what training leaves."
        )
        return lines
    return ["Use: model.load_state_dict(state, strict=False), on the network of the config."]


def _start(config: Path, target: Path) -> str:
    """How the command of `yaml-attn apply` comes to start from these weights."""
    from yaml_attn.frameworks.checkout.train_command import weights_places  # noqa: PLC0415

    if real_path(target) in {real_path(each) for each in weights_places(config)}:
        return f"which starts from {target}."
    return f"with --weights {shlex.quote(str(real_path(target)))}."


def _has_ours(config: Config) -> bool:
    """Whether a framework must be told of mechanisms, or of blocks with one inside."""
    from yaml_attn.dialects.block_attention import parse  # noqa: PLC0415
    from yaml_attn.mechanisms.registry import MECHANISMS, find  # noqa: PLC0415

    def is_ours(name: str) -> bool:
        try:
            return name in {*MECHANISMS, *config.own} or parse(name, find) is not None
        except UnknownModuleError:  # a name that could mean two blocks is the framework's
            return False

    return any(is_ours(layer.module) for layer in config.network.layers)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "x".join(map(str, shape or ())) or "a number"


def record(
    checkpoint: Checkpoint, carried: Carried, config: Config, target: Path, *, written: bool
) -> dict[str, Any]:
    """The same as data."""
    found = carried.transfer
    return {
        "weights": str(checkpoint.path),
        "found": checkpoint.found,
        "left_out": [*checkpoint.left_out, *checkpoint.unnumbered],
        "dtypes": list(checkpoint.dtypes),
        "dialect": config.dialect,
        "scale": config.scale,
        "shapes_known": found.known,
        "tensors": len(checkpoint.state),
        "transferred": found.count("transferred"),
        "new": found.count("new"),
        "dropped": found.count("dropped"),
        "shape_mismatch": found.count("shape mismatch"),
        "unverified": found.count("unverified"),
        "numbers_transferred": found.numbers,
        "naive": found.naive._asdict(),
        "difference": carried.difference,
        "levels": [level._asdict() for level in carried.levels or ()],
        "warning": warning(carried, config),
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
