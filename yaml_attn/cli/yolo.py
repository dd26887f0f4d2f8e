"""`yaml-attn yolo`: Ultralytics' own command, with the mechanisms known by name."""

from __future__ import annotations

import signal
import sys

import typer

from yaml_attn.cli import options
from yaml_attn.cli.mistakes import INTERRUPTED, complain
from yaml_attn.cli.unforeseen import DEBUG, trace
from yaml_attn.errors import UsageError, YamlAttnError
from yaml_attn.escaping import in_line


def yolo(context: typer.Context, *, own: options.Own = None, trust: options.Trust = False) -> None:
    """Run Ultralytics' `yolo` command; the mechanisms can be named in every YAML.

    All but --own and --trust is that command's own language; `help` explains it. The exit code is
    its own too.

    Examples:
        yaml-attn yolo train model=yolo11n_SE.yaml data=coco8.yaml epochs=100
        yaml-attn yolo --own ./my_attn.py:MyAttention predict model=best.pt
    """
    from yaml_attn.frameworks.ultralytics import run_yolo  # noqa: PLC0415

    # What it writes is not known here, so it is not said either.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run_yolo(context.args, own or (), trust=trust)
    except KeyboardInterrupt:
        typer.echo("interrupted; what Ultralytics wrote so far stays", err=True)
        sys.exit(INTERRUPTED)
    except (YamlAttnError, ModuleNotFoundError):
        raise
    except Exception as error:  # noqa: BLE001 (whatever the framework raises is its own)
        trace(error)
        text = " ".join(str(error).split())
        problem = f"Ultralytics stopped: {type(error).__name__}{': ' * bool(text)}{text}"
        complain(UsageError(in_line(problem), hint=f"{DEBUG}=1 shows where."))
        sys.exit(1)
