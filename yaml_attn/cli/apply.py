"""`yaml-attn apply`: make mechanisms known to a YOLOv5, YOLOv7, YOLOv9 or YOLOv3 checkout."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from difflib import unified_diff as lines_that_differ
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options
from yaml_attn.errors import ConfigError, UsageError
from yaml_attn.escaping import in_line

if TYPE_CHECKING:
    from yaml_attn.config.document import Document
    from yaml_attn.frameworks.applying import Change, Plan

_MOST_NAMED = 5


def apply(
    *,
    repo: Annotated[
        Path,
        typer.Option(
            "--repo",
            metavar="FOLDER",
            help="The checkout, or a fork of one.",
            rich_help_panel=options.WHAT,
        ),
    ],
    module: Annotated[
        list[str] | None,
        typer.Option(
            "--module",
            "-m",
            metavar="NAME",
            help="A mechanism; repeatable. Without it those that --config uses, or else all.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    own: options.Own = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Copy this config, or the template of this name, to where the checkout has its "
            "own.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Copy the config though the checkout would run some of it.",
            rich_help_panel=options.WHAT,
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            help="Take it all out again; a config that was copied stays.",
            rich_help_panel=options.WHAT,
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Replace a file of mechanisms that was edited by hand, and another config of the "
            "same name.",
            rich_help_panel=options.OUTPUT,
        ),
    ] = False,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    json: options.Json = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Change nothing; exit with 1 if there is something to.",
            rich_help_panel=options.CI,
        ),
    ] = False,
) -> None:
    """Make mechanisms known to a checkout of YOLOv5, YOLOv7, YOLOv9, YOLOv3 or a fork.

    Writes `models/yaml_attn_modules.py`, which needs PyTorch alone, and four lines in
    `models/yolo.py`, which give each mechanism the channels that its row really reads. Nothing
    else changes; --undo gives the files back byte by byte.

    Examples:
        yaml-attn apply --repo yolov5 --config yolov5s_SE.yaml
        yaml-attn apply --repo yolov5 --own ./my_attn.py:MyAttention
    """
    from yaml_attn.config.document import Document  # noqa: PLC0415
    from yaml_attn.dialects.bases import find_base  # noqa: PLC0415
    from yaml_attn.frameworks.applying import Checkout  # noqa: PLC0415
    from yaml_attn.modules.own import is_own, load_rows  # noqa: PLC0415

    if undo and (module or own or config):
        raise UsageError("--undo takes everything out: give no --module, --own and --config")
    checkout = Checkout(repo)
    document = Document.load(find_base(config)) if config else None
    if undo:
        plan = checkout.plan_undo(force=force)
    else:
        # `insert --module` takes a class of the user's too.
        classes = load_rows([*(own or ()), *filter(is_own, module or ())]).values()
        names = [name for name in module or () if not is_own(name)]
        plan = checkout.plan(names, document, own=classes, force=force, trust=trust)
    write = not (dry_run or check)
    if not (quiet or json):
        _show(plan, repo, full=not (undo or config))
    if write:
        plan.write()
    if json:
        options.print_json(_record(plan, repo, document, written=write))
    elif not quiet:
        _report(plan, repo, document, written=write, undo=undo, check=check)
    for name, where in plan.left_out.items() if document else ():
        warning = (
            f"warning: {name} is the checkout's own class in {where}: it builds these rows, and "
            f"may take other arguments than ours. `yaml-attn build {config} --repo {repo}` tries "
            "it."
        )
        options.say(in_line(warning), err=True)
    if check and plan.changes:
        raise typer.Exit(1)


def _record(plan: Plan, repo: Path, document: Document | None, *, written: bool) -> dict[str, Any]:
    from yaml_attn.frameworks.launching import config_target  # noqa: PLC0415

    target = config_target(document.path, repo) if document and document.path else None
    return {
        "repo": str(repo),
        "changes": [
            {"file": _name(change, repo), "state": _state(change)} for change in plan.changes
        ],
        "mechanisms": list(plan.mechanisms),
        "left_out": dict(plan.left_out),
        "config": str(target) if target else None,
        "train": _train(plan, repo, document) if document else None,
        "written": written,
    }


def _train(plan: Plan, repo: Path, document: Document) -> str | None:
    """The command that trains the config; None where it may be one that cannot."""
    from yaml_attn.frameworks.launching import config_target, train_command  # noqa: PLC0415

    if document.path is None or plan.left_out:
        return None
    return train_command(document, config_target(document.path, repo), repo)


def _name(change: Change, repo: Path) -> str:
    return change.path.relative_to(repo).as_posix()


def _state(change: Change) -> str:
    if change.after is None:
        return "removed"
    return "changed" if change.before is not None else "new"


def _show(plan: Plan, repo: Path, *, full: bool) -> None:
    """The diff of each file; of the file of mechanisms, which is long, how much it is."""
    for change in plan.changes:
        name = _name(change, repo)
        if change.path.name == "yolo.py":
            options.say(_diff(change, name).removesuffix("\n"))
        elif change.after:
            verb = "written again" if change.before else "new"
            options.say(f"{in_line(name)}: {verb}, {len(change.after.splitlines())} lines")
        else:
            options.say(f"{in_line(name)}: removed")
    for mechanism, where in plan.left_out.items() if full else ():
        _say(f"{mechanism} is left out: it is the checkout's own in {where}.")


def _say(sentence: str) -> None:
    """Print a sentence, in lines of the terminal's width."""
    from yaml_attn.cli.render import console, default_format  # noqa: PLC0415

    console(default_format()).print(sentence)


