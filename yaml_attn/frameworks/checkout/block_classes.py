"""Attention inside a checkout's own block, as a class of the file that `apply` writes.

    class C3SE(C3, metaclass=AttentiveRow):
        attention = SE

The parser takes it for a C3, which it equals, and calls it as it calls C3: no line of the parser
speaks of it. `modules/attentive.py` tells what it builds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from yaml_attn.dialects.block_attention import Composed
from yaml_attn.mechanisms.mechanism import Mechanism

ROW: Final = "AttentiveRow"
"""The class of such classes."""


@dataclass(frozen=True, slots=True)
class ComposedClass:
    """Such a class; `source` is the module that has the block, as the parser spells it."""

    composed: Composed
    mechanism: Mechanism
    source: str

    @property
    def name(self) -> str:
        """As rows have it."""
        return self.composed.spelling

    @property
    def text(self) -> str:
        """Its definition."""
        block, mechanism = self.composed.block, self.composed.mechanism
        behind = self.composed.where == "after"
        place = f", then {mechanism}" if behind else f" with {mechanism} in each of its bottlenecks"
        return (
            f"class {self.name}({block}, metaclass={ROW}):\n"
            f'    """{block}{place}."""\n\n'
            f"    attention = {mechanism}\n" + ("    behind = True\n" if behind else "")
        )


def block_imports(classes: Sequence[ComposedClass]) -> Iterator[str]:
    """The statements that import the blocks."""
    if classes:
        lines = {f"from {each.source} import {each.composed.block}\n" for each in classes}
        yield "".join(sorted(lines))


def composed_section(classes: Sequence[ComposedClass]) -> Iterator[str]:
    """The definitions, as they stand behind those of the mechanisms."""
    if classes:
        yield "\n\n".join(each.text for each in classes) + "\n"
