"""The names that a file of a checkout has at its top level, without running any of it.

Needed because these frameworks look a row's module up among them: a fork that brings its own `SE`
must not have it replaced behind its back.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from yaml_attn.files import is_file

_FILE: Final = re.compile(r".*\.\w+")


def names_in_scope(path: Path, root: Path, *, without: Path | None = None) -> dict[str, str]:
    """Each name that the file defines or imports -> where that is, `models/common.py:42`.

    `from models.common import *` is followed into files below `root`, but for the file `without`;
    a file that is no Python gives none.
    """
    return dict(_names(path, root, {without} if without else set()))


def home_of(name: str, path: Path, root: Path) -> Path | None:
    """The file below `root` that defines a name which a file has at its top level."""
    return _home(name, path, root, set())


def code_in_scope(path: Path, root: Path) -> set[str]:
    """The names of a file's top level that are no layers: functions, modules, and classes that open
    a file unless told otherwise.

    What is imported from elsewhere than `root` is told by its first letter.
    """
    return _code(path, root, frozenset())


def _code(path: Path, root: Path, seen: frozenset[Path]) -> set[str]:
    if path in seen or not is_file(path):
        return set()
    seen |= {path}
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in _top_level(tree.body):
        if isinstance(node, ast.ImportFrom):
            file = _file(node, path, root)
            there = _code(file, root, seen) if is_file(file) else None
            names = _imported(node, there)
        else:
            names = _defined(node, found)
        for name, is_code in names:
            (found.add if is_code else found.discard)(name)
    return found


def _defined(node: ast.stmt, found: set[str]) -> list[tuple[str, bool]]:
    """The names that a statement defines, and whether each is code; `found` are those so far."""
    match node:
        case ast.FunctionDef(name=name):
            return [(name, True)]
        case ast.ClassDef(name=name):
            return [(name, _opens_file(node, found))]
        case ast.Assign(targets=targets, value=value):
            is_code = isinstance(value, ast.Name) and value.id in found
            return [(each.id, is_code) for each in targets if isinstance(each, ast.Name)]
        case ast.Import(names=names):
            return [(each.asname or each.name.split(".")[0], True) for each in names]
    return []


def _imported(node: ast.ImportFrom, there: set[str] | None) -> list[tuple[str, bool]]:
    """The names that a statement imports, and whether each is code; `there` is what the file has
    of it, if it is one of the checkout's.
    """
    if node.names[0].name == "*":
        return [(name, True) for name in there or ()]
    return [
        (each.asname or each.name, each.name[:1].islower() if there is None else each.name in there)
        for each in node.names
    ]


def _opens_file(node: ast.ClassDef, others: set[str]) -> bool:
    """Whether the constructor of a class, or of one of `others` above it, does by default."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            defaults = [*each.args.defaults, *each.args.kw_defaults]
            return any(
                isinstance(one, ast.Constant) and names_a_file(one.value) for one in defaults
            )
    return any(isinstance(base, ast.Name) and base.id in others for base in node.bases)


def names_a_file(default: Any) -> bool:
    """Whether the default of a parameter is the name of a file."""
    return isinstance(default, str) and bool(_FILE.fullmatch(default))


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
