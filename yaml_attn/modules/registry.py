"""The bundled mechanisms by name: paper, family, parameters. Imports no torch; `load` does.

The table is explicit: adding a mechanism is its file, its entry here, and nothing else
(`tests/modules/test_contract.py` then tests it).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml_attn.errors import UnknownModuleError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Parameter:
    """One parameter of a mechanism after `channels`, in the order of its signature."""

    name: str
    default: Any
    annotation: str


@dataclass(frozen=True)
class Mechanism:
    """What is known of a bundled mechanism without importing torch.

    `parameters_added` counts the learned parameters that the layer adds at 256, 512 and 1024
    channels with its defaults (the contract test measures them).
    """

    name: str
    file: str
    family: str
    title: str
    venue: str
    year: int
    arxiv: str | None
    summary: str
    parameters_added: tuple[int, int, int]
    aliases: tuple[str, ...] = ()

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The constructor's parameters after `channels`, read from the source (not imported)."""
        source = (Path(__file__).parent / f"{self.file}.py").read_text(encoding="utf-8")
        classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
        body = next(node for node in classes if node.name == self.name).body
        init = next(
            node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        )
        names = init.args.args[2:]  # after self, channels
        defaults = init.args.defaults[len(init.args.defaults) - len(names) :]
        return tuple(
            Parameter(
                name.arg,
                ast.literal_eval(default),
                ast.unparse(name.annotation) if name.annotation else "",
            )
            for name, default in zip(names, defaults, strict=True)
        )

    def load(self) -> type[nn.Module]:
        """The class itself. Imports torch."""
        found: type[nn.Module] = getattr(import_module(f"yaml_attn.modules.{self.file}"), self.name)
        return found


MECHANISMS: Mapping[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism(
            "SE",
            "se",
            family="channel",
            title="Squeeze-and-Excitation Networks",
            venue="CVPR",
            year=2018,
            arxiv="1709.01507",
            summary="Gates each channel by a small two-layer network that sees the global means\n"
            "of all channels: which features matter in this image, wherever they are.",
            parameters_added=(8192, 32768, 131072),
            aliases=("SEAttention", "SELayer", "SEBlock", "SENet"),
        ),
    )
}


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """Every name that people write, in lower case -> the mechanisms it can mean."""
    meanings: dict[str, tuple[str, ...]] = {}
    for mechanism in MECHANISMS.values():
        for alias in mechanism.aliases:
            meanings[alias.lower()] = (*meanings.get(alias.lower(), ()), mechanism.name)
    # A mechanism's own name is never ambiguous.
    return meanings | {name.lower(): (name,) for name in MECHANISMS}


def known(name: str) -> bool:
    """Whether exactly one bundled mechanism has this name or alias."""
    return len(_meanings().get(name.lower(), ())) == 1


def find(name: str) -> Mechanism:
    """The mechanism with this name or alias, whatever its case.

    Raises:
        UnknownModuleError: none has it, or an alias could mean two.
    """
    meant = _meanings().get(name.lower(), ())
    if len(meant) == 1:
        return MECHANISMS[meant[0]]
    if meant:
        raise UnknownModuleError(
            f"{name} could mean {' or '.join(meant)}", hint="Use one of these names."
        )
    close = get_close_matches(name.lower(), _meanings(), n=3, cutoff=0.5)
    names = dict.fromkeys(meaning for match in close for meaning in _meanings()[match])
    guess = f"Did you mean {' or '.join(names)}? " if names else ""
    raise UnknownModuleError(
        f"no bundled attention mechanism is called {name}",
        hint=f"{guess}`yaml-attn modules` lists them all.",
    )
