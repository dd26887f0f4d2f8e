"""Why a text is not YAML, in plain words: the usual causes in YOLO configs, by their looks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Literal

from yaml_attn.document.lookalikes import in_piece, in_punctuation
from yaml_attn.errors import DocumentError

Cause = Literal[
    "encoding",
    "character",
    "comma",
    "bracket",
    "indent",
    "documents",
    "duplicate key",
    "row",
    "sections",
    "syntax",
]
"""What kind of mistake makes a file unreadable; "syntax" is any other."""

SUFFIXES: Final = (".yaml", ".yml")
"""What the name of a YAML file ends in."""

_BINARY: Final = {
    # Zip, pickle, safetensors: the length of its header in 8 bytes, then that in JSON.
    "a checkpoint": re.compile(rb"PK\x03\x04|\x80[\x02-\x05]|.{4}\0{4}\{", re.DOTALL),
    "an image": re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|BM.{4}\0{4}|RIFF.{4}WEBP", re.DOTALL),
}
_COMMENT = re.compile(r"(^|[ \t,\]])#.*$")
_QUOTED = re.compile(
    r"""(?:^|(?<=[\s\[{,:]))(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|(?P<open>["']))|(?:^|(?<=[\s,\]]))\#.*"""
)
_ROW_END = re.compile(r"\][ \t]*(#[^\r\n]*)?$")
_SEPARATOR = re.compile(r"(---|\.\.\.)(\s|$)")
_NO_CONTENT = re.compile(r"\s*(#|%|$|---(\s|$))")
_ROW_START = re.compile(r"^[ \t]*(- +)?\[")


class UnreadableError(DocumentError):
    """A file that is no config, with the kind of mistake that makes it none."""

    def __init__(
        self,
        cause: Cause,
        message: str,
        *,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, line=line, column=column, hint=hint)
        self.cause = cause


def because(cause: Cause, error: DocumentError) -> UnreadableError:
    """The error, known by its cause."""
    return UnreadableError(
        cause, error.message, line=error.line, column=error.column, hint=error.hint
    )


def of_file(error: DocumentError, path: Path | None) -> DocumentError:
    """The error with its file; where that is not even called like a config, it says so first."""
    if path and path.suffix.lower() not in (*SUFFIXES, ""):
        at = f", it stops in line {error.line}" if error.line else ""
        error = UnreadableError(
            "sections",
            "is no YOLO config: that is a YAML file with `backbone:` and `head:`",
            hint=f"Read as one{at}: {error.message}.",
        )
    error.path = path
    return error


def refuse_binary(data: bytes, path: Path | None) -> None:
    """Refuse what is no text by its first bytes: an editor would only destroy it.

    Raises:
        UnreadableError: it is a checkpoint or an image.
    """
    for kind, starts in _BINARY.items():
        if starts.match(data):
            stem = path.stem if path and path.stem.lower().startswith("yolo") else "yolov5s"
            refused = UnreadableError(
                "encoding",
                f"is {kind}, not a config",
                hint=f"Name the YAML file that the network is built from, such as {stem}.yaml.",
            )
            refused.path = path
            raise refused


def lookalike(text: str, piece: tuple[int, int] | None = None) -> UnreadableError | None:
    """The error for characters that only look like YAML's: in a piece, or where they break a text.

    Args:
        text: of the file.
        piece: where a row starts and ends, in code points.
    """
    found = list(in_piece(text, *piece) if piece else in_punctuation(text))
    if not found:
        return None
    first, *more = found
    before = text[: first.offset]
    ends = list(re.finditer(r"\r\n|\r|\n", before))
    kind = f"; {len(more)} more of this kind" if more else ""
    return UnreadableError(
        "character",
        f"has {first.name}, which YAML takes for a letter",
        line=len(ends) + 1,
        column=len(before) - (ends[-1].end() if ends else 0) + 1,
        hint=f"{first.mend}{kind}.",
    )


def diagnose(
    text: str, problem: str, line: int | None, column: int | None, *, structural: bool
) -> UnreadableError:
    """The error for a text that a YAML parser refused, by the looks of the text alone.

    What a parser says of it differs from release to release; it is passed on, never read.

    Args:
        text: of the file.
        problem: what the parser says.
        line: where it stumbled, from 1.
        column: the same, in code points.
        structural: whether the pieces do not fit together, rather than one piece being none.
    """
    looks = lookalike(text)
    if looks:
        return looks
    lines = re.split(r"\r\n|\r|\n", text)
    if _second_document(lines[:line]):
        return UnreadableError(
            "documents",
            "holds more than one YAML document",
            line=line,
            column=column,
            hint="Keep one: the frameworks refuse the file. Look for a line `---` or `...`.",
        )
    stumbled = None if line is None or column is None else (line, column)
    return (
        _unclosed_quote(lines, stumbled, structural=structural)
        or (stumbled and _broken_row(lines, problem, *stumbled, structural=structural))
        or UnreadableError("syntax", f"is not YAML: {problem}", line=line, column=column, hint=None)
    )


def _second_document(lines: list[str]) -> bool:
    """Whether a document ends or starts in these lines behind content."""
    content = False
    for line in lines:
        if content and _SEPARATOR.match(line):
            return True
        content = content or not _NO_CONTENT.match(line)
    return False


def _unclosed_quote(
    lines: list[str], stumbled: tuple[int, int] | None, *, structural: bool
) -> UnreadableError | None:
    """The error at the first quote up to where it shows that its own line does not close.

    In rows, where no quoted text runs on into the next line, or anywhere if it swallowed the rest.
    """
    line, column = stumbled or (len(lines), 1)
    at_end = line > len(lines) or (line == len(lines) and column > len(lines[-1]))
    swallowed = at_end and stumbled is not None and not structural
    for number, content in enumerate(lines[:line], 1):
        if not swallowed and not _ROW_START.match(content):
            continue
        for found in _QUOTED.finditer(content):
            if found["open"]:
                return UnreadableError(
                    "syntax",
                    f"is not YAML: the quote opened in line {number} is never closed",
                    line=number,
                    column=found.start() + 1,
                    hint=f"Close it by the same character: {found['open']}",
                )
    return None


def _broken_row(
    lines: list[str], problem: str, line: int, column: int, *, structural: bool
) -> UnreadableError | None:
    """The error at the row that made the parser stumble here, perhaps rows further down."""
    if line > len(lines):  # the end of the text, behind its last line end
        line, column = len(lines), len(lines[-1]) + 1
    here = lines[line - 1]
    in_flow = _open_brackets([*lines[: line - 1], here[: column - 1]]) > 0
    cause: Cause = "syntax"
    hint = None
    at = line
    if missing := _missing_comma(lines, line):
        cause, at = "comma", missing
        hint = f"A comma is missing at the end of the row in line {missing}."
    elif "\t" in here:
        hint = "Replace the tab in this line by spaces."
    elif unclosed := _unclosed_row(lines, line):
        cause, at = "bracket", unclosed
        hint = f"A bracket is not closed in the row in line {unclosed}."
    elif not in_flow and _ROW_START.match(here) and (structural or here[column - 1 :][:1] == "-"):
        cause = "indent"
        hint = "The row is not indented like the rows around it, or a bracket above is not closed."
    elif in_flow and structural:
        cause = "bracket"
        hint = "A bracket or a comma is missing here or in the row above."
    else:
        return None
    column = len(lines[at - 1]) - len(lines[at - 1].lstrip()) + 1
    return UnreadableError(cause, f"is not YAML: {problem}", line=at, column=column, hint=hint)


def _open_brackets(lines: list[str]) -> int:
    """How many brackets and braces these lines open and do not close, outside of quotes."""
    text = "".join(_QUOTED.sub("", line) for line in lines)
    return sum(map(text.count, "[{")) - sum(map(text.count, "]}"))


def _missing_comma(lines: list[str], line: int) -> int | None:
    """The number of the row before `line` that ends in `]` without a comma, in a flow list."""
    if not re.match(r"^[ \t]*\[", lines[line - 1]):
        return None
    for number in range(line - 1, 0, -1):
        content = lines[number - 1].strip()
        if content and not content.startswith("#"):
            return number if _ROW_START.match(content) and _ROW_END.search(content) else None
    return None


def _unclosed_row(lines: list[str], line: int) -> int | None:
    """The number of the first row up to `line` that opens more brackets than it closes.

    Only in files with a row a line; the first row of a flow list opens the list too.
    """
    opens_list = False
    for number, content in enumerate(lines[:line], 1):
        row = _COMMENT.sub("", content).strip()
        opened = row.count("[") - row.count("]")
        if re.match(r"[\w'\"]+[ \t]*:", row):
            opens_list = opened <= 0
        elif row:
            if _ROW_START.match(row) and "," in row and opened > (opens_list and row[0] == "["):
                return number
            opens_list = False
    return None
