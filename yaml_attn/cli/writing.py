"""How an edited config ends: checked, built, written, and reported; the same for every edit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yaml_attn.cli import options
from yaml_attn.cli.contract_table import contract_summary
from yaml_attn.cli.render import console, default_format, shape, unified_diff
from yaml_attn.errors import UsageError
from yaml_attn.results import Outline, Verification

if TYPE_CHECKING:
    from yaml_attn.building.report import LayerReport
    from yaml_attn.configs import Config

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of an edit that say how to build and where to write."""

    imgsz: int
    nc: int | None
    real: bool
    no_build: bool
    repo: Path | None
    output: str | None
    in_place: bool
    force: bool
    dry_run: bool
    quiet: bool
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
        if self.no_build and (self.repo or self.real):
            option = "--repo" if self.repo else "--real"
            raise UsageError(f"{option} builds, --no-build does not: give one of them")


def finish(config: Config, wanted: Wanted) -> None:
    """Check the output, build, write, and say what was done."""
    target = _target(config, wanted)
    if target:
        config.check_output(target, force=wanted.force, in_place=wanted.in_place)
    verified = None if wanted.no_build else _verified(config, wanted)
    if wanted.dry_run:
        pass
    elif target:
        config.save(target, force=wanted.force, in_place=wanted.in_place)
    else:
        sys.stdout.buffer.write(config.data)
        sys.stdout.flush()
    if wanted.json:
        _print_json(config, verified, target, written=not wanted.dry_run)
    elif not wanted.quiet:
        _print(config, verified, target, wanted)
    warning = config.name_warning(target) if target else None
    if warning and not wanted.json:
        console(file=sys.stderr).print(f"warning: {warning}")


def _verified(config: Config, wanted: Wanted) -> Verification | Outline:
    if config.builder(wanted.repo):
        return config.verify(imgsz=wanted.imgsz, nc=wanted.nc, real=wanted.real, repo=wanted.repo)
    return config.outline(imgsz=wanted.imgsz, nc=wanted.nc)


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
    name = config.default_name
    path = Path(wanted.output or name)
    return path / name if path.is_dir() else path


def _print_json(
    config: Config, verified: Verification | Outline | None, target: Path | None, *, written: bool
) -> None:
    from yaml_attn.cli import records  # noqa: PLC0415

    options.print_json(
        {
            **records.edit(config),
            **records.difference(config.diff(target.name if target else "")),
            "output": str(target),
            "written": written,
            "build": records.verification(verified) if isinstance(verified, Verification) else None,
            "outline": records.outline(verified) if isinstance(verified, Outline) else None,
            "warning": config.name_warning(target) if target else None,
        }
    )


def _print(
    config: Config, verified: Verification | Outline | None, target: Path | None, wanted: Wanted
) -> None:
    # With the file itself on stdout, everything said about it goes to stderr.
    file = sys.stdout if target else sys.stderr
    style = default_format(file)
    out = console(style, file)
    out.print(unified_diff(config.diff(target.name if target else "stdout").text, style))
    for line in edit_lines(config):
        out.print(line)
    if verified is None:
        out.print("Not built, as asked; the wiring is proved.")
    else:
        for line in _verdict(config, verified, wanted):
            out.print(line)
        for name, checks in verified.contracts.items():
            out.print(contract_summary(name, checks))
    if target:
        out.print(f"{'Would write' if wanted.dry_run else 'Wrote'} {target}")


def _verdict(config: Config, found: Verification | Outline, wanted: Wanted) -> list[str]:
    if isinstance(found, Verification):
        return _built(config, found)
    return _outlined(config, found, wanted)


def _built(config: Config, found: Verification) -> list[str]:
    total = f"{found.edited.parameters:,} parameters = {found.base.parameters:,} of the base"
    parts = [f" + {layer.module} {layer.parameters:,}" for layer in found.added]
    for old, new in found.replaced:
        parts.append(f" {new.parameters - old.parameters:+,} ({new.module} for {old.module})")
    parts += [f" - {layer.module} {layer.parameters:,}" for layer in found.removed]
    if found.others:
        more = sum(new.parameters - old.parameters for old, new in found.others)
        layers = ", ".join(f"{new.index} ({new.module})" for _, new in found.others)
        parts.append(f" {more:+,} that follow in {layers}")
    how = f"Built{_at_scale(config)}{_WITH[found.builder]}"
    strides = _strides(found.edited.strides)
    return [
        f"{how}: {total}{''.join(parts)}; strides {strides}.",
        *(_added(layer, found.edited.imgsz) for layer in found.added),
    ]


_WITH = {"bundled": "", "ultralytics": " with Ultralytics", "checkout": " with the checkout"}


def _outlined(config: Config, found: Outline, wanted: Wanted) -> list[str]:
    if found.problem:
        return [
            f"The wiring is proved. Nothing is built: {found.problem}.",
            f"To build it as a fork's: {found.missing}.",
        ]
    alone = ", and the new layers by themselves" if found.added else ""
    verified = f"the wiring, strides {_strides(found.strides)}{alone}"
    return [
        f"Verified{_at_scale(config)}: {verified}.",
        *(_added(layer, wanted.imgsz, count=True) for layer in found.added),
        "Not verified: the other layers' shapes and parameters.",
        f"To build them too: {found.missing}.",
    ]


def _at_scale(config: Config) -> str:
    return f" at scale {config.scale}" if config.scale else ""


def _strides(strides: Sequence[float | None]) -> str:
    return ", ".join("?" if stride is None else f"{stride:g}" for stride in strides) or "none"


def _added(layer: LayerReport, imgsz: int, *, count: bool = False) -> str:
    parameters = f", {layer.parameters:,} parameters" if count else ""
    cost = f", {layer.flops / 1e6:.3g} MFLOPs" if layer.flops is not None else ""
    return (
        f"Layer {layer.index} ({layer.module}): {shape(layer.shape)} at {imgsz} pixels"
        f"{parameters}{cost}."
    )
