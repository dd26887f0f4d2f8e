"""The constructor of a user's class, read from its file. Nothing of the file runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from inspect import Parameter
from pathlib import Path
from typing import Any, Final

from yaml_attn.errors import UnknownModuleError, UsageError

_HOW: Final = "It is read and not run here: without --no-build it is imported."


def read_constructor(place: str, attribute: str) -> tuple[Parameter, ...]:
    """The parameters of a class, without `self`.

    Args:
        place: a file, `path/to/file.py`, or a module, `package.module`.
        attribute: the class in it.

    Raises:
        UnknownModuleError: there is no such file, module or class.
        UsageError: it cannot be read, or another file has the constructor.
    """
    path = Path(place) if place.endswith(".py") else _file_of(place)
    try:
        tree = ast.parse(path.read_bytes())
    except FileNotFoundError:
        hint = f"It is looked for from {Path.cwd()}."
        raise UnknownModuleError("no such file", path=path, hint=hint) from None
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", path=path) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError("is no Python that can be read", path=path) from None
    init = _constructor(tree, attribute, path)
    first, *rest = _parameters(init.args, _constants(tree))
    if not rest:
        raise UsageError(
            f"{attribute} does not take the number of channels",
            path=path,
            line=init.lineno,
            hint=f"It must be the first parameter: def __init__({first.name}, channels, ...).",
        )
    return tuple(rest)


def _file_of(module: str) -> Path:
    """The file of a module that Python can import. No package that it is in is imported."""
    names, where = module.split("."), None
    for at in range(len(names)):
        name = ".".join(names[: at + 1])
        found = (finder.find_spec(name, where) for finder in sys.meta_path)
        spec = next((each for each in found if each), None)
        if spec is None:
            raise UnknownModuleError(f"{module} cannot be found: there is no {name}", hint=_HOW)
        where = spec.submodule_search_locations
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UsageError(f"{module} is no file of Python", hint=_HOW)
    return Path(spec.origin)


def _constructor(tree: ast.Module, attribute: str, path: Path) -> ast.FunctionDef:
    """`__init__` of a class, or that of the first class above it that has one."""
    body: list[ast.stmt] = tree.body
    found = None
    for name in attribute.split("."):
        found = _class(body, name)
        if found is None:
            names = ", ".join(each.name for each in _classes(tree.body)) or "none"
            raise UnknownModuleError(
                f"defines no class {attribute}", path=path, hint=f"Classes in it: {names}. {_HOW}"
            )
        body = found.body
    seen: set[str] = set()
    while found is not None and found.name not in seen:
        seen.add(found.name)
        for node in found.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                return node
        bases = [each.id for each in found.bases if isinstance(each, ast.Name)]
        found = _class(tree.body, bases[0]) if bases else None
    raise UsageError(f"does not define the constructor of {attribute}", path=path, hint=_HOW)


def _class(body: list[ast.stmt], name: str) -> ast.ClassDef | None:
    return next((each for each in reversed([*_classes(body)]) if each.name == name), None)


def _classes(body: list[ast.stmt]) -> Iterator[ast.ClassDef]:
    """The classes, also those inside `if` and `try`."""
    for node in body:
        match node:
            case ast.ClassDef():
                yield node
            case ast.If(body=inner, orelse=other):
                yield from _classes([*inner, *other])
            case ast.Try(body=inner, orelse=other, finalbody=last):
                yield from _classes([*inner, *other, *last])


def _constants(tree: ast.Module) -> Mapping[str, Any]:
    """The names of the top level that are literals, which defaults may be."""
    found = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = _literal(value, {})
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = _literal(value, {})
    return found


class _Unread:
    """A default that is no literal; it prints as it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _literal(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name) and node.id in names:
        return names[node.id]
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return _Unread(ast.unparse(node))


def _parameters(args: ast.arguments, names: Mapping[str, Any]) -> Iterator[Parameter]:
    def parameter(each: ast.arg, kind: Any, default: ast.expr | None = None) -> Parameter:
        annotation = Parameter.empty if each.annotation is None else ast.unparse(each.annotation)
        value = Parameter.empty if default is None else _literal(default, names)
        return Parameter(each.arg, kind, default=value, annotation=annotation)

    placed = [*args.posonlyargs, *args.args]
    given = [None] * (len(placed) - len(args.defaults)) + [*args.defaults]
    for at, (each, default) in enumerate(zip(placed, given, strict=True)):
        before = at < len(args.posonlyargs)
        kind = Parameter.POSITIONAL_ONLY if before else Parameter.POSITIONAL_OR_KEYWORD
        yield parameter(each, kind, default)
    if args.vararg:
        yield parameter(args.vararg, Parameter.VAR_POSITIONAL)
    for each, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield parameter(each, Parameter.KEYWORD_ONLY, default)
    if args.kwarg:
        yield parameter(args.kwarg, Parameter.VAR_KEYWORD)
