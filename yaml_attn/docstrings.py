"""The docstring of a thing, which `python -OO` leaves out of what it compiles."""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import ModuleType
from typing import Any


def docstring(of: Any) -> str:
    """The docstring of a module, a class or a function, indented as it is read; none is empty.

    Python may have dropped it; then it is read from the source, if there is that.
    """
    if of.__doc__ is not None:
        return inspect.cleandoc(of.__doc__)
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(of)))
    except (OSError, TypeError, SyntaxError):
        return ""
    node: Any = tree if isinstance(of, ModuleType) else tree.body[0]
    return ast.get_docstring(node) or ""
