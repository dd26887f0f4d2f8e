"""Where results are printed: nothing that a file says reaches a terminal as more than text.

Imported where there is a terminal: rich is a third of what `--help` would cost.
"""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from yaml_attn.cli.layout import wrapped
from yaml_attn.escaping import for_terminal, in_line


class Plain(Console):
    """A console that prints each string as one line; what has several lines is a `Text`."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, without control characters."""
        super().print(*map(_harmless, objects), **how)


class Terminal(Plain):
    """One that wraps strings itself, for rich cuts a word, such as a path, longer than a line."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print, strings in lines of the terminal's width."""
        objects = tuple(map(_harmless, objects))
        if objects and all(isinstance(each, str) for each in objects):
            objects = tuple(Text(wrapped(each, self.width)) for each in objects)
            how = {"soft_wrap": True, **how}
        super().print(*objects, **how)


def _harmless(each: Any) -> Any:
    if isinstance(each, str):
        return for_terminal(in_line(each))
    if isinstance(each, Text):
        each = each.copy()
        # As long as before: each character stays where its colour is.
        each.plain = for_terminal(each.plain)
    return each
