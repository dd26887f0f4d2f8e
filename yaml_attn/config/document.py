"""The text of one config file, with the span of everything that an edit may have to change.

The only file that knows a YAML library. Positions come from ruamel.yaml (`compose` for nodes,
`scan` for commas), values from PyYAML's safe loader: the very parser the frameworks read with.
Nothing is ever dumped: a round trip through ruamel.yaml loses comments in nine of ten configs.

All offsets count code points of `Document.text`, which has no byte order mark. Known limits: an
alias inside `from` is refused (its number is written elsewhere), so is an alias as a whole row.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError as RuamelMarkedError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import FlowEntryToken

from yaml_attn.config.diagnosis import diagnose
from yaml_attn.config.network import SECTIONS, Network
from yaml_attn.errors import DocumentError, WiringError

BOM = "\ufeff"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# The number that opens a trailing comment: `# 9`, `#17`, `# 0-P1/2`, `# 17 (P3/8-small)`, but
# neither `# 3x3 conv` nor `# 0.5` nor `# 13+1`.
_COMMENT_INDEX = re.compile(r"#[ \t]*(\d+)(?![\w.+*/%])")


class Span(NamedTuple):
    """`text[start:end]`, in code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Row:
    """One `[from, number, module, args]` as written.

    `span` is the row itself, without the dash before it or the comma after it; `comma` is that
    comma; `references` are the numbers of `from`; `comment_index` is the number with which the
    trailing comment repeats the row's own index, if it does.
    """

    section: str
    values: Sequence[Any]
    span: Span
    references: tuple[Span, ...]
    comma: Span | None
    comment_index: Span | None
    in_flow_list: bool
    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A config file read into rows."""

    path: Path | None
    text: str
    bom: bool
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Document:
        """The document in this file.

        Raises:
            DocumentError: the file cannot be read, is not UTF-8, or `parse` refuses it.
        """
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise DocumentError("no such file", path=path) from None
        except IsADirectoryError:
            raise DocumentError("is a folder, not a config file", path=path) from None
        except OSError as error:
            raise DocumentError(f"cannot be read ({error.strerror})", path=path) from None
        return cls.parse(data, path)

    @classmethod
    def parse(cls, data: bytes, path: Path | None = None) -> Document:
        """The document in these bytes.

        Raises:
            DocumentError: not UTF-8, not YAML, no backbone and head, or rows that are none.
        """
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise DocumentError(
                f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
                path=path,
                line=line,
                hint="Save the file as UTF-8 (an editor's 'Save with encoding').",
            ) from None
        bom = text.startswith(BOM)
        text = text.removeprefix(BOM)
        try:
            values = read_yaml(text)
            root, tokens = _positions(text)
            rows, settings = _read_rows(text, values, root, tokens)
        except DocumentError as error:
            error.path = path
            raise
        return cls(path, text, bom, rows, settings)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return encode(self.text, bom=self.bom)

    @cached_property
    def network(self) -> Network:
        """The rows as layers with pointers.

        Raises:
            WiringError: a `from` is out of range or points forward.
        """
        try:
            return Network.read(_by_section(self.rows))
        except WiringError as error:
            error.path = self.path
            if error.layer is not None:
                error.line = self.rows[error.layer].line
                error.column = self.rows[error.layer].column
            raise

    @cached_property
    def newline(self) -> str:
        """The line end that the file uses: that of its first line."""
        found = re.search(r"\r\n|\r|\n", self.text)
        return found.group() if found else "\n"


def encode(text: str, *, bom: bool) -> bytes:
    """The bytes of a text as they stand in the file."""
    return ((BOM if bom else "") + text).encode("utf-8")


def read_yaml(text: str) -> Any:
    """The plain data of a text, as the frameworks' own parser reads it.

    Raises:
        DocumentError: it is not one YAML document.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (the safe loader, or its libyaml twin)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise diagnose(text, error.problem or str(error), line, column) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise DocumentError(f"is not YAML: {error}") from None
    except (ValueError, RecursionError) as error:  # 2001-99-99 is no date; 1,000 brackets deep
        raise DocumentError(f"is not a config: {error}") from None


