"""Writing a file whole or not at all, and finding the configs that a name alone means."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Container
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final

from yaml_attn.errors import NoFileError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

EXISTS_HINT = "Use --force to replace it, or -o for another name."

# A file on its way to its name is called `.NAME.{16 digits}.yaml-attn`.
_SUFFIX: Final = ".yaml-attn"
_TEMPORARY: Final = re.compile(rf"\.(.+)\.[0-9a-f]{{16}}{re.escape(_SUFFIX)}", re.DOTALL)

_ABANDONED: Final = 3600
"""Seconds after which a temporary file is nobody's, where files cannot be locked."""


def write_atomically(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file so that nobody ever sees half of it, not after a kill or a full disk either.

    What killed runs left of the same file is removed.

    Args:
        path: the file; a link is followed.
        data: its new content.
        replace: whether an existing file may be replaced; its mode is kept.

    Raises:
        OutputError: the file exists and may not be replaced, or cannot be written. Whatever
            stood there is untouched.
    """
    real = real_path(path)
    temporary = None
    try:
        mode = _mode(real)
        remove_leftovers(real.parent, [real.name])
        with _create(real) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:
                file.close()  # Windows renames no open file
            temporary.chmod(mode)
            if replace:
                temporary.replace(real)
            else:
                _place(temporary, real)
    except FileExistsError:
        raise OutputError("exists already", path=path, hint=EXISTS_HINT) from None
    except FileNotFoundError:
        folder = real.parent if path.is_symlink() else path.parent
        hint = f"Create the folder {folder} first, or name another with -o."
        raise OutputError("its folder does not exist", path=path, hint=hint) from None
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=path) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                temporary.unlink()


def remove_leftovers(folder: Path, names: Container[str]) -> None:
    """Remove what killed runs left of files with these names, and nothing that a run still writes.

    A temporary file is locked as long as its run lives; where there are no locks, it is nobody's
    after an hour.

    Args:
        folder: where the files stand.
        names: their names, not those of the temporary files.
    """
    for entry in os.scandir(folder):
        found = _TEMPORARY.fullmatch(entry.name)
        if found and found[1] in names:
            with contextlib.suppress(OSError):
                _remove_unless_locked(folder / entry.name)


def _remove_unless_locked(path: Path) -> None:
    if fcntl is None:
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink()
        return
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _create(path: Path) -> BinaryIO:
    """A new file beside this one, under a name of its own, locked as long as it is open."""
    while True:
        temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}{_SUFFIX}")
        # For the user alone until it has the mode of the file that it becomes.
        file = open(temporary, "xb", opener=_private)  # noqa: SIM115 (the caller closes it)
        if fcntl:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():
            return file
        file.close()  # another run took it for a leftover before it was locked


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _mode(path: Path) -> int:
    """The mode of the file, or the one that a new file gets."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _place(temporary: Path, path: Path) -> None:
    """Give the file its name unless something has it; a link does both in one step."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError from None
        temporary.replace(path)


def exists(path: str | Path) -> bool:
    """Whether there is something of this name; where that cannot be known, opening it says why."""
    try:
        os.stat(path)  # noqa: PTH116 (Python's versions differ in what pathlib's raises)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no name has a zero
        return False
    except OSError:
        return True
    return True


def occupied(path: str | Path) -> bool:
    """Whether something stands where a file is to be written.

    Raises:
        OutputError: that cannot be known, nor written there.
    """
    try:
        os.stat(path)  # noqa: PTH116 (see `exists`)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=path) from None
    return True


def is_file(path: str | Path) -> bool:
    """Whether it can be seen that there is a file, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113 (see `exists`)


def is_folder(path: str | Path) -> bool:
    """Whether it can be seen that there is a folder, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112 (see `exists`)


def real_path(path: str | Path) -> Path:
    """The absolute path without links; what cannot be one, as a loop of them, is left as it is."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # no name has a zero
        return Path(path)


def templates() -> dict[str, Path]:
    """The base configs that ship with the package, by file name."""
    package = Path(__file__).parent
    # In the wheel they lie inside the package, in a checkout beside it.
    for folder in (package / "templates", package.parent / "templates"):
        found = {path.name: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def installed() -> dict[str, Path]:
    """The configs of an installed ultralytics, by file name; nothing of it is imported."""
    spec = find_spec("ultralytics")
    places = (spec.submodule_search_locations or []) if spec else []
    folders = [Path(place) / "cfg" / "models" for place in places]
    return {path.name: path for folder in folders for path in sorted(folder.rglob("*.yaml"))}


def find_file(name: str) -> Path:
    """The file of this name: a path, a template, or a config of an installed ultralytics.

    Raises:
        NoFileError: there is none.
    """
    path = Path(name)
    if exists(path):
        return path
    for named in (templates, installed):
        there = named()
        for candidate in (name, f"{name}.yaml"):
            if candidate in there:
                return there[candidate]
    raise NoFileError(
        "no such file, and no template of this name",
        path=path,
        hint="yolov8n.yaml is yolov8.yaml at scale n; where Ultralytics is installed, its configs "
        f"are found too. Templates: {', '.join(templates())}.",
    )