def _diff(change: Change, name: str) -> str:
    before, after = (
        # Not str.splitlines, which ends a line at a form feed too.
        StringIO((data or b"").decode(errors="replace").replace("\r\n", "\n")).readlines()
        for data in (change.before, change.after)
    )
    return "".join(lines_that_differ(before, after, f"a/{name}", f"b/{name}", n=2))


def _report(
    plan: Plan, repo: Path, document: Document | None, *, written: bool, undo: bool, check: bool
) -> None:
    if undo:
        _report_undo(plan, repo, written=written)
        return
    names = _listed(plan.mechanisms)
    failing = "; --check exits with 1" if check and plan.changes else ""
    if not names:
        _say(f"{repo} needs nothing of yaml-attn for this config{failing}.")
    elif plan.changes:
        _say(f"{repo} {'knows' if written else 'would know'} {names}{failing}.")
    else:
        nothing = "nothing to change" if written else "nothing would change"
        _say(f"{repo} knows {names} already; {nothing}.")
    if document and not check:
        train = _train(plan, repo, document)
        if train:
            options.say(f"Train it in {in_line(repo)}:\n  {in_line(train)}")


def _report_undo(plan: Plan, repo: Path, *, written: bool) -> None:
    if not plan.changes:
        _say(f"{repo} has nothing of yaml-attn's to take out.")
        return
    staying = _configs(repo, plan.mechanisms)
    but = f", but for configs that stay: {', '.join(staying)}" if staying else ""
    _say(f"{repo} {'is' if written else 'would be'} as it was{but}.")
    _say("Checkpoints that were trained there load once `yaml-attn apply` was run again.")


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    if more <= 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMED])} and {more} more"


def _configs(repo: Path, mechanisms: Collection[str]) -> list[str]:
    """The checkout's configs that name one of the mechanisms."""
    from yaml_attn.config.document import Document  # noqa: PLC0415
    from yaml_attn.frameworks.launching import CONFIG_FOLDERS  # noqa: PLC0415

    found = []
    for path in sorted({path for each in CONFIG_FOLDERS for path in (repo / each).glob("*.yaml")}):
        with contextlib.suppress(ConfigError):
            modules = {layer.module for layer in Document.load(path).network.layers}
            if not modules.isdisjoint(mechanisms):
                found.append(path.relative_to(repo).as_posix())
    return found
