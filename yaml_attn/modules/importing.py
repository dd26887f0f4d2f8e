"""Importing a user's code, from a file or by a module's name; what it raises becomes a sentence."""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
from importlib import import_module
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from yaml_attn.errors import InternalError, UnknownModuleError, UsageError


def import_place(place: str) -> ModuleType:
    """Import `path/to/file.py` or `package.module`; this runs its code.

    Raises:
        UnknownModuleError: there is no such file or module.
        UsageError: its code fails; says the line of a file, and where Python looked for what
            could not be imported.
    """
    path = Path(place) if place.endswith(".py") else None
    try:
        return import_module(place) if path is None else _import_file(path)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a script may exit when imported
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        hint = _path_hint(missing, path) if missing else None
        message = f"cannot be imported: {_one_line(error)}"
        if path is not None:
            raise UsageError(message, path=path, line=_line(error, path), hint=hint) from None
        is_unknown = missing and f"{place}.".startswith(f"{missing}.")
        kind = UnknownModuleError if is_unknown else UsageError
        raise kind(f"{place} {message}", hint=hint) from None


class _Source(SourceLoader):
    """Loads the very bytes that the module is named after, and leaves no `__pycache__` behind."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path = path
        self._data = data

    def get_filename(self, fullname: str) -> str:
        """Where tracebacks and `inspect.getsource` find the text."""
        del fullname
        return str(self._path)

    def get_data(self, path: str | bytes) -> bytes:
        """The text of the file."""
        del path
        return self._data


def _import_file(path: Path) -> ModuleType:
    """The file as a module that pickle finds again; changed text is another module."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        hint = f"It is looked for from {Path.cwd()}."
        raise UnknownModuleError("no such file", path=path, hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", path=path) from None
    real = path.resolve()
    digest = hashlib.sha256(bytes(real) + b"\0" + data).hexdigest()[:12]
    name = re.sub(r"\W", "_", f"{path.stem}_{digest}")
    if name in sys.modules:
        return sys.modules[name]
    loader = _Source(real, data)
    spec = spec_from_file_location(name, real, loader=loader)
    if spec is None:
        raise InternalError(f"Python finds no way to load {path}")
    module = module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look their module up
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _one_line(error: BaseException) -> str:
    lines = str(error.msg if isinstance(error, SyntaxError) else error).splitlines()
    return ": ".join([type(error).__name__, *lines[:1]])


def _line(error: BaseException, path: Path) -> int | None:
    """The line of the user's file that the error comes from."""
    file = str(path.resolve())
    if isinstance(error, SyntaxError):
        return error.lineno if error.filename == file else None
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    return lines[-1] if lines else None


def _path_hint(missing: str, path: Path | None) -> str:
    """Where Python looked for a module, and where it is if that is easily seen."""
    parts = missing.split(".")
    folders = [Path.cwd()] if path is None else [path.resolve().parent, Path.cwd()]
    on_path = {Path(entry).resolve() for entry in sys.path}
    for folder in folders:
        file = folder.joinpath(*parts)
        if folder not in on_path and (file.is_dir() or file.with_suffix(".py").is_file()):
            other = "." if path else ", or name the file itself."
            return f"{folder} has it, but is not on Python's path: set PYTHONPATH={folder}{other}"
    state = "is" if Path.cwd() in on_path else "is not"
    return f"The current folder {state} on Python's path."
