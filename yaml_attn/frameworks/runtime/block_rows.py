"""Rows of attention inside a block, such as `[-1, 3, C2fSE, [128, True]]`, in Ultralytics.

Its parser does this and that to rows of a block (`if m is C3k2: ...`), also to the rows behind it.
So it is handed the row with the block's own name, and what it has built gets the attention.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Any

from torch import nn

from yaml_attn.dialects.block_attention import Composed, parse
from yaml_attn.errors import BuildError
from yaml_attn.mechanisms.registry import find
from yaml_attn.modules.attentive import put


@dataclass(frozen=True, slots=True)
class ComposedRow:
    """Such a row: `plain` is the block's own, `parameters` those of the attention."""

    at: int
    composed: Composed
    plain: list[Any]
    parameters: tuple[Any, ...]

    @classmethod
    def read(cls, row: list[Any], at: int, blocks: Mapping[str, Any]) -> ComposedRow | None:
        """What a row is, if its module is composed of a block and a mechanism.

        Args:
            row: `[from, number, module, args]`.
            at: its index.
            blocks: what the parser knows by name.

        Raises:
            UnknownModuleError: the name can be read in two ways.
            BuildError: the framework has no such block, or the name is the command line's form.
        """
        source, number, module, args = row
        composed = parse(module, find)
        if composed is None:
            return None
        if not module.isidentifier():
            raise BuildError(
                f"{module} is how the command line spells it",
                layer=at,
                hint=f"Here it is {composed.spelling}.",
            )
        block = blocks.get(composed.block)
        if block is None:
            raise BuildError(
                f"{module} is {composed}, and this version of Ultralytics has no {composed.block}",
                layer=at,
            )
        # The parser adds the input channels, and `number` where the block repeats its inside.
        count = len(signature(block).parameters.keys() - {"c1", "n"})
        plain = [source, number, composed.block, args[:count]]
        return cls(at, composed, plain, tuple(map(_understood, args[count:])))

    def with_attention(self, layer: nn.Module) -> nn.Module:
        """The layer that the parser has built of `plain`, or what stands in for it, with attention.

        Raises:
            BuildError: the mechanism refuses the channels or a parameter.
        """
        try:
            # A block that does not repeat its inside is repeated in a Sequential around it.
            if type(layer) is nn.Sequential:
                for name, copy in layer.named_children():
                    layer.add_module(name, self._put(copy))
                made: nn.Module = layer
            else:
                made = self._put(layer)
        except (TypeError, ValueError) as error:
            raise BuildError(
                f"{self.composed.spelling} cannot be constructed: {error}",
                layer=self.at,
                hint=f"Behind the block's own arguments are those of {self.composed.mechanism}.",
            ) from None
        facts = vars(layer)
        made.__dict__.update(
            i=facts["i"],
            f=facts["f"],
            type=facts["type"].removesuffix(self.composed.block) + str(self.composed),
            np=sum(parameter.numel() for parameter in made.parameters()),
        )
        return made

    def _put(self, block: nn.Module) -> nn.Module:
        mechanism = find(self.composed.mechanism).load()
        return put(
            block,
            lambda channels: mechanism(channels, *self.parameters),
            behind=self.composed.where == "after",
        )


def _understood(arg: Any) -> Any:
    """A string as the parser understands those of the other rows; its variables are of no use."""
    if isinstance(arg, str):
        with suppress(ValueError, SyntaxError):
            return ast.literal_eval(arg)
    return arg
