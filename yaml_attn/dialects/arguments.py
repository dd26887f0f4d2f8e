"""Argument strings of the frameworks that evaluate them, understood by parsing, never by running.

YOLOv5, v3, v7 and v9 hand every string in `args` to Python's `eval`: `nc`, `None`, `c2`, `ch[f]`,
`na * (nc + 5)` and `nn.LeakyReLU(0.1)` all mean something. Here such a string is parsed and walked:
names from a table that the dialect gives, literals, arithmetic, an index, and `nn.X(...)`.
Everything else is refused, so nothing from a file ever runs.
"""

from __future__ import annotations

import ast
import builtins
import operator
import warnings
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from yaml_attn.errors import BuildError

LONGEST: Final = 200
"""Characters; parsing needs stack in proportion."""

ACTIVATIONS: Final = (
    "CELU ELU GELU Hardsigmoid Hardswish Hardtanh Identity LeakyReLU Mish PReLU ReLU ReLU6 SELU"
    " SiLU Sigmoid Softplus Tanh"
).split()
"""The classes of `torch.nn` that an argument may name."""

OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
"""Those that are understood. No power: one of three numbers fills the memory."""


@dataclass(frozen=True, slots=True)
class TorchClass:
    """`nn.SiLU` as an argument: the class itself, no instance of it."""

    name: str


@dataclass(frozen=True, slots=True)
class TorchCall:
    """`nn.LeakyReLU(0.1)` as an argument: an instance, for the builder to make."""

    name: str
    args: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()


class _UnknownNameError(Exception):
    """What `eval` calls a NameError: frameworks suppress it and keep the string."""


def understand(text: str, names: Mapping[str, Any], taken: Container[str] = ()) -> Any:
    """What the framework's `eval` makes of an argument string; the string if a name is unknown.

    Args:
        text: the string.
        names: the variables it may use, with their values.
        taken: names that mean something there too, but nothing that an argument can be.

    Raises:
        BuildError: `eval` fails on it, gives something that is no argument, or it is an expression
            beyond names, literals, arithmetic, an index and `nn.X(...)`.
    """
    tree = parsed(text)
    if tree is None:
        raise BuildError(
            f"the framework evaluates every string in args, and {shorten(text)} is no expression",
            hint="It must be a name, a literal or a call such as nn.SiLU().",
        )
    try:
        return _Reader(names, taken).value(tree)
    except _UnknownNameError:
        return text
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise BuildError(
            f"the framework evaluates every string in args; {shorten(text)}: {error}"
        ) from None


def parsed(text: str) -> ast.expr | None:
    """The syntax tree of an expression of Python; None of what is none, or too long."""
    try:
        with warnings.catch_warnings():
            # Python's opinion on `1 is 1` helps nobody here.
            warnings.simplefilter("ignore")
            return ast.parse(text.strip() if len(text) <= LONGEST else "", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def torch_class(node: ast.expr) -> str | None:
    """The activation that `nn.SiLU` or `torch.nn.SiLU` names; None if it is no such name."""
    root, _, name = ast.unparse(node).removeprefix("torch.").rpartition(".")
    return name if root == "nn" and name in ACTIVATIONS else None


def shorten(text: str) -> str:
    """The string in quotes, cut where it would fill the screen."""
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


@dataclass(frozen=True, slots=True)
class _Reader:
    names: Mapping[str, Any]
    taken: Container[str]

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None as value):
                return value
            case ast.Name(id=name):
                return self.name(name)
            case ast.List(elts=items):
                return [self.value(item) for item in items]
            case ast.Tuple(elts=items):
                return tuple(self.value(item) for item in items)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
                return OPERATORS[type(op)](self.number(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](self.number(left), self.number(right))
            case ast.Subscript(value=container, slice=index):
                return self.value(container)[self.value(index)]
            case ast.Attribute():
                return TorchClass(self.activation(node))
            case ast.Call(func=function, args=args, keywords=keywords):
                name = self.activation(function)
                words = tuple((str(word.arg), self.value(word.value)) for word in keywords)
                return TorchCall(name, tuple(self.value(arg) for arg in args), words)
        raise TypeError("only names, literals, arithmetic, an index and nn.X(...) are understood")

    def name(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name in self.taken or hasattr(builtins, name):
            # The word for a mode, "max" or "sum", silently becomes a function of Python there.
            raise TypeError("that is a name of Python or of the framework there, no string")
        raise _UnknownNameError

    def number(self, node: ast.expr) -> Any:
        value = self.value(node)
        if isinstance(value, int | float):
            return value
        # A list times a large number would fill the memory.
        raise TypeError(f"{value!r} is no number")

    def activation(self, node: ast.expr) -> str:
        found = torch_class(node)
        if found:
            return found
        path = ast.unparse(node)
        root, _, name = path.removeprefix("torch.").rpartition(".")
        if root != "nn":
            first = next(n for n in ast.walk(node) if not isinstance(n, ast.Attribute))
            if isinstance(first, ast.Name) and first.id not in {"nn", "torch"}:
                self.name(first.id)
            raise TypeError(f"{path} is not understood, only nn.X is")
        close = get_close_matches(name, ACTIVATIONS, n=1)
        guess = f"; did you mean nn.{close[0]}?" if close else ""
        raise LookupError(f"{path} is no activation{guess}")
