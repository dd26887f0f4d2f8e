"""The configs among what a user names: files, folders and patterns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from yaml_attn.config.diagnosis import SUFFIXES
from yaml_attn.errors import UsageError


def expand(names: Iterable[str]) -> list[Path]:
    """The files that these names mean, each once, in the order given: see `find`."""
    return list(find(names))


def find(names: Iterable[str]) -> dict[Path, Path | None]:
    """The files that these names mean, in the order given, each with the folder it was found in.

    A folder means the YAML files in and below it, hidden folders left out. A file that is named
    itself was not looked for in any.

    Raises:
        UsageError: a name is no file, no folder, and no pattern that anything matches.
    """
    found: dict[Path, Path | None] = {}
    for name in names:
        path = Path(name)
        if path.is_file():
            found[path] = None
            continue
        files = dict(_in_folder(path) if path.is_dir() else _like(name))
        if not files and not path.is_dir():
            raise UsageError(f"{name}: no such file, and no pattern that matches one")
        found = {**files, **found}
    return found


def _before_pattern(pattern: str) -> Path:
    """The folder that a pattern looks in."""
    parts = Path(pattern).parts
    first = next((at for at, part in enumerate(parts) if has_magic(part)), 0)
    return Path(*parts[:first])


def _in_folder(folder: Path) -> Iterator[tuple[Path, Path]]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in inside)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path, folder


def _like(pattern: str) -> Iterator[tuple[Path, Path]]:
    folder = _before_pattern(pattern)
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207 (absolute patterns too)
        path = Path(name)
        if path.is_dir():
            yield from _in_folder(path)
        else:
            yield path, folder
