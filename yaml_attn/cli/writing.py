"""How an edited config ends: checked, built, written, and reported; the same for every edit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yaml_attn.cli import options
from yaml_attn.cli.contract_table import contract_summary
from yaml_attn.cli.render import (
    console,
    default_format,
    flow,
    head_strides,
    mflops,
    shape,
    unified_diff,
)
from yaml_attn.core.results import Outline, Verification
from yaml_attn.dialects.block_attention import parse
from yaml_attn.errors import UsageError
from yaml_attn.files import descriptor, installed, is_folder, write_atomically

if TYPE_CHECKING:
    from yaml_attn.building.report import LayerReport
    from yaml_attn.core.config import Config


def is_stdout(output: str | None) -> bool:
    """Whether an output means stdout: `-`, or a file such as `/dev/stdout`."""
    return output is not None and (output == "-" or descriptor(Path(output)) == 1)


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The options of an edit that say how to build and where to write."""

    imgsz: int
    nc: int | None
    real: bool
    trust: bool
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
        if self.json and is_stdout(self.output):
            raise UsageError("--json and --output - both print on stdout: give one of them")
        if self.no_build and (self.repo or self.real):
            option = "--repo" if self.repo else "--real"
            raise UsageError(f"{option} builds, --no-build does not: give one of them")


def finish(config: Config, wanted: OutputOptions) -> None:
    """Check the output, build, write, and say what was done."""
    target = _target(config, wanted)
    over = None
    if target:
        over = config.check_output(target, force=wanted.force, in_place=wanted.in_place)
    verified = None if wanted.no_build else _verified(config, wanted)
    if wanted.dry_run:
        pass
    elif target:
        write_atomically(target, config.data, over=over)
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


def _verified(config: Config, wanted: OutputOptions) -> Verification | Outline:
    if config.builder(wanted.repo):
        return config.verify(
            imgsz=wanted.imgsz,
            nc=wanted.nc,
            real=wanted.real,
            repo=wanted.repo,
            trust=wanted.trust,
        )
    return config.outline(imgsz=wanted.imgsz, nc=wanted.nc)


def edit_lines(config: Config) -> list[str]:
    """Each inserted layer with every reader of what it reads, and the side effects."""
    lines = []
    if _is_installed(config):
        lines.append(f"The base is that of the installed Ultralytics: {config.path}")
    for new in config.inserted:
        moved = [f"{each.index} ({each.module})" for each in new.consumers if each.moved]
        raw = [f"{each.index} ({each.module})" for each in new.consumers if not each.moved]
        reads = " and ".join(map(str, (new.reads, *new.context)))
        lines.append(
            f"{new.module} is layer {new.index}: reads {reads}, read by {', '.join(moved)}."
        )
        if raw:
            lines.append(f"Still reading {new.reads} itself: {', '.join(raw)}.")
    gone = (each for each in config.changes if each.new is None)
    lines += [f"{each.module} was layer {each.old} and is gone." for each in gone]
    for module, at in _replaced(config).items():
        composed = parse(module, config.mechanism)
        meaning = f": {composed.meaning}" if composed else ""
        lines.append(f"{_layers(at)} {'are' if len(at) > 1 else 'is'} {module} now{meaning}.")
    return [*lines, *config.side_effects]


def _replaced(config: Config) -> dict[str, list[int]]:
    """The modules that took the place of others, and at which layers."""
    found: dict[str, list[int]] = {}
    for change in config.changes:
        if change.replaced and change.new is not None:
            found.setdefault(change.module, []).append(change.new)
    return found


def _layers(indexes: Sequence[int]) -> str:
    *first, last = map(str, indexes)
    return f"Layers {', '.join(first)} and {last}" if first else f"Layer {last}"


def _is_installed(config: Config) -> bool:
    return config.path in installed().values()


