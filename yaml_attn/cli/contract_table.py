"""How the promises that a user's class keeps and breaks are shown: as a table, and in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from yaml_attn.cli.render import Table

if TYPE_CHECKING:
    from yaml_attn.mechanisms.contract import Check


def contract_table(checks: Sequence[Check]) -> Table:
    """Every promise with what was seen; broken ones without which nothing works are in red."""
    found = Table(["", "promise", "seen"], wraps=["promise", "seen"])
    for each in checks:
        broken, colour = ("FAILS", "red") if each.required else ("warning", "yellow")
        found.add(
            "ok" if each.passed else broken,
            each.name,
            each.detail,
            colour="" if each.passed else colour,
        )
    return found


def contract_summary(name: str, checks: Sequence[Check], listing: str = "") -> str:
    """How many promises are kept; given what lists them, also the broken ones, one a line."""
    broken = [each for each in checks if not each.passed]
    kept = f"{name} keeps {len(checks) - len(broken)} of {len(checks)} promises of a layer"
    if not listing:
        return f"{kept}."
    seen = "".join(f"\nBroken: {each.name}: {each.detail}" for each in broken)
    return f"{kept} (`{listing}` lists them).{seen}"
