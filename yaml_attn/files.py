"""Writing a file whole or not at all, and finding the templates that ship with the package."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from yaml_attn.errors import DocumentError, OutputError

EXISTS_HINT = "Use --force to replace it, or -o for another name."


def write_atomically(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file so that nobody ever sees half of it, not after a kill or a full disk either.

    Args:
        path: the file; a link is followed.
        data: its new content.
        replace: whether an existing file may be replaced; its mode is kept.

    Raises:
        OutputError: the file exists and may not be replaced, or cannot be written. Whatever
            stood there is untouched.
    """
    path = path.resolve()
    temporary = None
    try:
        mode = _mode(path)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        if replace:
            temporary.replace(path)
        else:
            _place(temporary, path)
    except FileExistsError:
        raise OutputError("exists already", path=path, hint=EXISTS_HINT) from None
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=path) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                temporary.unlink()


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


def templates() -> dict[str, Path]:
    """The base configs that ship with the package, by file name."""
    package = Path(__file__).parent
    # In the wheel they lie inside the package, in a checkout beside it.
    for folder in (package / "templates", package.parent / "templates"):
        found = {path.name: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def find_base(name: str) -> Path:
    """The file that `--base` means: a path, or else a template of this name.

    Raises:
        DocumentError: neither exists.
    """
    path = Path(name)
    if path.exists():
        return path
    shipped = templates()
    for candidate in (name, f"{name}.yaml"):
        if candidate in shipped:
            return shipped[candidate]
    raise DocumentError(
        "no such file, and no template of this name",
        path=path,
        hint=f"Templates: {', '.join(shipped)}.",
    )
