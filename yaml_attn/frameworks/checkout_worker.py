"""What runs inside a checkout, as a process of its own: builds a config with the checkout's layers.

It reads a request from stdin and answers on stdout, both JSON. Whatever the framework prints goes
to stderr.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml_attn.errors
from yaml_attn.building.recipe import Recipe, plain, rows_of
from yaml_attn.config.document import Document
from yaml_attn.errors import YamlAttnError
from yaml_attn.frameworks.applying import Checkout
from yaml_attn.frameworks.build_checkout import package_of
from yaml_attn.frameworks.imports import importing

if TYPE_CHECKING:
    from torch import nn

    from yaml_attn.building.report import BuildReport

_WHAT = "the checkout"


def main() -> None:
    """Answer the request on stdin."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    answer = respond(Path.cwd(), json.load(sys.stdin))
    with answers:
        json.dump(answer, answers)


def respond(root: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a request: a report, or an error that is the user's to know."""
    try:
        return {"report": dataclasses.asdict(_build(root, **request))}
    except YamlAttnError as error:
        kinds = [each.__name__ for each in type(error).__mro__]
        facts = {
            "kind": next(kind for kind in kinds if hasattr(yaml_attn.errors, kind)),
            "message": error.message,
            "path": None if error.path is None else str(error.path),
            "line": error.line,
            "column": error.column,
            "layer": error.layer,
            "hint": error.hint,
        }
        return {"error": facts}


def _build(
    root: Path,
    *,
    text: str,
    name: str,
    dialect: str,
    nc: int | None,
    scale: str | None,
    **options: Any,
) -> BuildReport:
    if package_of(root, dialect) == "ultralytics":
        from yaml_attn.frameworks import build_ultralytics  # noqa: PLC0415

        return build_ultralytics.build(
            text, name, scale=scale, nc=nc, what="the checkout's Ultralytics", **options
        )
    document = Document.parse(text.encode(), Path(name))
    sys.meta_path.insert(0, _InMemory(_made_known(Checkout(root), document)))
    with importing(_WHAT, root):
        from yaml_attn.building.observed import build as observe  # noqa: PLC0415 (imports torch)

        yolo = import_module("models.yolo")
    config = plain(document, nc)

    def make() -> nn.Module:
        made: nn.Module = yolo.Model(config)
        return made

    channels = config.get("ch", 3)
    return observe(Recipe(make, rows_of(document), channels, _WHAT, vars(yolo)), **options)


def _made_known(checkout: Checkout, document: Document) -> Mapping[str, tuple[Path, bytes]]:
    """The modules that `apply` would write for a config; none where it has been applied.

    A parser that it would not recognise is no hindrance to a config without attention of ours.
    """
    used = () if checkout.modules.is_file() else checkout.used(document)
    changes = checkout.plan(used).changes if used else ()
    return {
        f"{each.path.parent.name}.{each.path.stem}": (each.path, each.after)
        for each in changes
        if each.after is not None
    }


class _InMemory(MetaPathFinder, ExecutionLoader):
    """Imports modules from sources that stand in no file."""

    def __init__(self, sources: Mapping[str, tuple[Path, bytes]]) -> None:
        self.sources = sources

    def find_spec(self, fullname: str, _path: Any, _target: Any = None) -> ModuleSpec | None:
        """The spec of a module that is held here."""
        if fullname not in self.sources:
            return None
        return spec_from_file_location(fullname, self.get_filename(fullname), loader=self)

    def get_source(self, fullname: str) -> str:
        """Its source."""
        return decode_source(self.sources[fullname][1])

    def get_filename(self, fullname: str) -> str:
        """Where it would stand."""
        return str(self.sources[fullname][0])