def network_of(text: str) -> tuple[Network, Mapping[str, Any]]:
    """The network and the other top-level keys of a text, by PyYAML alone: what the proof reads.

    Raises:
        DocumentError, WiringError: the text is not a config.
    """
    values = read_yaml(text)
    rows = {section: values[section] for section in SECTIONS}
    settings = {key: value for key, value in values.items() if key not in SECTIONS}
    return Network.read(rows), settings


def _by_section(rows: Sequence[Row]) -> dict[str, list[Sequence[Any]]]:
    return {section: [r.values for r in rows if r.section == section] for section in SECTIONS}


class _Commas:
    """The commas of the text that are punctuation, by position."""

    def __init__(self, spans: list[Span]) -> None:
        self._spans = spans

    def following(self, text: str, offset: int) -> Span | None:
        """The comma after `offset` with nothing but blanks, line ends and comments between."""
        at = bisect_left(self._spans, (offset, offset))
        if at == len(self._spans):
            return None
        comma = self._spans[at]
        gap = text[offset : comma.start]
        return None if re.sub(r"#[^\r\n]*", "", gap).strip() else comma


def _positions(text: str) -> tuple[Node, _Commas]:
    """The nodes and the commas of a text, with their marks.

    Raises:
        DocumentError: ruamel.yaml refuses what PyYAML read.
    """
    try:
        root = YAML().compose(text)
        commas = [
            Span(token.start_mark.index, token.end_mark.index)
            for token in YAML().scan(text)
            if isinstance(token, FlowEntryToken)
        ]
    except RuamelMarkedError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise diagnose(text, error.problem or str(error), line, column) from None
    return root, _Commas(commas)


def _read_rows(
    text: str, values: Any, root: Node, commas: _Commas
) -> tuple[tuple[Row, ...], dict[str, Any]]:
    if not isinstance(values, dict) or not isinstance(root, MappingNode):
        raise DocumentError("is not a model config: it has no top-level keys")
    _refuse_duplicate_keys(root)
    missing = [section for section in SECTIONS if section not in values]
    if missing:
        found = ", ".join(str(key) for key in values) or "none"
        raise DocumentError(
            f"is not a model config: it has no {' and no '.join(f'`{key}:`' for key in missing)}",
            hint=f"Its top-level keys: {found}.",
        )
    nodes = {key.value: (key, value) for key, value in root.value}
    rows: list[Row] = []
    for section in SECTIONS:
        key, node = nodes[section]
        # An empty section is the null that PyYAML reads.
        if not isinstance(node, SequenceNode) or not values[section]:
            raise _at(key, f"`{section}:` is not a list of rows", hint=_ROW_HINT)
        if node.start_mark.index < key.start_mark.index:
            raise _at(key, f"`{section}:` is an alias of a list written elsewhere", hint=_ALIAS)
        end = node.start_mark.index
        for child, value in zip(node.value, values[section], strict=True):
            index = len(rows)
            if child.start_mark.index < end:
                raise _at(key, f"row {index} is an alias of a row written elsewhere", hint=_ALIAS)
            end = _end(child)
            rows.append(_read_row(text, section, index, child, value, node, commas))
    settings = {key: value for key, value in values.items() if key not in SECTIONS}
    return tuple(rows), settings


_ROW_HINT = "A row is `[from, number, module, args]`, e.g. `[-1, 1, Conv, [64, 3, 2]]`."
_ALIAS = "Write the numbers out: an edit could not tell which of its uses is meant."


