"""What is known of a mechanism without importing torch: names, paper, parameters."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from inspect import Parameter as Argument
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Parameter:
    """One parameter of a mechanism after the channels, in the order of its signature.

    The bundled ones all have a default and a position; those of a user's class need not.
    """

    name: str
    default: Any
    annotation: str
    keyword_only: bool = False

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is Argument.empty

    def __str__(self) -> str:
        return self.name if self.required else f"{self.name}={self.default!r}"


@dataclass(frozen=True)
class Mechanism:
    """What is known of a bundled mechanism without importing torch.

    `parameters_added` counts the learned parameters that the layer adds at 256, 512 and 1024
    channels with its defaults (the contract test measures them). `adapted` says what is not the
    paper's where the paper's mechanism maps no feature map to a feature map. `inputs` is 2 where
    the layer refines one map by what another shows; both then have the counted channels. `identity`
    says when the layer starts as the identity: where `identity_init` asks for it, always, or never.
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
    adapted: str = ""
    inputs: int = 1
    identity: Literal["asked", "always", "never"] = "asked"

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The constructor's parameters after the channels."""
        body = self._definition.body
        init = next(
            node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        )
        names = init.args.args[1 + self.inputs :]  # after self and the channels of each input
        defaults = init.args.defaults[len(init.args.defaults) - len(names) :]
        return tuple(
            Parameter(
                name.arg,
                ast.literal_eval(default),
                ast.unparse(name.annotation) if name.annotation else "",
            )
            for name, default in zip(names, defaults, strict=True)
        )

    @cached_property
    def meanings(self) -> Mapping[str, str]:
        """What each argument of the constructor means, in the words of the class's docstring."""
        words = (ast.get_docstring(self._definition) or "").partition("Args:\n")[2]
        section, _, _ = words.partition("\n\n")
        found = re.findall(r"^    (\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
        return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}

    @cached_property
    def _definition(self) -> ast.ClassDef:
        """The class, read from the source: importing it would import torch."""
        path = Path(__file__).parents[1] / "modules" / f"{self.file}.py"
        source = path.read_text(encoding="utf-8")
        classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
        return next(node for node in classes if node.name == self.name)

    @property
    def signature(self) -> str:
        """The constructor as it is called: `SE(channels, ratio=16, ...)`."""
        channels = ("channels", "context_channels")[: self.inputs]
        return f"{self.name}({', '.join([*channels, *map(str, self.parameters)])})"

    def load(self) -> type[nn.Module]:
        """The class itself. Imports torch."""
        found: type[nn.Module] = getattr(import_module(f"yaml_attn.modules.{self.file}"), self.name)
        return found


@dataclass(frozen=True)
class Refused:
    """A mechanism that people look for and that has no honest form as a layer.

    `reason` says why in three lines, so that nobody has to look again.
    """

    name: str
    title: str
    venue: str
    year: int
    arxiv: str | None
    reason: str
    aliases: tuple[str, ...] = ()
