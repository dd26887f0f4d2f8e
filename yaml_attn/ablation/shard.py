"""One part of a study, for machines that share the work.

`3/10` is every tenth variant from the third on. Each part has a manifest and tables of its own, so
that parts can be put into one folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from yaml_attn.errors import UsageError

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number`, from 1, of `count`."""

    number: int = 1
    count: int = 1

    @property
    def suffix(self) -> str:
        """What the names of its manifest and tables have behind them; nothing for the whole."""
        return f"-{self.number}-of-{self.count}" if self.count > 1 else ""

    def pick(self, items: Sequence[_Item]) -> Sequence[_Item]:
        """Its items of all; every one is in exactly one part."""
        return items[self.number - 1 :: self.count]


def read_shard(text: str) -> Shard:
    """The part that `3/10` means.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text.strip())
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text} is no part", hint="E.g. --shard 3/10, from 1/10 on.")
    return Shard(int(found[1]), int(found[2]))
