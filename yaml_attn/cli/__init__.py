"""The command line: reads options, calls the API, prints. No logic.

Commands import what they need when they run, so that `--help` and completion stay fast.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from yaml_attn import __version__
from yaml_attn.cli.ablate import ablate
from yaml_attn.cli.apply import apply
from yaml_attn.cli.build import build
from yaml_attn.cli.check import check
from yaml_attn.cli.diff import Preview, diff
from yaml_attn.cli.export import export
from yaml_attn.cli.helping import Command, Group
from yaml_attn.cli.insert import insert
from yaml_attn.cli.inserting import InOrder
from yaml_attn.cli.mistakes import ClickException, complain, usage_error
from yaml_attn.cli.modules import modules
from yaml_attn.cli.places import places
from yaml_attn.cli.remove import remove
from yaml_attn.cli.replace import replace
from yaml_attn.cli.show import show
from yaml_attn.cli.weights import weights
from yaml_attn.cli.yolo import yolo
from yaml_attn.errors import UsageError, YamlAttnError

app = typer.Typer(
    name="yaml-attn",
    no_args_is_help=True,
    rich_markup_mode=None,
    cls=Group,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=InOrder)(insert)
app.command(cls=Preview)(diff)
app.command(cls=Command)(replace)
app.command(cls=Command)(remove)
app.command(cls=Command)(check)
app.command(cls=Command)(show)
app.command(cls=Command)(places)
app.command(cls=Command)(build)
app.command(cls=Command)(modules)
app.command(cls=Command)(export)
app.command(cls=Command)(apply)
app.command(
    cls=Command, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)(yolo)
app.command(cls=Command)(weights)
app.command(cls=Command)(ablate)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yaml-attn {__version__}")
        raise typer.Exit


@app.callback()
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
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without some character prints `?`
            stream.reconfigure(errors="replace")
    # torch says so at import where numpy is missing, which nothing here needs.
    warnings.filterwarnings("ignore", "Failed to initialize NumPy", UserWarning)
    try:
        code = app(prog_name="yaml-attn", standalone_mode=False)
    except YamlAttnError as error:
        complain(error)
        sys.exit(error.exit_code)
    except ClickException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error, err=True)
        else:
            complain(usage_error(error))
        sys.exit(UsageError.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("interrupted; nothing was written", err=True)
        sys.exit(130)
    if code:
        sys.exit(code)
