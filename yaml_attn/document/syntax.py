"""YAML as text with positions: the only file that knows a YAML library.

Positions come from ruamel.yaml's `compose`, values from PyYAML's safe loader, libyaml's where it
is built in: the very parser the frameworks read with. Offsets count code points of the text, which
must have no byte order mark (libyaml would not count it).
"""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, Literal, NamedTuple

import yaml
from ruamel.yaml import YAML, nodes
from ruamel.yaml.error import MarkedYAMLError as RuamelError
from ruamel.yaml.parser import ParserError as RuamelParserError

from yaml_attn.document.diagnosis import UnreadableError, diagnose
from yaml_attn.errors import DocumentError

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """The safe loader, asked once what each scalar means: rows repeat the same few."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.meanings: dict[tuple[str, str], Any] = {}

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """The value of a node; of a scalar it depends on its tag and its text alone."""
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep)
        key = node.tag, node.value
        if key not in self.meanings:
            self.meanings[key] = super().construct_object(node, deep)
        return self.meanings[key]


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    value: int = loader.construct_yaml_int(node)
    if not -(2**63) <= value < 2**63:  # Python spells no integer of more than 4,300 digits
        problem = "found an integer of more than 64 bits"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)

_STRUCTURAL = (yaml.parser.ParserError, yaml.composer.ComposerError, RuamelParserError)
"""Every piece of the text is one of YAML; they do not fit together."""

# Ten nested lists of ten aliases are a small file and 10**10 values; real configs have 4,000.
_MOST = 100_000


_TOO_DEEP = "is not a config: it is nested too deeply"
_DEEPEST = 64
"""Of lists in lists; real configs have 4. What reads, prints and copies them calls itself."""


class Span(NamedTuple):
    """`text[start:end]`, in code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A piece of YAML and where it stands.

    `children` are the items of a list, or keys and values in turn. `text` is a scalar's. An alias
    is the node of its anchor, and stands there. The span includes an anchor or a tag.
    """

    kind: Literal["scalar", "list", "mapping"]
    span: Span
    line: int
    column: int
    flow: bool
    text: str
    children: tuple[Node, ...]

    @property
    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """A mapping's keys and values."""
        return zip(self.children[::2], self.children[1::2], strict=True)

    def error(self, message: str, hint: str | None = None) -> DocumentError:
        """An error at this place."""
        return DocumentError(message, line=self.line, column=self.column, hint=hint)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without looking for garbage meanwhile: none of what a parser makes is, and there is much."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_uncollected()
def read_yaml(text: str) -> Any:
    """The plain data of a text.

    Raises:
        DocumentError: it is not one YAML document.
    """
    try:
        if "*" in text and _size(yaml.compose(text, _Loader), {}) > _MOST:
            raise DocumentError("is not a config: its aliases make it too large, or endless")
        values = yaml.load(text, _Loader)  # noqa: S506 (the safe loader, or its libyaml twin)
    except yaml.MarkedYAMLError as error:
        raise _refused(text, error) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        reason = str(error).partition("\n")[0]
        raise DocumentError(f"is not YAML: {reason}") from None
    except RecursionError:
        raise UnreadableError("syntax", _TOO_DEEP) from None
    except ValueError as error:  # 2001-99-99 is no date
        raise DocumentError(f"is not a config: {error}") from None
    except (ArithmeticError, AttributeError, LookupError):  # !!bool maybe, !!int without a number
        raise DocumentError("is not a config: it has a tag that its value does not fit") from None
    if _is_deep(values):
        raise UnreadableError("syntax", _TOO_DEEP)
    return values


def _is_deep(values: Any) -> bool:
    """Whether values are nested deeper than what follows can do with; an alias counts once."""
    level = {id(values): values}
    for _ in range(_DEEPEST):
        inside = chain.from_iterable(map(_collections, level.values()))
        level = {id(value): value for value in inside}
    return bool(level)


def _collections(value: Any) -> Iterator[Any]:
    """The lists, mappings and the like that stand in one."""
    items = chain.from_iterable(value.items()) if isinstance(value, dict) else value
    kinds = (list, dict, tuple, set)
    return (
        (item for item in items if isinstance(item, kinds))
        if isinstance(value, kinds)
        else iter(())
    )


def _size(node: yaml.Node | None, known: dict[int, float]) -> float:
    """How many values a node holds where every alias is written out."""
    if id(node) not in known:
        known[id(node)] = math.inf  # of an alias inside of what it means
        items = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = isinstance(node, yaml.MappingNode)
        children = chain.from_iterable(items) if pairs else items
        known[id(node)] = 1 + sum(_size(child, known) for child in children)
    return known[id(node)]


@_uncollected()
def compose(text: str) -> Node:
    """The nodes of a text that `read_yaml` could read.

    Raises:
        DocumentError: ruamel.yaml refuses what PyYAML read (a rare character, mostly).
    """
    try:
        # Not the round-trip loader: it takes twice as long to gather comments that we do not use.
        return _convert(YAML(typ="safe", pure=True).compose(text), {})
    except RuamelError as error:
        raise _refused(text, error) from None


def write_scalar(value: Any) -> str:
    """One value as it is written inside a flow list, quoted if it has to be."""
    if isinstance(value, int):
        return str(value)  # True, as YOLO's configs spell it
    return _write_text(value) if isinstance(value, str) else _dump(value)


@lru_cache(maxsize=256)
def _write_text(text: str) -> str:
    return _dump(text)


def _dump(value: Any) -> str:
    # In other quotes a line end is written as one, and may stand left of the row's own column.
    quote = '"' if isinstance(value, str) and not value.isprintable() else None
    dumped: str = yaml.safe_dump(
        [value], default_flow_style=True, width=float("inf"), default_style=quote
    )
    return dumped.strip()[1:-1]


def _refused(text: str, error: yaml.MarkedYAMLError | RuamelError) -> DocumentError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    structural = isinstance(error, _STRUCTURAL)
    return diagnose(text, error.problem or str(error), line, column, structural=structural)


def _convert(node: nodes.Node, known: dict[int, Node]) -> Node:
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, nodes.MappingNode):
        kind: Any = "mapping"
        children = tuple(_convert(child, known) for pair in node.value for child in pair)
    elif isinstance(node, nodes.SequenceNode):
        kind = "list"
        children = tuple(_convert(child, known) for child in node.value)
    else:
        kind = "scalar"
        children = ()
    flow = bool(getattr(node, "flow_style", False))
    start = node.start_mark
    # A block collection's own end is the start of the next token, comments and all swallowed.
    end = children[-1].span.end if children and not flow else node.end_mark.index
    span = Span(start.index, end)
    text = "" if children else str(node.value)
    found = Node(kind, span, start.line + 1, start.column + 1, flow, text, children)
    known[id(node)] = found
    return found
