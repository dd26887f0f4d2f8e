"""The configs among what a user names: files, folders and patterns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path

from yaml_attn.config.diagnosis import SUFFIXES
from yaml_attn.errors import UsageError
from yaml_attn.files import exists, is_file, is_folder


def expand(names: Iterable[str]) -> list[Path]:
    """The files that these names mean, each once, in the order given.

    A folder means the YAML files in and below it, hidden folders left out.

    Raises:
        UsageError: a name is no file, no folder, and no pattern that anything matches.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if is_folder(path):
            files = list(_in_folder(path))
        else:
            files = [path] if exists(path) else list(_like(name))
            if not files:
                raise UsageError(f"{name}: no such file, and no pattern that matches one")
        found.update(dict.fromkeys(files))
    return list(found)


def _in_folder(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in inside)
        if path.suffix.lower() in SUFFIXES and not hidden and is_file(path):
            yield path


def _like(pattern: str) -> Iterator[Path]:
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207 (absolute patterns too)
        path = Path(name)
        if is_folder(path):
            yield from _in_folder(path)
        else:
            yield path
