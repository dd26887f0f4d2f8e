"""The configs among what a user names: files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob
from pathlib import Path

from yaml_attn.config.diagnosis import SUFFIXES
from yaml_attn.errors import UsageError
from yaml_attn.files import may_be_config


def expand(names: Iterable[str]) -> list[Path]:
    """The files that these names mean, each once, in the order given.

    A folder means the YAML files in and below it, hidden folders left out. What cannot be a config,
    such as a pipe or a file of many MB, is left out unless it is named itself.

    Raises:
        UsageError: a name is no file, no folder, and no pattern that anything matches.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if os.path.isdir(path):  # noqa: PTH112 (a name that is too long is none)
            files = _in_folder(path)
        elif os.path.lexists(path):
            files = [path]
        else:
            files = list(_like(name))
            if not files:
                raise UsageError(f"{name}: no such file, and no pattern that matches one")
        found.update(dict.fromkeys(files))
    return list(found)


def _in_folder(folder: Path) -> list[Path]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                path = Path(place, name)
                if may_be_config(path):
                    found.append(path)
    return sorted(found)


def _like(pattern: str) -> Iterator[Path]:
    for name in sorted(glob(pattern, recursive=True)):  # noqa: PTH207 (absolute patterns too)
        path = Path(name)
        if path.is_dir():
            yield from _in_folder(path)
        elif may_be_config(path):
            yield path
