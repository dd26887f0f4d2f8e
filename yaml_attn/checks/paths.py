"""The configs among what a user names: files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from yaml_attn.config.diagnosis import SUFFIXES
from yaml_attn.errors import UsageError
from yaml_attn.files import is_folder, may_be_config


def expand(names: Iterable[str]) -> list[Path]:
    """The files that these names mean, each once, in the order given: see `find`."""
    return list(find(names))


def find(names: Iterable[str]) -> dict[Path, Path | None]:
    """The files that these names mean, in the order given, each with the folder it was found in.

    A folder means the YAML files in and below it, hidden folders left out. What cannot be a config,
    such as a pipe or a file of many MB, is left out unless it is named itself. A file that is named
    itself was not looked for in any folder.

    Raises:
        UsageError: a name is no file, no folder, and no pattern that anything matches.
    """
    found: dict[Path, Path | None] = {}
    for name in names:
        path = Path(name)
        if is_folder(path):
            files = list(_in_folder(path))
        elif os.path.lexists(path):
            found[path] = None
            continue
        else:
            files = list(_like(name))
            if not files:
                raise UsageError(f"{name}: no such file, and no pattern that matches one")
        for file, folder in files:
            found.setdefault(file, folder)
    return found


def _before_pattern(pattern: str) -> Path:
    """The folder that a pattern looks in."""
    parts = Path(pattern).parts
    first = next((at for at, part in enumerate(parts) if has_magic(part)), 0)
    return Path(*parts[:first])


def _in_folder(folder: Path) -> Iterator[tuple[Path, Path]]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                path = Path(place, name)
                if may_be_config(path):
                    found.append(path)
    for path in sorted(found):
        yield path, folder


def _like(pattern: str) -> Iterator[tuple[Path, Path]]:
    folder = _before_pattern(pattern)
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207 (absolute patterns too)
        path = Path(name)
        if is_folder(path):
            yield from _in_folder(path)
        elif may_be_config(path):
            yield path, folder
