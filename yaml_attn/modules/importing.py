"""Importing a user's code, from a file or by a module's name; what it raises becomes a sentence."""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Final

from yaml_attn.errors import InternalError, UnknownModuleError, UsageError
from yaml_attn.files import is_file, is_folder, real_path

PREFIX: Final = "yaml_attn_own_"
"""What the names of modules begin with that are files of users."""


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


class Checkpoints(MetaPathFinder, Loader):
    """Finds what a checkpoint names, whatever text and folder it was trained with.

    What nobody has named is told: Ultralytics would ask pip for it.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The file of this name that is imported already.

        Raises:
            UsageError: there is none.
        """
        del path, target
        if not fullname.startswith(PREFIX):
            return None
        if _short(fullname) in sys.modules:
            return spec_from_loader(fullname, self)
        file = f"{_short(fullname).removeprefix(PREFIX)}.py"
        raise UsageError(
            f"the checkpoint needs a class of {file}, which is not known here",
            hint=f"Name it: yaml-attn yolo --own ./{file}:CLASS, or in Python "
            f'register("./{file}:CLASS") of yaml_attn.frameworks.ultralytics.',
        )

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """That file's module."""
        return sys.modules[_short(spec.name)]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run."""


def _short(name: str) -> str:
    return re.sub("_[0-9a-f]{12}$", "", name)


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
    """The file as a module that pickle finds again, also in another process and folder.

    The first text that a process imports under a file's name is `yaml_attn_own_NAME`, which a
    checkpoint then says: it loads wherever a file of this name is imported. A name without prefix
    could be another package's. Changed text is another module, also named by path and text.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        hint = f"It is looked for from {Path.cwd()}."
        raise UnknownModuleError("no such file", path=path, hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", path=path) from None
    real = real_path(path)
    digest = hashlib.sha256(bytes(real) + b"\0" + data).hexdigest()[:12]
    short = re.sub(r"\W", "_", f"{PREFIX}{path.stem}")
    exact = f"{short}_{digest}"
    if exact in sys.modules:
        return sys.modules[exact]
    name = exact if short in sys.modules else short
    loader = _Source(real, data)
    spec = spec_from_file_location(name, real, loader=loader)
    if spec is None:
        raise InternalError(f"Python finds no way to load {path}")
    module = module_from_spec(spec)
    # Before it runs: dataclasses look their module up.
    sys.modules[name] = sys.modules[exact] = module
    try:
        loader.exec_module(module)
    except BaseException:
        for each in {name, exact}:
            sys.modules.pop(each, None)
        raise
    return module


def _one_line(error: BaseException) -> str:
    lines = str(error.msg if isinstance(error, SyntaxError) else error).splitlines()
    return ": ".join([type(error).__name__, *lines[:1]])


def _line(error: BaseException, path: Path) -> int | None:
    """The line of the user's file that the error comes from."""
    file = str(real_path(path))
    if isinstance(error, SyntaxError):
        return error.lineno if error.filename == file else None
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    return lines[-1] if lines else None


def _path_hint(missing: str, path: Path | None) -> str:
    """Where Python looked for a module, and where it is if that is easily seen."""
    parts = missing.split(".")
    folders = [Path.cwd()] if path is None else [real_path(path).parent, Path.cwd()]
    on_path = {real_path(entry) for entry in sys.path}
    for folder in folders:
        file = folder.joinpath(*parts)
        if folder not in on_path and (is_folder(file) or is_file(f"{file}.py")):
            other = "." if path else ", or name the file itself."
            return f"{folder} has it, but is not on Python's path: set PYTHONPATH={folder}{other}"
    state = "is" if Path.cwd() in on_path else "is not"
    return f"The current folder {state} on Python's path."
