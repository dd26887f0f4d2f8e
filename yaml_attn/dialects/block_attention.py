"""Attention inside a block, by its name: `C3SE` is C3 with SE in its bottlenecks.

    command line   file        the attention stands
    C3[SE]         C3SE        in each bottleneck, behind its second convolution, before the
                               shortcut's addition
    C3+SE          C3ThenSE    behind the whole block

`C3SE` is what people write, and inside is what they mean by it: of 42 public classes of such a name
on C3, 30 put the attention into the bottlenecks and 6 behind the block. An underscore tells nothing
(inside: 21 of 29 without one, 9 of 13 with one; of 23 on C2f, with or without, 16 stand behind the
block), so `C3_SE` reads as `C3SE`, as it does in the mechanisms' own names. For the other form a
name is taken that nobody uses for either, that says what happens first, and that Python accepts as
a class's name, which `C3+SE` is not.

Every framework's blocks are known here; whether one can be built is the dialect's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, Protocol, TypeAlias

from yaml_attn.errors import UnknownModuleError

HOSTS: Final = frozenset(
    "Bottleneck BottleneckCSP C2 C2f C3 C3Ghost C3k C3k2 C3x CrossConv GhostBottleneck".split()
)
"""The blocks that are a bottleneck or hold some."""

APART: Final = frozenset(
    "BottleneckCSPA BottleneckCSPB BottleneckCSPC C2PSA C2fAttn C2fCIB C2fPSA C3SPP C3TR".split()
)
"""The frameworks' own modules that start with a block's name and are no attention in it."""

Where: TypeAlias = Literal["inside", "after"]

_ASKED: Final = re.compile(r"(?P<block>\w+)(\[(?P<inside>[^\[\]]+)\]|\+(?P<after>.+))")


class Named(Protocol):
    """What looking a mechanism up gives."""

    @property
    def name(self) -> str:
        """The mechanism's own name, whatever alias it was found by."""

    @property
    def inputs(self) -> int:
        """How many maps it reads; in a block there is but one."""


Find: TypeAlias = Callable[[str], Named]
"""Finds a mechanism by name or alias, or raises UnknownModuleError; `modules.registry.find`."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A block with attention in each of its bottlenecks, or after the whole."""

    block: str
    mechanism: str
    where: Where = "inside"

    @property
    def spelling(self) -> str:
        """The name as a file has it."""
        if self.where == "after":
            return f"{self.block}Then{self.mechanism}"
        glued = self.block + self.mechanism
        return f"{self.block}_{self.mechanism}" if glued in HOSTS | APART else glued

    @property
    def meaning(self) -> str:
        """The name in words."""
        where = "behind it" if self.where == "after" else "in each bottleneck"
        return f"{self.block} with {self.mechanism} {where}"

    def __str__(self) -> str:
        if self.where == "after":
            return f"{self.block}+{self.mechanism}"
        return f"{self.block}[{self.mechanism}]"


@cache
def host(module: str) -> str | None:
    """The block that a module is named after, itself if it is one: C3 for C3SE, C2f for C2f_EMA.

    Whether or not the rest names a mechanism: people call what they build on a block so, and in
    609 of 609 such rows of published configs args[0] is the output channels, as in the block's.
    """
    if module in APART:
        return None
    return max((block for block, _ in _splits(module)), key=len, default=None)


def parse(text: str, find: Find) -> Composed | None:
    """What a name is composed of, as a file or as the command line spells it; None if it is not.

    A module that a framework has and a mechanism are never taken apart.

    Raises:
        UnknownModuleError: the name can be taken apart in two ways; or it has the command line's
            form, and there is no such mechanism, it reads two maps, or the block has no bottleneck.
    """
    asked = _ASKED.fullmatch(text)
    if asked:
        return _asked(asked, find)
    if text in HOSTS | APART or _known(text, find):
        return None
    readings = list(dict.fromkeys(_readings(text, find)))
    if len(readings) > 1:
        marked = " or ".join(f"{each.block}_{each.mechanism}" for each in readings)
        raise UnknownModuleError(
            f"{text} could mean {' or '.join(map(str, readings))}",
            hint=f"An underscore behind the block tells: {marked}.",
        )
    return readings[0] if readings else None


def _asked(asked: re.Match[str], find: Find) -> Composed:
    block = asked["block"]
    if block not in HOSTS:
        raise UnknownModuleError(
            f"{block} has no bottleneck that attention could stand in",
            hint=f"Blocks that have: {', '.join(sorted(HOSTS))}. Behind any other layer, insert "
            "the attention as a row of its own.",
        )
    inside = asked["inside"]
    attention = find(asked["after"] if inside is None else inside)
    if attention.inputs > 1:
        raise UnknownModuleError(
            f"{attention.name} reads {attention.inputs} maps, and a block hands it one",
            hint="Insert it as a row of its own.",
        )
    return Composed(block, attention.name, "after" if inside is None else "inside")


def _readings(text: str, find: Find) -> Iterator[Composed]:
    for block, rest in _splits(text):
        inside, after = _fitting(rest, find), _fitting(rest.removeprefix("Then"), find)
        if inside:
            yield Composed(block, inside)
        elif after:
            yield Composed(block, after, "after")


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Each block that the name starts with, and the rest; in C3kSE that is C3k and SE alone."""
    for block in sorted(HOSTS):
        rest = text.removeprefix(block)
        if text.startswith(block) and not rest[:1].islower():
            yield block, rest.lstrip("_")


def _known(name: str, find: Find) -> Named | None:
    try:
        return find(name)
    except UnknownModuleError:
        return None


def _fitting(name: str, find: Find) -> str | None:
    """The mechanism of this name, if it reads one map, as one in a block must."""
    found = _known(name, find)
    return found.name if found and found.inputs == 1 else None
