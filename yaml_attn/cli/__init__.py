"""The command line: reads options, calls the API, prints. No logic.

A command is the function in the file of its name, which is read only if it is the one that is asked
for; and a command imports what it needs when it runs. So each starts fast.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer

from yaml_attn import __version__
from yaml_attn.cli.helping import ClickException, Command, Group
from yaml_attn.cli.mistakes import INTERRUPTED, complain, interrupted, usage_error
from yaml_attn.cli.unforeseen import prepare_streams, report, trace
from yaml_attn.docstrings import docstring
from yaml_attn.errors import UsageError, YamlAttnError
from yaml_attn.files import forget_written

COMMANDS: Final = tuple(
    "insert diff replace remove check show places build modules export apply yolo weights "
    "ablate".split()
)
"""Every command, in the order of the help text."""

_WITHOUT_TORCH: Final = (
    "Install it: pip install torch. Edits and studies are proved without it too: --no-build."
)

_PASSED_ON: Final[Mapping[str, bool]] = {"allow_extra_args": True, "ignore_unknown_options": True}
_SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {"yolo": _PASSED_ON}


def command_line(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with these commands."""
    made = typer.Typer(
        name="yaml-attn",
        no_args_is_help=True,
        rich_markup_mode=None,
        cls=Group,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(help=docstring(_main))(_main)
    for name in names:
        file = import_module(f"yaml_attn.cli.{name}")
        reads: type[Command] = getattr(file, "READS", Command)
        run = getattr(file, name)
        settings = {**_SETTINGS.get(name, {})}
        made.command(cls=reads, context_settings=settings, help=docstring(run))(run)
    return made


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yaml-attn {__version__}")
        raise typer.Exit


def _main(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Insert attention layers into YOLO configs.

    Every reference is renumbered, every other byte stays as it was, and the result is proved and
    built before it is written.

    Example:
        yaml-attn insert --base yolov5s.yaml --module SE --after 8
    """


def main() -> None:
    """Run the command line; an error becomes a message and an exit code."""
    try:
        prepare_streams()
        try:
            _run()
        finally:
            sys.stdout.flush()  # a full disk is seen here at last
    except Exception as error:  # noqa: BLE001 (nobody is to read a trace that was not asked for)
        sys.exit(report(error))


def _run() -> None:
    # torch says so at import where numpy is missing, which nothing here needs.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
    forget_written()
    try:
        asked = [word for word in sys.argv[1:2] if word in COMMANDS]
        code = command_line(asked or COMMANDS)(prog_name="yaml-attn", standalone_mode=False)
    except YamlAttnError as error:
        trace(error)
        complain(error)
        sys.exit(error.exit_code)
    except ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error, err=True)
        else:
            complain(usage_error(error))
        sys.exit(UsageError.exit_code)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        complain(UsageError("PyTorch is not installed, which this needs", hint=_WITHOUT_TORCH))
        sys.exit(UsageError.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:  # which newer releases of typer make of Ctrl-C themselves
        typer.echo(interrupted(), err=True)
    if code:
        sys.exit(code)
