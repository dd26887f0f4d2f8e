"""What runs inside a checkout, as a process of its own: builds configs with the checkout's layers.

It reads a question from stdin and answers on stdout, both JSON. Whatever the framework prints goes
to stderr.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml_attn.errors
from yaml_attn.building.spec import ModelSpec, class_names, plain, rows_of
from yaml_attn.dialects.inert import refuse_code
from yaml_attn.document.document import Document
from yaml_attn.errors import BuildError, YamlAttnError
from yaml_attn.frameworks.checkout.build import package_of
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.frameworks.imports import importing
from yaml_attn.mechanisms.custom import OwnMechanism, load_own

if TYPE_CHECKING:
    from torch import nn

    from yaml_attn.building.report import BuildReport

_WHAT = "the checkout"


def main() -> None:
    """Answer the question on stdin."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))  # PYTHONSAFEPATH leaves it out
    question = json.load(sys.stdin)
    sys.path += question["path"]  # behind the checkout's own
    build = builder(Path.cwd(), question["dialect"])
    with answers:
        json.dump([_answer(build, request) for request in question["requests"]], answers)


def builder(root: Path, dialect: str) -> Callable[..., BuildReport]:
    """What builds configs of a dialect with a checkout, from the fields of a `Request`."""
    if package_of(root, dialect) == "models":
        return _Models(root).build
    return _build_ultralytics


def _answer(build: Callable[..., BuildReport], request: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {"report": dataclasses.asdict(build(**request))}
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


def _build_ultralytics(*, own: Sequence[Sequence[str]], **options: Any) -> BuildReport:
    from yaml_attn.frameworks.runtime.build import build  # noqa: PLC0415

    classes = {row: load_own(source).load() for row, source in own}
    return build(**options, own=classes, what="the checkout's Ultralytics")


class _Models:
    """The checkout's package `models`, in which the mechanisms of the last config are known."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources = _InMemory()
        self.parser: Any = None
        self.imported_for: Any = None
        sys.meta_path.insert(0, self.sources)

    def build(
        self,
        text: str,
        name: str,
        nc: int | None,
        scale: str | None,
        own: Sequence[Sequence[str]],
        trust: bool = False,
        **options: Any,
    ) -> BuildReport:
        """Build one config; `scale` is none of these frameworks'."""
        document = Document.parse(text.encode(), Path(name))
        config = plain(document, nc)
        # Rows of another name than the class's mean what the checkout calls so.
        classes = [each for row, source in own if (each := load_own(source)).name == row]
        checkout = Checkout(self.root)
        with importing(_WHAT, self.root):
            known = _made_known(checkout, document, classes)
            self._import(known, config.get("activation"))
            from yaml_attn.frameworks.namespace import meanings  # noqa: PLC0415 (imports torch)
        if not trust:
            refuse_code(config, meanings(self.parser, {each.name for each in classes}))
        from yaml_attn.building.inspect import build as observe  # noqa: PLC0415 (imports torch)

        def make() -> nn.Module:
            made: nn.Module = self.parser.Model(config)
            return made

        channels, names = config.get("ch", 3), class_names(self.parser)
        recipe = ModelSpec(make, rows_of(document, scale), channels, _WHAT, names)
        try:
            return observe(recipe, **options)
        except BuildError as error:
            error.hint = _hint(error.layer, checkout, document) or error.hint
            raise

    def _import(self, sources: Mapping[str, tuple[Path, bytes]], activation: Any) -> None:
        """Import the parser, anew if other mechanisms must be known to it than before.

        Or if the last config had another activation: it stays that of all later models.
        """
        if self.parser is not None and self.imported_for == (sources, activation):
            return
        for name in [name for name in sys.modules if name.partition(".")[0] in {"models", "utils"}]:
            del sys.modules[name]
        self.sources.held = sources
        self.parser = import_module("models.yolo")
        self.imported_for = (sources, activation)


def _made_known(
    checkout: Checkout, document: Document, own: Sequence[OwnMechanism]
) -> Mapping[str, tuple[Path, bytes]]:
    """The modules that `apply` would write for a config; none if it has been applied.

    A parser that it would not recognise is no hindrance to a config without attention of ours. A
    class of the user's that the checkout has itself is taken from there.
    """
    lacking, foreign = checkout.lacking(document), checkout.foreign(document)
    wanted = [each for each in own if each.name in foreign]
    changes = checkout.plan(lacking, own=wanted).changes if lacking or wanted else ()
    return {
        f"{each.path.parent.name}.{each.path.stem}": (each.path, each.after)
        for each in changes
        if each.after is not None
    }


def _hint(layer: int | None, checkout: Checkout, document: Document) -> str | None:
    """What to do where it is the checkout that could not build a config."""
    if layer is None:
        return (
            "Does it build its own configs with this PyTorch (`python models/yolo.py --cfg FILE` "
            "there)? An old checkout may need an older one."
        )
    module = document.network.layers[layer].module
    where = checkout.own_alike(document).get(module)
    if where is None:
        return None
    return (
        f"{module} is the checkout's own class in {where}, not ours, and may take other arguments: "
        "write its row as that class has it, or insert another mechanism."
    )


class _InMemory(MetaPathFinder, ExecutionLoader):
    """Imports modules from the sources that it holds, by their names, instead of from files."""

    def __init__(self) -> None:
        self.held: Mapping[str, tuple[Path, bytes]] = {}

    def find_spec(self, fullname: str, _path: Any, _target: Any = None) -> ModuleSpec | None:
        """The spec of a module that is held here."""
        if fullname not in self.held:
            return None
        return spec_from_file_location(fullname, self.get_filename(fullname), loader=self)

    def get_source(self, fullname: str) -> str:
        """Its source."""
        return decode_source(self.held[fullname][1])

    def get_filename(self, fullname: str) -> str:
        """Where it would stand."""
        return str(self.held[fullname][0])
