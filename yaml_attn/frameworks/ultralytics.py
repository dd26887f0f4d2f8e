"""Ultralytics with the bundled mechanisms: `import yaml_attn.frameworks.ultralytics`.

Importing this registers them, in every process that does it; `registration` says how. Classes of
your own are named: `register("./my_attn.py:MyAttention")`.

A model is made of the classes in `yaml_attn.modules`, and its checkpoint names these and nothing
of this file: it loads, predicts, validates and exports wherever yaml-attn is installed. What builds
from rows again (training from a checkpoint, resuming) needs the import.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from traceback import walk_tb

from yaml_attn.errors import UnknownModuleError
from yaml_attn.frameworks.runtime.pretrained import load_pretrained
from yaml_attn.frameworks.runtime.registration import framework, register, unregister

__all__ = ["load_pretrained", "register", "run_yolo", "unregister"]


def run_yolo(args: list[str], own: Iterable[str] = (), *, trust: bool = False) -> None:
    """The framework's own command, `yolo ARGS`, with the mechanisms registered.

    Args:
        args: the command's words.
        own: classes of the user's, as `register` takes them.
        trust: as for `register`.

    Raises:
        UntrustedError: the framework would run some of a config.
        UnknownModuleError: a row names a class that is not known.
        UsageError: Ultralytics is not installed, or there is no such class.
        SystemExit: as the command ends.
    """
    # In place: the framework keeps the list itself. No path of a script: old versions would start
    # that script in each process of a multi-GPU training.
    sys.argv[:] = ["yolo", *args]
    register(*own, trust=trust)
    try:
        framework("cfg").entrypoint()
    except KeyError as error:
        unknown = _unknown_module(error)
        if unknown is None:
            raise
        raise UnknownModuleError(
            f"a row of the config names {unknown}, which is not known here",
            hint=f"If it is a class of yours, name it: yaml-attn yolo --own ./FILE.py:{unknown}, "
            f'or in Python register("./FILE.py:{unknown}") of yaml_attn.frameworks.ultralytics.',
        ) from None


def _unknown_module(error: KeyError) -> str | None:
    """The module that `parse_model` has not found; None if the error is of anything else."""
    *_, (frame, _) = walk_tb(error.__traceback__)
    known = frame.f_code.co_name == "parse_model" and error.args == (frame.f_locals.get("m"),)
    return str(error.args[0]) if known else None


register()
