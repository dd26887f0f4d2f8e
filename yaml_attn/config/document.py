"""The text of one config file, with the span of everything that an edit may have to change.

Nothing is ever dumped: a round trip through ruamel.yaml loses comments in nine of ten configs.

All offsets count code points of `Document.text`, which has no byte order mark. Known limits: an
alias inside `from` is refused (its number is written elsewhere), so is an alias as a whole row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from yaml_attn.config.diagnosis import UnreadableError, because, lookalike, of_file, refuse_binary
from yaml_attn.config.network import SECTIONS, Network
from yaml_attn.config.syntax import Node, Span, compose, read_yaml
from yaml_attn.errors import DocumentError, WiringError
from yaml_attn.files import read_config

BOM = "\ufeff"

# Between two items of a flow list stand blanks, line ends, comments and one comma, nothing else.
_COMMA = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*[\r\n])*(,)")

# The number that opens a trailing comment: `# 9`, `#17`, `# 0-P1/2`, `# 17 (P3/8-small)`, but
# neither `# 3x3 conv` nor `# 0.5` nor `# 13+1`.
_COMMENT_STRIDE = re.compile(r"[ \t\]]*#[^\r\n]*?\bP([1-9])/([0-9]{1,3})(?![0-9])")
_COMMENT_INDEX = re.compile(r"#[ \t]*([0-9]{1,9})(?![\w.+*/%])")

# An anchor or a tag belongs to a node's span, but not to what it says.
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:[ \t\r\n]|#[^\r\n]*[\r\n])+)+")

# The common characters in GB 2312: two bytes, both above ASCII, which Latin letters hardly are.
_HANZI = re.compile(rb"[\xb0-\xf7][\xa1-\xfe]")

_BARE_TAG = re.compile(r"(&\S+[ \t]+)?!")


@dataclass(frozen=True, slots=True)
class Row:
    """One `[from, number, module, args]` as written.

    `span` is the row itself, without the dash before it or the comma after it; `comma` is that
    comma; `references` are the numbers of `from`; `module` and `args` are these two items;
    `comment_index` is the number with which the trailing comment repeats the row's own index, if
    it does.
    """

    section: str
    values: Sequence[Any]
    span: Span
    references: tuple[Span, ...]
    module: Span
    args: Span
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

    def __repr__(self) -> str:
        """One line: the file, and how many rows it has."""
        return f"<Document {self.path}, {len(self.rows)} rows>"

    @classmethod
    def load(cls, path: Path) -> Document:
        """The document in this file.

        Raises:
            NoFileError: the file cannot be read, or is none.
            DocumentError: `parse` refuses it.
        """
        return cls.parse(read_config(path), path)

    @classmethod
    def parse(cls, data: bytes, path: Path | None = None) -> Document:
        """The document in these bytes.

        Raises:
            DocumentError: no text, not UTF-8, not YAML, no backbone and head, or rows that are
                none.
        """
        refuse_binary(data, path)
        try:
            text = _decoded(data)
            bom = text.startswith(BOM)
            text = text.removeprefix(BOM)
            _refuse_inner_bom(text)
            rows, settings = _Reader(text).read()
        except DocumentError as error:
            raise of_file(error, path) from None
        except RecursionError:  # a thousand dashes: libyaml reads them, ruamel.yaml does not
            deep = UnreadableError("syntax", "is not a config: it is nested too deeply")
            raise of_file(deep, path) from None
        return cls(path, text, bom, rows, settings)

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return encode(self.text, bom=self.bom)

    @cached_property
    def strides_told(self) -> Mapping[int, float]:
        """The strides that trailing comments tell (`# 17 (P3/8-small)`), by index of the row."""
        found = {}
        for index, row in enumerate(self.rows):
            told = _COMMENT_STRIDE.match(self.text, (row.comma or row.span).end)
            if told and 2 ** int(told[1]) == int(told[2]):
                found[index] = float(told[2])
        return found

    def spell_comment(self, span: Span, index: int) -> str:
        """An index as the number that opens a comment is written: `09` where others have zeros.

        Args:
            span: of the number that stands there.
            index: what it is to say.
        """
        written = self.text[slice(*span)]
        padded = written.startswith("0") or len(written) in self._padded_widths
        return str(index).zfill(len(written) if padded else 0)

    @cached_property
    def _padded_widths(self) -> frozenset[int]:
        """The digits of the numbers in comments that begin with a zero: 2 for `# 09`."""
        numbers = (comment_number(self.text, row) for row in self.rows)
        texts = [self.text[slice(*span)] for span in numbers if span]
        return frozenset(len(each) for each in texts if each.startswith("0") and len(each) > 1)

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


def comment_number(text: str, row: Row) -> Span | None:
    """The number that opens the row's trailing comment, whether it is the row's index or not."""
    return _opening_number(text, row.comma.end if row.comma else row.span.end)


def _opening_number(text: str, offset: int) -> Span | None:
    comment = re.compile(r"[ \t\]]*(?=#)").match(text, offset)
    number = _COMMENT_INDEX.match(text, comment.end()) if comment else None
    return Span(*number.span(1)) if number else None


def network_of(text: str) -> tuple[Network, Mapping[str, Any]]:
    """The network and the other top-level keys of a text, by PyYAML alone: what the proof reads.

    Raises:
        DocumentError, WiringError: the text is not a config.
    """
    values = read_yaml(text)
    if not isinstance(values, dict):
        raise DocumentError("is not a model config: it has no top-level keys")
    rows = {section: _plain_rows(section, values.get(section)) for section in SECTIONS}
    settings = {key: value for key, value in values.items() if key not in SECTIONS}
    return Network.read(rows), settings


def _plain_rows(section: str, values: Any) -> list[Sequence[Any]]:
    if not isinstance(values, list):
        raise DocumentError(f"is not a model config: `{section}:` is not a list of rows")
    for row in values:
        if problem := _row_problem(row):
            raise DocumentError(f"a row of `{section}:` {problem}")
    return values


def _by_section(rows: Sequence[Row]) -> dict[str, list[Sequence[Any]]]:
    return {section: [r.values for r in rows if r.section == section] for section in SECTIONS}


_ROW_HINT = "A row is `[from, number, module, args]`, e.g. `[-1, 1, Conv, [64, 3, 2]]`."
_UTF8_HINT = "Save the file as UTF-8 (an editor's 'Save with encoding')"
_GBK_HINT = f"It looks like GBK. {_UTF8_HINT}, or convert it: iconv -f GBK -t UTF-8 OLD > NEW."
_ALIAS_HINT = "Write the numbers out: an edit could not tell which of its uses is meant."


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            "encoding",
            f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}",
            line=data.count(b"\n", 0, error.start) + 1,
            hint=_GBK_HINT if _looks_like_gbk(data) else f"{_UTF8_HINT}.",
        ) from None


def _looks_like_gbk(data: bytes) -> bool:
    """Whether bytes that are no UTF-8 are Chinese text, and not some letters with accents."""
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return bool(_HANZI.search(data))


def _refuse_inner_bom(text: str) -> None:
    """A byte order mark further down: libyaml skips it, PyYAML's own parser reads a letter."""
    if BOM in text:
        before = text[: text.index(BOM)]
        raise UnreadableError(
            "character",
            "has a byte order mark (U+FEFF) that is not at its beginning",
            line=before.count("\n") + 1,
            column=len(before) - before.rfind("\n"),
            hint="Delete the character; two files were probably joined.",
        )


