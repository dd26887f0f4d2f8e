"""How a study ends: compared with its folder or written to it, and reported."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

import typer

from yaml_attn.cli import options
from yaml_attn.cli.mistakes import INTERRUPTED, interrupted
from yaml_attn.cli.render import Table, console, default_format, print_table
from yaml_attn.errors import UsageError
from yaml_attn.escaping import in_line

if TYPE_CHECKING:
    from yaml_attn.ablation import Folder, Result, Study
    from yaml_attn.ablation.bases import Base
    from yaml_attn.ablation.produce import Facts, Made, Produced
    from yaml_attn.ablation.run import Progress

_MOST_LISTED = 40
_MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """The options that say what to do with what a study gives."""

    prune: bool
    dry_run: bool
    quiet: bool
    json: bool
    check: bool
    github_matrix: bool
    strict: bool

    def check_options(self, *, force: bool) -> None:
        """Refuse options that contradict one another.

        Raises:
            UsageError: two of them do.
        """
        if self.json and self.github_matrix:
            raise UsageError("--json and --github-matrix both print on stdout: give one of them")
        if self.check and (self.prune or force or self.dry_run):
            raise UsageError("--check writes nothing: leave out --prune, --force and --dry-run")


@contextmanager
def watch(*, quiet: bool) -> Iterator[Progress | None]:
    """Show on stderr how far a study is: a bar on a terminal, lines elsewhere."""
    if quiet:
        yield None
    elif not sys.stderr.isatty():
        yield _line
    else:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

        columns = (
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)

            def advance(each: Produced, done: int, total: int) -> None:
                bar.update(
                    task, completed=done, total=total, description=in_line(each.variant.name)
                )

            yield advance


def _line(each: Produced, done: int, total: int) -> None:
    options.say(f"{done}/{total} {in_line(each.variant.name)}", err=True)


def finish(folder: Folder, wanted: OutputOptions) -> None:
    """Check the folder or bring it up to date, and say so."""
    stale = folder.stale
    written: Sequence[str] = ()
    if wanted.check:
        pass
    elif wanted.dry_run:
        folder.refuse_in_the_way()
    else:
        written = _update(folder, prune=wanted.prune)
    if wanted.github_matrix and not (wanted.check and stale):
        _matrix(folder)
    if wanted.json:
        options.print_json(_record(folder, stale, written, wanted))
    else:
        _print(folder, stale, written, wanted)
    if (wanted.check and stale) or (wanted.strict and folder.result.failed):
        raise typer.Exit(1)


def _update(folder: Folder, *, prune: bool) -> Sequence[str]:
    try:
        return folder.update(prune=prune)
    except KeyboardInterrupt:
        typer.echo(interrupted("the same command goes on from here"), err=True)
        sys.exit(INTERRUPTED)


def _matrix(folder: Folder) -> None:
    from yaml_attn.ablation.matrix import MOST_JOBS, append_output, github_matrix  # noqa: PLC0415

    matrix = github_matrix(folder.result, folder.path)
    typer.echo(matrix)
    append_output("matrix", matrix)
    jobs = len(folder.result.made)
    if jobs > MOST_JOBS:
        typer.echo(
            f"warning: {jobs} jobs, and GitHub starts no workflow with a matrix of more than "
            f"{MOST_JOBS}: use --shard 1/{-(-jobs // MOST_JOBS)} and so on",
            err=True,
        )


def _record(
    folder: Folder, stale: Sequence[tuple[str, str]], written: Sequence[str], wanted: OutputOptions
) -> dict[str, Any]:
    return {
        "folder": folder.path.as_posix(),
        "stale": [{"file": name, "state": state} for name, state in stale],
        "written": list(written),
        "removed": list(folder.left) if _removes(wanted) else [],
        "left": [] if _removes(wanted) else list(folder.left),
        "manifest": json.loads(folder.manifest_data),
    }


def _removes(wanted: OutputOptions) -> bool:
    return wanted.prune and not wanted.dry_run


def _print(
    folder: Folder, stale: Sequence[tuple[str, str]], written: Sequence[str], wanted: OutputOptions
) -> None:
    file = sys.stderr if wanted.github_matrix else sys.stdout
    warnings = [
        f"not possible: {each.variant.name}: {each.problem}" for each in folder.result.failed
    ]
    if wanted.quiet:
        said = [*warnings, *(_stale(folder, stale) if wanted.check and stale else [])]
        for line in said:
            options.say(in_line(line), err=True)
        return
    out = console(file=file)
    if not wanted.check:
        # Where nothing is written, no file has the rest.
        listed = None if wanted.dry_run else _MOST_LISTED
        print_table(out, _table(folder.result.made[:listed]), default_format(file))
        more = len(folder.result.made[listed:]) if listed else 0
        if more:
            out.print(f"... and {more} more: summary{folder.result.shard.suffix}.md has them all.")
        for line in _below(folder.result):
            out.print(line)
    for line in [*warnings, *_notes(folder.result)]:
        out.print(line)
    if wanted.check:
        lines = _stale(folder, stale)
    elif wanted.dry_run:
        lines = _would(folder, wanted)
    else:
        lines = _done(folder, written, wanted)
    for line in lines:
        out.print(line)


def _table(listed: Sequence[Made]) -> Table:
    from yaml_attn.ablation.tables import UNKNOWN, figures  # noqa: PLC0415

    headers = ["config", "params (M)", "+ params", "GFLOPs", "+ MFLOPs"]
    rows = [
        (made.variant.name, *figures(made.facts, itself=not made.variant.requests))
        for made in listed
    ]
    # A column of what nobody knows tells nothing.
    shown = [not {row[at] for row in rows} <= {"", UNKNOWN} for at in range(len(headers))]
    headers = list(compress(headers, shown))
    found = Table(headers, right=headers[1:], wraps=["config"])
    for row in rows:
        found.add(*compress(row, shown))
    return found


def _notes(result: Result) -> Iterator[str]:
    """What is to be known of the study as a whole."""
    for name, same in result.merged.items():
        yield f"{name} is the same file as {same}: one of them is made."
    for made in result.made:
        if made.facts and made.facts.method != "outline" and made.facts.note:
            yield f"{made.variant.name}: {made.facts.note}."
    said: dict[str, list[str]] = {}
    for base in result.bases:
        words = _built(base, result.facts[base.name], result.study)
        said.setdefault(words, []).append(base.name)
    for words, names in said.items():
        if words:
            yield f"{', '.join(names)}: {words}"


def _below(result: Result) -> Iterator[str]:
    """What is to be known of the table."""
    from yaml_attn.ablation.tables import conditions, start_notes  # noqa: PLC0415

    yield from _defaults(result)
    yield f"{conditions(result)}."
    yield from start_notes(result)


def _defaults(result: Result) -> Iterator[str]:
    """What names leave out of the parameters that the study varies."""
    left_out = dict.fromkeys(
        (made.variant.module, name, str(value))
        for made in result.made
        for name, value in made.variant.settings.items()
        if name not in made.variant.parameters
    )
    for module, name, value in left_out:
        yield f"{module} without {name} in its name has {name} {value}, the default."


def _built(base: Base, facts: Facts | str | None, study: Study) -> str:
    """How far the variants of a base were built, if not wholly."""
    if facts is None:
        return "every wiring is proved; nothing was built, as asked."
    if isinstance(facts, str):
        return f"the base cannot be built, so none of its variants is: {facts}."
    if facts.method != "outline":
        return ""
    alone = "every wiring is proved, the new layers are built alone"
    if facts.note:
        return f"{alone} ({facts.note}); --repo builds them whole."
    return f"{alone}, the rest is n/a; {_whole(base, study)} builds them whole."


def _whole(base: Base, study: Study) -> str:
    """What would build the variants of a base as whole networks, in words."""
    from yaml_attn.dialects import find  # noqa: PLC0415

    if find(base.config.dialect).builder != "ultralytics":
        return "--repo"
    option = "--builder ultralytics" if study.builder else "`pip install ultralytics`"
    return f"{option}, or --repo,"


def _stale(folder: Folder, stale: Sequence[tuple[str, str]]) -> Iterator[str]:
    for name, state in stale:
        yield f"{state}: {(folder.path / name).as_posix()}"
    path, configs = folder.path.as_posix(), _count(len(folder.result.made))
    yield from _other_figures(folder, "are not compared; the configs are")
    if not stale:
        yield f"{path} is what the study gives ({configs})."
        return
    needed = [*["--force"] * bool(folder.in_the_way), *["--prune"] * bool(folder.left)]
    how = f"With {' '.join(needed)} instead of --check" if needed else "Without --check"
    yield f"{path} is not what the study gives ({configs})."
    yield f"{how}, the same command makes it so."


def _other_figures(folder: Folder, become: str) -> Iterator[str]:
    """What becomes of the figures of a folder that another builder gave, in words."""
    if folder.other_figures:
        there, here = map(_listed, (folder.other_figures.built_with, folder.result.built_with))
        yield (
            f"The figures in {folder.path.as_posix()} were built with {there}, and here with "
            f"{here}: they {become}."
        )


def _listed(built_with: Sequence[str]) -> str:
    return " and ".join(built_with) or "nothing"


def _would(folder: Folder, wanted: OutputOptions) -> Iterator[str]:
    outdated = [*folder.missing, *folder.changed]
    yield from _other_figures(folder, "would be replaced")
    yield f"Would write {len(outdated)} files to {folder.path.as_posix()}."
    if folder.left:
        verb = "Would remove" if wanted.prune else "No longer in the study"
        yield f"{verb}: {_names(folder.left)}."


def _done(folder: Folder, written: Sequence[str], wanted: OutputOptions) -> Iterator[str]:
    path = folder.path.as_posix()
    configs = {made.variant.file for made in folder.result.made}
    new = sum(name in configs for name in written)
    yield from _other_figures(folder, "were replaced")
    if folder.kept:
        yield f"Not in the study, and not as one made them, so they stay: {', '.join(folder.kept)}."
    if folder.left and wanted.prune:
        yield f"Removed: {_names(folder.left)}."
    elif folder.left:
        gone = _names(folder.left)
        yield f"No longer in the study, left where they are (--prune removes them): {gone}."
    if not written:
        yield f"Nothing to write: {path} holds what the study gives ({_count(len(configs))})."
        return
    rest = ", ".join(name for name in written if name not in configs)
    wrote = " and ".join([*[_count(new)] * bool(new), *[rest] * bool(rest)])
    same = len(configs) - new
    as_before = f"; {_count(same)} {'are' if same > 1 else 'is'} as before" if same else ""
    yield f"Wrote {wrote} to {path}{as_before}."


def _count(configs: int) -> str:
    return f"{configs} config{'s' * (configs != 1)}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
