"""The names that a file of a checkout has at its top level, without running any of it.

Needed because these frameworks look a row's module up among them: a fork that brings its own `SE`
must not have it replaced behind its back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from yaml_attn.files import is_file


def names_in_scope(path: Path, root: Path, *, without: Path | None = None) -> dict[str, str]:
    """Each name that the file defines or imports -> where that is, `models/common.py:42`.

    `from models.common import *` is followed into files below `root`, but for the file `without`;
    a file that is no Python gives none.
    """
    return dict(_names(path, root, {without} if without else set()))


def home_of(name: str, path: Path, root: Path) -> Path | None:
    """The file below `root` that defines a name which a file has at its top level."""
    return _home(name, path, root, set())


def _home(name: str, path: Path, root: Path, seen: set[Path]) -> Path | None:
    if path in seen or not is_file(path):
        return None
    seen.add(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
    for node in reversed([*_top_level(tree.body)]):  # the last one counts
        found = None
        match node:
            case ast.ClassDef(name=defined) if defined == name:
                found = path
            case ast.Assign(targets=[ast.Name(id=defined)]) if defined == name:
                found = path
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                found = _home(name, _file(node, path, root), root, seen)
            case ast.ImportFrom(names=names):
                real = next((each.name for each in names if (each.asname or each.name) == name), "")
                found = _home(real, _file(node, path, root), root, set()) if real else None
        if found:
            return found
    return None


def _names(path: Path, root: Path, seen: set[Path]) -> Iterator[tuple[str, str]]:
    if path in seen or not is_file(path):
        return
    seen.add(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in _top_level(tree.body):
        where = f"{path.relative_to(root).as_posix()}:{node.lineno}"
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name, where
            case ast.Assign(targets=targets):
                yield from ((each.id, where) for each in targets if isinstance(each, ast.Name))
            case ast.Import(names=names):
                yield from ((each.asname or each.name.split(".")[0], where) for each in names)
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                yield from _names(_file(node, path, root), root, seen)
            case ast.ImportFrom(names=names):
                yield from ((each.asname or each.name, where) for each in names)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, also those inside `if` and `try`."""
    for node in body:
        match node:
            case ast.If(body=inner, orelse=other):
                yield from _top_level([*inner, *other])
            case ast.Try(body=inner, handlers=handlers, orelse=other, finalbody=last):
                caught = [each for handler in handlers for each in handler.body]
                yield from _top_level([*inner, *caught, *other, *last])
            case _:
                yield node


def _file(node: ast.ImportFrom, path: Path, root: Path) -> Path:
    """The file that a star import reads, if it is one of the checkout's."""
    folder = path.parents[node.level - 1] if node.level else root
    return folder.joinpath(*(node.module or "").split(".")).with_suffix(".py")
