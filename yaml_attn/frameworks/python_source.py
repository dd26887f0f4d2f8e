"""Python text that is to be written: read as Python reads it, and compared by what it means."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader
from typing import Final

UNREADABLE: Final = (SyntaxError, ValueError, RecursionError)
"""What reading a text that is no Python, or is nested too deep, raises."""
_REST: Final = re.compile(r"[ \t\f]*;?[ \t\f]*(#.*)?")
"""What may stand behind the only statement of a line."""


@contextmanager
def quietly() -> Iterator[None]:
    """What Python warns of in a text is its author's to hear, who has run it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def tree_of(source: str | bytes) -> ast.Module:
    """The tree of a text that compiles, too.

    Raises:
        SyntaxError, ValueError, RecursionError: it does not.
    """
    with quietly():
        InspectLoader.source_to_code(source)  # compiles it; nothing runs
        return ast.parse(source)


def meaning(body: Iterable[ast.stmt]) -> list[str]:
    """What statements do, wherever they stand in a file: two are equal if they do the same."""
    return [ast.dump(node) for node in body if not isinstance(node, ast.Pass)]


def without(text: str, statements: Sequence[ast.stmt]) -> str:
    """The text without some statements of its top level, each with its line if it is alone there.

    Args:
        text: the source, with line feeds alone; str.splitlines would end lines where Python does
            not, at a form feed for one.
        statements: of its tree.
    """
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        # Columns are counted in bytes of UTF-8.
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    kept, at = [], 0
    for node in statements:
        start = offset(node.lineno, node.col_offset)
        end = offset(node.end_lineno or 0, node.end_col_offset or 0)
        first, behind = starts[node.lineno - 1], starts[node.end_lineno or 0]
        alone = (
            not text[first:start].strip()
            and not text.endswith("\\\n", 0, first)
            and _REST.fullmatch(text, end, behind - 1)
        )
        kept += [text[at : first if alone else start], "" if alone else "pass"]
        at = behind if alone else end
    return "".join([*kept, text[at:]])