def _target(config: Config, wanted: OutputOptions) -> Path | None:
    """The file to write, None for stdout."""
    if wanted.in_place:
        if config.is_template or _is_installed(config):
            owner = "a template of the package" if config.is_template else "Ultralytics' own file"
            raise UsageError(
                f"{config.label} is {owner}: it is never changed",
                hint="Leave out --in-place, or copy the file first.",
            )
        return config.path
    if is_stdout(wanted.output):
        return None
    name = config.default_name
    path = Path(wanted.output or name)
    return path / name if is_folder(path) else path


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
    config: Config,
    verified: Verification | Outline | None,
    target: Path | None,
    wanted: OutputOptions,
) -> None:
    # With the file itself on stdout, everything said about it goes to stderr.
    file = sys.stdout if target else sys.stderr
    style = default_format(file)
    out = console(style, file)
    difference = config.diff(target.name if target else "stdout")
    out.print(unified_diff(difference.text, style), soft_wrap=True)
    for line in edit_lines(config):
        out.print(line)
    if verified is None:
        out.print("Not built, as asked; the wiring is proved.")
    else:
        for line in _verdict(config, verified, wanted):
            out.print(line)
        for name, checks in verified.contracts.items():
            summary = contract_summary(name, checks, _listing(config, name))
            out.print(*summary.split("\n"), sep="\n")
    if target:
        out.print(f"{'Would write' if wanted.dry_run else 'Wrote'} {target}")


def _listing(config: Config, name: str) -> str:
    """The command that lists the promises of a class of the user's as its row constructs it."""
    own = config.own[name]
    args = next(each.row[3][1:] for each in config.inserted if each.module == name)
    given = zip(own.parameters, args, strict=False)
    sets = [f"--set={each.name}={flow(value)}" for each, value in given if value != each.default]
    return shlex.join(["yaml-attn", "modules", own.source, *sets])


def _verdict(config: Config, found: Verification | Outline, wanted: OutputOptions) -> list[str]:
    if isinstance(found, Verification):
        return _built(config, found)
    return _outlined(config, found, wanted)


def _built(config: Config, found: Verification) -> list[str]:
    total = f"{found.edited.parameters:,} parameters = {found.base.parameters:,} of the base"
    parts = [f" + {layer.module} {layer.parameters:,}" for layer in found.added]
    for old, new in found.replaced:
        more = new.parameters - old.parameters
        parts.append(f" {more:+,} in {new.index} ({new.module} for {old.module})")
    parts += [f" - {layer.module} {layer.parameters:,}" for layer in found.removed]
    if found.others:
        more = sum(new.parameters - old.parameters for old, new in found.others)
        layers = ", ".join(f"{new.index} ({new.module})" for _, new in found.others)
        parts.append(f" {more:+,} that follow in {layers}")
    how = f"Built{_at_scale(config)}{_WITH[found.builder]}"
    strides = head_strides(found.edited.strides)
    return [
        f"{how}: {total}{''.join(parts)}; strides {strides}.",
        *(_added(layer, found, found.edited.imgsz) for layer in found.added),
    ]


_WITH = {"bundled": "", "ultralytics": " with Ultralytics", "checkout": " with the checkout"}


def _outlined(config: Config, found: Outline, wanted: OutputOptions) -> list[str]:
    if found.problem:
        return [
            f"The wiring is proved. Nothing is built: {found.problem}.",
            f"To build it as a fork's: {found.missing}.",
        ]
    alone = ", and the new layers by themselves" if found.added else ""
    verified = f"the wiring, strides {head_strides(found.strides)}{alone}"
    return [
        f"Verified{_at_scale(config)}: {verified}.",
        *(_added(layer, found, wanted.imgsz, count=True) for layer in found.added),
        f"Not verified: {_unverified(config)}.",
        f"To build them too: {found.missing}.",
    ]


def _unverified(config: Config) -> str:
    replaced = _replaced(config)
    if not replaced:
        return "the other layers' shapes and parameters"
    count = sum(map(len, replaced.values()))
    new = f"{count} new layers" if count > 1 else "new layer"
    return f"shapes and parameters, neither of the {new} ({', '.join(replaced)}) nor of the others"


def _at_scale(config: Config) -> str:
    return f" at scale {config.scale}" if config.scale else ""


def _added(
    layer: LayerReport, found: Verification | Outline, imgsz: int, *, count: bool = False
) -> str:
    parameters = f", {layer.parameters:,} parameters" if count else ""
    cost = f", {mflops(layer.flops)} MFLOPs" if layer.flops is not None else ""
    otherwise = "".join(f"; {each}" for each in found.taken.get(layer.index, ()))
    return (
        f"Layer {layer.index} ({layer.module}): {shape(layer.shape)} at {imgsz} pixels"
        f"{parameters}{cost}{otherwise}."
    )
