"""Whether a config is nothing but data to the framework that reads it; what is not is refused.

The frameworks' parsers evaluate strings of a config, or look them up among all names that they have
themselves: a row's module, every string in its args, `activation`. Of this only what a config needs
is let through: layers by name, the parser's own numbers and lists (`nc`, `anchors`, `ch[f]`),
literals, arithmetic, activations of torch (`nn.SiLU()`), and words that name nothing (`nearest`).
It is told by parsing, and the whole of each string is looked at, for what a framework evaluates
first, and where it stops, differs.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from yaml_attn.config.network import SECTIONS
from yaml_attn.dialects.arguments import LONGEST, OPERATORS, parsed, shorten, torch_class
from yaml_attn.dialects.strides import plain
from yaml_attn.errors import UntrustedError

Meaning: TypeAlias = Literal["layer", "variable", "unknown", "code"]
"""What a name is to the code that reads rows: a class of layers, a variable of the parser,
nothing at all, or something else: a function, a module, a class that is no layer."""

Meanings: TypeAlias = Callable[[str], Meaning]
"""Tells it of `Conv`, `nn.Conv2d` and `torchvision.ops.X`."""

NUMBERS: Final = frozenset(
    "c1 c2 ch_mul depth gd gw i max_channels n na nc nkpt nm no npr reg_max width".split()
)
"""Variables of the parsers that are numbers."""

VARIABLES: Final = NUMBERS | frozenset("anchors ch end2end f kpt_shape scale".split())
"""Those that an argument may name; so may it each key of the config that the parser has read."""

# A list times a large number fills the memory; `c2` is one behind CBLinear.
_MAY_BE_LISTS: Final = frozenset(["c1", "c2", "ch", "f"])

_NUMERIC_KEYS: Final = frozenset(
    "ch channel_multiple channels depth_multiple max_channels nc reg_max width_multiple".split()
)
_EVALUATED_KEYS: Final = frozenset(["activation", "act"])  # the latter in Ultralytics 8.0
_FILE_KEY: Final = "yaml_file"  # which Ultralytics' loader adds

_MODULE: Final = re.compile(
    r"((torch\.)?nn\. *|torchvision\.ops\.)?[A-Za-z_]\w*([-+]\w+|\[\w+\])*", re.ASCII
)
_NAMES: Final = re.compile(r"[\w.]+")
_TORCH_CLASS: Final = re.compile(r"(torch\.)?nn\.[A-Z]\w*|torchvision\.ops\.[A-Z]\w*")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]*")

_HINT: Final = (
    "If you know the file and want it to run, --trust hands it to the framework as it is. Else "
    "write a name, a number, or a call such as nn.SiLU()."
)


def by_spelling(name: str) -> Meaning:
    """What a name means where no framework is at hand to ask."""
    if "." in name:
        return "unknown" if _TORCH_CLASS.fullmatch(name) else "code"
    if name in VARIABLES:
        return "variable"
    return "code" if name.startswith("__") or hasattr(builtins, name) else "unknown"


def refuse_code(config: Mapping[str, Any], meaning: Meanings = by_spelling) -> None:
    """Refuse a config of which a framework would run something, or might.

    Args:
        config: all that the framework reads, rows and settings, as plain data.
        meaning: what names mean to it.

    Raises:
        UntrustedError: there is such a thing; its layer is named, or its key.
    """
    reader = _Reader(config, meaning)
    for key, value in config.items():
        if key not in SECTIONS:
            reader.check_setting(key, value)
    at = 0
    for section in SECTIONS:
        rows = config.get(section, ())
        if not isinstance(rows, list | tuple):
            raise UntrustedError(f"{section} is no list of rows", hint=_HINT)
        for row in rows:
            reader.check_row(row, at)
            at += 1


class _Reader:
    def __init__(self, config: Mapping[str, Any], meaning: Meanings) -> None:
        self.meaning = meaning
        settings = {key: value for key, value in config.items() if isinstance(key, str)}
        self.variables = VARIABLES | settings.keys()
        numbers = {key for key, value in settings.items() if isinstance(value, int | float)}
        self.multiplied = (numbers | (NUMBERS - settings.keys())) - _MAY_BE_LISTS

    def check_setting(self, key: Any, value: Any) -> None:
        """Refuse a setting that is, or has in it, what a framework might run."""
        if key == _FILE_KEY:
            return
        what = f"the key {shorten(str(key))}"
        if key in _NUMERIC_KEYS and not (value in (None, "None") or isinstance(value, int | float)):
            raise UntrustedError(f"{what} is {shorten(str(value))}, and must be a number")
        if key == "anchors" and isinstance(value, str):
            raise UntrustedError(f"{what} is {shorten(value)}, and must be a list or a number")
        for found in _leaves(value):
            if not (self.is_inert(found) or (key not in _EVALUATED_KEYS and _is_text(found))):
                raise UntrustedError(
                    f"{shorten(str(found))} of {what} is no plain value: the framework would run "
                    "it, or might",
                    hint=_HINT,
                )

    def check_row(self, row: Any, at: int) -> None:
        """Refuse a row that names no layer, or has more than data beside the name."""
        match row:
            case [source, bool() | int() as number, str(module), list() | tuple() as args]:
                pass
            case _:
                what = "is no [from, number, module, args]"
                raise UntrustedError(f"{shorten(str(row))} {what}", layer=at, hint=_HINT)
        # Some write S2-MLP, or C3[SE]: to Python, what two names give, and neither is called.
        names = _NAMES.findall(plain(module)) if _MODULE.fullmatch(module) else []
        if not names or {*map(self.meaning, names)} - {"layer", "unknown"}:
            raise UntrustedError(
                f"{shorten(module)} is the name of no layer: the framework would run it, or might",
                layer=at,
                hint=_HINT,
            )
        for found in _leaves([source, number, args]):
            if not self.is_inert(found):
                raise UntrustedError(
                    f"{shorten(str(found))} in the args of {module} is no plain value: the "
                    "framework would run it, or open a file of that name, or might",
                    layer=at,
                    hint=_HINT,
                )

    def is_inert(self, value: Any) -> bool:
        """Whether a value is data, whatever a framework makes of it."""
        if not isinstance(value, str):
            return not isinstance(value, bytes | bytearray)  # Python evaluates these too
        if not value.isascii():
            return False  # to Python, letters of several alphabets are one
        tree = parsed(value)
        return bool(_WORD.fullmatch(value)) if tree is None else self._is_data(tree)

    def _is_data(self, node: ast.expr) -> bool:
        match node:
            case ast.Constant(value=str(text)):
                return bool(_WORD.fullmatch(text))
            case ast.Constant(value=bool() | int() | float() | None):
                return True
            case ast.Name(id=name):
                return self._is_data_by_name(name)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return all(map(self._is_data, items))
            case ast.UnaryOp() | ast.BinOp():
                return self._is_number(node)
            case ast.Subscript(value=container, slice=index):
                return self._is_place(container) and self._is_index(index)
            case ast.Attribute():
                return torch_class(node) is not None
            case ast.Call(func=function, args=args, keywords=keywords):
                given = [*args, *(each.value for each in keywords)]
                named = all(each.arg for each in keywords)
                return (
                    torch_class(function) is not None and named and all(map(self._is_data, given))
                )
        return False

    def _is_data_by_name(self, name: str) -> bool:
        meaning = self.meaning(name)
        return meaning in {"layer", "unknown"} or (meaning == "variable" and name in self.variables)

    def _is_number(self, node: ast.expr) -> bool:
        """Whether an operand can be nothing but a number, or a name that is none of anything."""
        match node:
            case ast.Constant(value=int() | float()):
                return True
            case ast.Name(id=name):
                meaning = self.meaning(name)
                return meaning == "unknown" or (meaning == "variable" and name in self.multiplied)
            case ast.UnaryOp(op=op, operand=operand):
                return type(op) in OPERATORS and self._is_number(operand)
            case ast.BinOp(left=left, op=op, right=right):
                operands = self._is_number(left) and self._is_number(right)
                return type(op) in OPERATORS and operands
        return False

    def _is_place(self, node: ast.expr) -> bool:
        """Whether it is a variable of the parser, or a place in one: `anchors[0]`."""
        match node:
            case ast.Name(id=name):
                return self.meaning(name) == "variable" and name in self.variables
            case ast.Subscript(value=container, slice=index):
                return self._is_place(container) and self._is_index(index)
        return False

    def _is_index(self, node: ast.expr) -> bool:
        return self._is_number(node) or self._is_place(node)


def _is_text(value: Any) -> bool:
    """Whether it is for people: a word, or a sentence, which is no expression of Python."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    return bool(_WORD.fullmatch(value)) or parsed(value) is None


def _leaves(value: Any) -> Iterator[Any]:
    """What lists and mappings hold, at any depth; keys are nowhere evaluated."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, Mapping):
            stack += each.values()
        elif isinstance(each, list | tuple | set | frozenset):
            stack += each
        else:
            yield each
