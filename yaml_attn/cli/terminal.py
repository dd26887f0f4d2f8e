"""A terminal on which sentences are broken between words, and no word is cut: least of all a path.

Imported where there is a terminal: rich is a third of what `--help` would cost.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console

from yaml_attn.cli.layout import wrapped


class Terminal(Console):
    """A console that wraps strings itself, for rich cuts a word that is longer than a line."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, strings in lines of the terminal's width."""
        if objects and all(isinstance(each, str) for each in objects):
            objects = tuple(wrapped(each, self.width) for each in objects)
            how = {"soft_wrap": True, **how}
        super().print(*objects, **how)
