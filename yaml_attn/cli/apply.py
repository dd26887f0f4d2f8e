"""`yaml-attn apply`: make mechanisms known to a YOLOv5, YOLOv7, YOLOv9 or YOLOv3 checkout."""

from __future__ import annotations

from difflib import unified_diff as lines_that_differ
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yaml_attn.cli import options
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.config.document import Document
    from yaml_attn.frameworks.applying import Change, Plan


def apply(
    *,
    repo: Annotated[
        Path, typer.Option("--repo", metavar="FOLDER", help="The checkout, or a fork of one.")
    ],
    module: Annotated[
        list[str] | None,
        typer.Option(
            "--module",
            "-m",
            help="A mechanism; repeatable. Without it those that --config uses, or else all.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Copy this config to where the checkout has its own."
        ),
    ] = None,
    dry_run: options.DryRun = False,
    quiet: options.Quiet = False,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 if there is something to.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take it all out again.")] = False,
    force: options.Force = False,
) -> None:
    """Make mechanisms known to a checkout of YOLOv5, YOLOv7, YOLOv9, YOLOv3 or a fork.

    Writes `models/yaml_attn_modules.py`, which needs PyTorch alone, and four lines in
    `models/yolo.py`, which give each mechanism the channels that its row really reads. Nothing
    else changes; --undo gives the files back byte by byte.

    Example:
        yaml-attn apply --repo yolov5 --config yolov5s_SE.yaml
    """
    from yaml_attn.config.document import Document  # noqa: PLC0415
    from yaml_attn.frameworks.applying import Checkout  # noqa: PLC0415

    if undo and (module or config):
        raise UsageError("--undo takes everything out: give no --module and no --config")
    checkout = Checkout(repo)
    document = Document.load(config) if config else None
    if undo:
        plan = checkout.plan_undo(force=force)
    else:
        plan = checkout.plan(module or (), document, force=force)
    if not quiet:
        _show(plan, repo, full=not undo)
    if check:
        raise typer.Exit(1 if plan.changes else 0)
    if not dry_run:
        plan.write()
    if not quiet:
        _report(plan, repo, document, written=not dry_run, undo=undo)


def _show(plan: Plan, repo: Path, *, full: bool) -> None:
    """The diff of each file; of the file of mechanisms, which is long, how much it is."""
    for change in plan.changes:
        name = change.path.relative_to(repo).as_posix()
        if change.path.name == "yolo.py":
            typer.echo(_diff(change, name), nl=False)
        elif change.after:
            verb = "written again" if change.before else "new"
            typer.echo(f"{name}: {verb}, {len(change.after.splitlines())} lines")
        else:
            typer.echo(f"{name}: removed")
    for mechanism, where in plan.left_out.items() if full else ():
        typer.echo(f"{mechanism} is left out: it is the checkout's own in {where}.")


def _diff(change: Change, name: str) -> str:
    before, after = (
        (data or b"").decode(errors="replace").replace("\r\n", "\n").splitlines(keepends=True)
        for data in (change.before, change.after)
    )
    return "".join(lines_that_differ(before, after, f"a/{name}", f"b/{name}", n=2))


def _report(
    plan: Plan, repo: Path, document: Document | None, *, written: bool, undo: bool
) -> None:
    from yaml_attn.frameworks.launching import config_target, train_command  # noqa: PLC0415

    if undo:
        state = "is as it was" if written else "would be as it was"
        typer.echo(f"{repo} {state}." if plan.changes else f"{repo} was not changed before.")
        return
    names = ", ".join(plan.mechanisms)
    if not plan.changes:
        typer.echo(f"{repo} knows {names} already; nothing to change.")
    else:
        typer.echo(f"{repo} {'knows' if written else 'would know'} {names}.")
    if document and document.path:
        target = config_target(document.path, repo)
        typer.echo(f"Train it in {repo}:\n  {train_command(document, target, repo)}")
