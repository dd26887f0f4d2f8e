"""How an edited config ends: checked, built, written, and reported; the same for every edit."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yaml_attn.cli import options
from yaml_attn.cli.contract_table import contract_summary
from yaml_attn.cli.render import console, default_format, shape, unified_diff
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.api import Config
    from yaml_attn.results import Verification

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of an edit that say how to build and where to write."""

    imgsz: int
    nc: int | None
    real: bool
    no_build: bool
    output: str | None
    in_place: bool
    force: bool
    dry_run: bool
    json: bool

    def check(self) -> None:
        """Refuse options that contradict one another.

        Raises:
            UsageError: two of them do.
        """
        if self.in_place and self.output:
            raise UsageError("--in-place writes the base, --output another file: give one of them")
        if self.json and self.output == STDOUT:
            raise UsageError("--json and --output - both print on stdout: give one of them")


def finish(config: Config, wanted: Wanted) -> None:
    """Check the output, build, write, and say what was done."""
    target = _target(config, wanted)
    if target:
        config.check_output(target, force=wanted.force, in_place=wanted.in_place)
    verified = None
    if not wanted.no_build and config.can_build:
        verified = config.verify(imgsz=wanted.imgsz, nc=wanted.nc, real=wanted.real)
    if wanted.dry_run:
        pass
    elif target:
        config.save(target, force=wanted.force, in_place=wanted.in_place)
    else:
        sys.stdout.buffer.write(config.data)
        sys.stdout.flush()
    if wanted.json:
        _print_json(config, verified, target, written=not wanted.dry_run)
    else:
        _print(config, verified, target, wanted)


def output_name(config: Config) -> str:
    """The name of the file that an edited config is written to unless one is given."""
    stem = config.path.stem if config.path else "config"
    edited = [each.module for each in config.changes if each.old is None or each.replaced]
    return "_".join([stem, *dict.fromkeys(edited)] if edited else [stem, "edited"]) + ".yaml"


def edit_lines(config: Config) -> list[str]:
    """Each inserted layer with every reader of what it reads, and the side effects."""
    lines = []
    for new in config.inserted:
        moved = [f"{each.index} ({each.module})" for each in new.consumers if each.moved]
        raw = [f"{each.index} ({each.module})" for each in new.consumers if not each.moved]
        reads = " and ".join(map(str, (new.reads, *new.context)))
        lines.append(
            f"{new.module} is layer {new.index}: reads {reads}, read by {', '.join(moved)}."
        )
        if raw:
            lines.append(f"Still reading {new.reads} itself: {', '.join(raw)}.")
    for change in config.changes:
        if change.new is None:
            lines.append(f"{change.module} was layer {change.old} and is gone.")
        elif change.replaced:
            lines.append(f"Layer {change.new} is {change.module} now.")
    return [*lines, *config.side_effects]


def _target(config: Config, wanted: Wanted) -> Path | None:
    """The file to write, None for stdout."""
    if wanted.in_place:
        if config.is_template:
            raise UsageError(
                f"{config.path} is a template of the package: it is never changed",
                hint="Leave out --in-place, or copy the template first.",
            )
        return config.path
    if wanted.output == STDOUT:
        return None
    name = output_name(config)
    path = Path(wanted.output or name)
    return path / name if path.is_dir() else path


def _print_json(
    config: Config, verified: Verification | None, target: Path | None, *, written: bool
) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415

    options.print_json(
        {
            **records.edit(config),
            **records.difference(config.diff(target.name if target else "")),
            "output": str(target),
            "written": written,
            "build": records.verification(verified) if verified else None,
        }
    )


def _print(
    config: Config, verified: Verification | None, target: Path | None, wanted: Wanted
) -> None:
    # With the file itself on stdout, everything said about it goes to stderr.
    file = sys.stdout if target else sys.stderr
    style = default_format(file)
    out = console(style, file)
    out.print(unified_diff(config.diff(target.name if target else "stdout").text, style))
    for line in edit_lines(config):
        out.print(line)
    if verified:
        for line in _verified(verified):
            out.print(line)
        for name, checks in verified.contracts.items():
            out.print(contract_summary(name, checks))
    elif not wanted.no_build:
        out.print(
            f"Not built: this is a config of the dialect {config.dialect}, and only YOLOv5's "
            "layers are bundled. The wiring is proved, shapes and parameters are not."
        )
    else:
        out.print("Not built, as asked; the wiring is proved.")
    if target:
        out.print(f"{'Would write' if wanted.dry_run else 'Wrote'} {target}")


def _verified(found: Verification) -> list[str]:
    total = f"{found.edited.parameters:,} parameters = {found.base.parameters:,} of the base"
    parts = [f" + {layer.module} {layer.parameters:,}" for layer in found.added]
    for old, new in found.replaced:
        parts.append(f" {new.parameters - old.parameters:+,} ({new.module} for {old.module})")
    parts += [f" - {layer.module} {layer.parameters:,}" for layer in found.removed]
    strides = ", ".join(f"{stride:g}" for stride in found.edited.strides)
    lines = [f"Built: {total}{''.join(parts)}; strides {strides}."]
    for layer in found.added:
        cost = f", {layer.flops / 1e6:.3g} MFLOPs" if layer.flops is not None else ""
        size = f"{shape(layer.shape)} at {found.edited.imgsz} pixels"
        lines.append(f"Layer {layer.index} ({layer.module}): {size}{cost}.")
    return lines
