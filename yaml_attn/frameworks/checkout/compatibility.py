"""Whether a checkout can build a config at all, told from its files; nothing of it is run.

A row is looked up among the names of `models/yolo.py`, and `parse_model` reads some settings from
every config. Of 76 official configs in five checkouts (380 pairs), 238 are refused by these two
questions, and each of them fails to build there.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import Path

from yaml_attn.dialects import family, find, recognise
from yaml_attn.dialects.block_attention import parse
from yaml_attn.dialects.module_specs import plain
from yaml_attn.document.document import Document
from yaml_attn.errors import UsageError
from yaml_attn.mechanisms import registry


def foreign(config: Document, names: Collection[str]) -> tuple[str, ...]:
    """The modules that a config names, and that neither a checkout with these names has nor we.

    Names that a fork makes at run time are not seen.
    """
    modules = dict.fromkeys(plain(layer.module) for layer in config.network.layers)
    return tuple(
        name
        for name in modules
        if name.isidentifier()
        and name not in {*names, *registry.MECHANISMS}
        and not parse(name, registry.find)
    )


def refuse_misfit(config: Document, source: bytes, names: Collection[str], root: Path) -> None:
    """Refuse a config that the checkout cannot build.

    Args:
        config: the config.
        source: the checkout's `models/yolo.py`.
        names: those that rows can use there.
        root: the checkout.

    Raises:
        UsageError: rows name modules that nobody has, or a setting is missing that all configs of
            the checkout have.
    """
    unknown = foreign(config, names)
    if unknown:
        modules = [plain(layer.module) for layer in config.network.layers]
        at = modules.index(unknown[0])
        raise UsageError(
            f"names {', '.join(unknown)}, which neither {root} nor yaml-attn has",
            path=config.path,
            line=config.rows[at].line,
            layer=at,
            hint=f"{_whose(config)} --own FILE.py:CLASS names a class of yours.",
        )
    missing = [key for key in _demanded(source) if key not in config.settings]
    if missing:
        raise UsageError(
            f"has no {', '.join(missing)}, which {root} reads from every config",
            path=config.path,
            hint=_whose(config),
        )


def _whose(config: Document) -> str:
    """Which framework a config is of, and what trains it."""
    dialect = recognise(config.network, config.settings)
    if family(dialect) == "ultralytics":
        return "It is one of Ultralytics: `yaml-attn yolo train model=FILE` trains it."
    return f"It reads as one of {find(dialect).title}; nothing was written."


def _demanded(source: bytes) -> list[str]:
    """The settings that `parse_model` reads whatever the config has: `d["anchors"]`."""
    found: dict[str, None] = {}
    for function in ast.parse(source).body:
        match function:
            case ast.FunctionDef(name="parse_model", args=ast.arguments(args=[config, *_])):
                nodes = [each for line in function.body for each in _certain(line)]
            case _:
                continue
        for node in nodes:
            match node:
                case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))) if (
                    name == config.arg
                ):
                    found[key] = None
    return [key for key in found if key != "nc"]  # the data's, when it is trained


def _certain(line: ast.stmt) -> list[ast.AST]:
    """What an assignment certainly evaluates: nothing of one with a condition in it."""
    nodes = [*ast.walk(line)] if isinstance(line, ast.Assign) else []
    return [] if any(isinstance(each, ast.IfExp | ast.BoolOp) for each in nodes) else nodes