class _Reader:
    """Walks the values and the nodes of a text side by side."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.values = read_yaml(text)
        self.root = compose(text) if isinstance(self.values, dict) else None

    def read(self) -> tuple[tuple[Row, ...], dict[str, Any]]:
        """The rows, and the top-level keys beside them."""
        if self.root is None:
            raise UnreadableError("sections", "is not a model config: it has no top-level keys")
        _refuse_ambiguous(self.text, self.root)
        missing = [section for section in SECTIONS if section not in self.values]
        if missing:
            found = ", ".join(str(key) for key in self.values) or "none"
            absent = " and no ".join(f"`{key}:`" for key in missing)
            raise UnreadableError(
                "sections",
                f"is not a model config: it has no {absent}",
                hint=f"Its top-level keys: {found}.",
            )
        nodes = {key.text: (key, value) for key, value in self.root.pairs}
        rows: list[Row] = []
        for section in SECTIONS:
            if section not in nodes:
                merged = self.root.error(
                    f"`{section}:` is merged from another mapping", _ALIAS_HINT
                )
                raise because("row", merged)
            rows += self._section(section, *nodes[section], len(rows))
        settings = {key: value for key, value in self.values.items() if key not in SECTIONS}
        return tuple(rows), settings

    def _section(self, section: str, key: Node, node: Node, first: int) -> list[Row]:
        values = self.values[section]
        if node.kind != "list" or not values:
            raise because("row", key.error(f"`{section}:` is not a list of rows", _ROW_HINT))
        end = node.span.start
        if end < key.span.start:
            raise because(
                "row",
                key.error(f"`{section}:` is an alias of a list written elsewhere", _ALIAS_HINT),
            )
        rows: list[Row] = []
        for child, value in zip(node.children, values, strict=True):
            index = first + len(rows)
            if child.span.start < end:
                raise because(
                    "row", key.error(f"row {index} is an alias of another row", _ALIAS_HINT)
                )
            rows.append(self._row(section, index, child, value, flow=node.flow))
            end = child.span.end
        return rows

    def _row(self, section: str, index: int, node: Node, values: Any, *, flow: bool) -> Row:
        looks = lookalike(self.text, node.span)
        if looks:
            raise looks
        problem = _row_problem(values)
        if problem:
            raise because("row", node.error(f"row {index} of the file {problem}", _ROW_HINT))
        source = node.children[0]
        items = source.children if source.kind == "list" else (source,)
        span = self._bare(node.span)
        comma = self._comma_after(span.end)
        return Row(
            section,
            values,
            span,
            tuple(self._reference(item, node, index) for item in items),
            node.children[2].span,
            node.children[3].span,
            comma,
            self._comment_index(comma.end if comma else span.end, index),
            flow,
            node.line,
            node.column,
        )

    def _reference(self, node: Node, row: Node, index: int) -> Span:
        if node.span.start < row.span.start:
            raise because("row", row.error(f"row {index} has an alias in its `from`", _ALIAS_HINT))
        return self._bare(node.span)

    def _bare(self, span: Span) -> Span:
        """The span without an anchor and a tag."""
        properties = _PROPERTIES.match(self.text, span.start)
        return Span(properties.end() if properties else span.start, span.end)

    def _comma_after(self, offset: int) -> Span | None:
        comma = _COMMA.match(self.text, offset)
        return Span(*comma.span(1)) if comma else None

    def _comment_index(self, offset: int, index: int) -> Span | None:
        span = _opening_number(self.text, offset)
        return span if span and int(self.text[slice(*span)]) == index else None


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


def _refuse_ambiguous(text: str, root: Node) -> None:
    """What the frameworks' parsers read in two ways, or silently take the half of."""
    stack = [root]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        if node.text == "" and _BARE_TAG.fullmatch(text, *node.span):
            problem = (
                "a tag without name and value is an empty text to some parsers, null to others"
            )
            raise because("syntax", node.error(problem))
        if node.kind != "mapping":
            continue
        lines: dict[str, int] = {}
        for key, _ in node.pairs:
            if key.kind == "scalar" and key.text in lines:
                twice = key.error(
                    f"the key `{key.text}:` stands twice, first in line {lines[key.text]}",
                    "The frameworks would silently take the last one; delete the other.",
                )
                raise because("duplicate key", twice)
            lines[key.text] = key.line