def _read_row(
    text: str,
    section: str,
    index: int,
    node: Node,
    values: Any,
    parent: SequenceNode,
    commas: _Commas,
) -> Row:
    problem = _row_problem(values)
    if problem:
        raise _at(node, f"row {index} of the file {problem}", hint=_ROW_HINT)
    source = node.value[0]
    items = source.value if isinstance(source, SequenceNode) else [source]
    span = Span(_start(text, node), _end(node))
    references = tuple(_reference(text, item, span, index) for item in items)
    comma = commas.following(text, span.end) if parent.flow_style else None
    return Row(
        section,
        values,
        span,
        references,
        comma,
        _comment_index(text, comma.end if comma else span.end, index),
        bool(parent.flow_style),
        node.start_mark.line + 1,
        node.start_mark.column + 1,
    )


def _row_problem(values: Any) -> str | None:
    """Why plain data are not a row, or None."""
    if not isinstance(values, list):
        return f"is no list but {values!r}"
    if len(values) != 4:
        return f"has {len(values)} {'item' if len(values) == 1 else 'items'} instead of 4"
    source, number, module, args = values
    numbers = source if isinstance(source, list) else [source]
    # YOLOv5 v1 and v2 write Detect's `from` as []: the layers of nc-dependent width before it.
    if not all(type(value) is int for value in numbers):
        return f"has {source!r} as `from`, which must be an integer or a list of integers"
    if type(number) is not int:
        return f"has {number!r} as `number`, which must be an integer"
    if not isinstance(module, str):
        return f"has {module!r} as `module`, which must be a name"
    if not isinstance(args, list):
        return f"has {args!r} as `args`, which must be a list"
    return None


def _reference(text: str, node: Node, row: Span, index: int) -> Span:
    start, end = node.start_mark.index, node.end_mark.index
    if not row.start <= start < row.end:
        raise _at(node, f"row {index} has an alias in its `from`", hint=_ALIAS)
    # An anchor or a tag belongs to the node's span, but not to the number.
    number = re.search(r"\S+$", text[start:end])
    if not isinstance(node, ScalarNode) or number is None:
        raise _at(node, f"row {index} has a `from` that is no plain integer", hint=_ROW_HINT)
    return Span(start + number.start(), end)


def _comment_index(text: str, offset: int, index: int) -> Span | None:
    rest = re.compile(r"[ \t\]]*(?=#)").match(text, offset)
    number = _COMMENT_INDEX.match(text, rest.end()) if rest else None
    return Span(*number.span(1)) if number and int(number.group(1)) == index else None


def _start(text: str, node: Node) -> int:
    """Where a row starts, without an anchor or tag before it."""
    start: int = node.start_mark.index
    prefix = re.compile(r"(?:[&!]\S*[ \t]+)*").match(text, start)
    return prefix.end() if prefix else start


def _end(node: Node) -> int:
    """Where a node's text ends. (A block list's own mark is the start of the next token.)"""
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return _end(node.value[-1])
    if isinstance(node, MappingNode) and not node.flow_style and node.value:
        return _end(node.value[-1][1])
    end: int = node.end_mark.index
    return end


def _at(node: Node, message: str, *, hint: str) -> DocumentError:
    mark = node.start_mark
    return DocumentError(message, line=mark.line + 1, column=mark.column + 1, hint=hint)


def _refuse_duplicate_keys(root: Node) -> None:
    for mapping in _mappings(root):
        seen: dict[str, int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, ScalarNode):
                continue
            if key.value in seen:
                raise _at(
                    key,
                    f"the key `{key.value}:` stands twice, first in line {seen[key.value]}",
                    hint="The frameworks would silently take the last one; delete the other.",
                )
            seen[key.value] = key.start_mark.line + 1


def _mappings(root: Node) -> Iterator[MappingNode]:
    """Every mapping below a node, each once (an alias yields the anchor's node again)."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, MappingNode):
            yield node
            stack.extend(child for pair in node.value for child in pair)
        elif isinstance(node, SequenceNode):
            stack.extend(node.value)
