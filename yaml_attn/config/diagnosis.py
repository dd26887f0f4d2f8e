"""Why a text is not YAML, in plain words: the usual causes in YOLO configs, by their looks."""

from __future__ import annotations

import re
from typing import Literal

from yaml_attn.errors import DocumentError

Cause = Literal[
    "encoding",
    "space",
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

_NBSP_INDENT = re.compile(r"^[ \t]*[\u00a0\u3000\u2000-\u200b\u202f\u205f]", re.MULTILINE)
_COMMENT = re.compile(r"(^|[ \t,\]])#.*$")
_ROW_END = re.compile(r"\][ \t]*(#[^\r\n]*)?$")
_MISPLACED = re.compile(r"block|expected key|expected '-' indicator")
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


def diagnose(text: str, problem: str, line: int | None, column: int | None) -> UnreadableError:
    """The error for a text that a YAML parser refused at this place (both count from 1)."""
    if "another document" in problem or "<document start>" in problem:
        return UnreadableError(
            "documents",
            "holds more than one YAML document",
            line=line,
            column=column,
            hint="Keep one: the frameworks refuse the file. Look for a line `---` or `...`.",
        )
    space = _NBSP_INDENT.search(text)
    if space:
        character = text[space.end() - 1]
        return UnreadableError(
            "space",
            f"is not YAML: a line is indented with U+{ord(character):04X} "
            f"({'a no-break space' if character == chr(0xA0) else 'not a plain space'})",
            line=text.count("\n", 0, space.start()) + 1,
            column=space.end() - space.start(),
            hint="It was probably copied from a web page. Replace every such character by a space.",
        )
    return _broken_row(text, problem, line) or UnreadableError(
        "syntax", f"is not YAML: {problem}", line=line, column=column, hint=None
    )


def _broken_row(text: str, problem: str, line: int | None) -> UnreadableError | None:
    """The error at the row that made the parser stumble in `line`, perhaps rows further down."""
    lines = re.split(r"\r\n|\r|\n", text)
    if line is None or line > len(lines):
        return None
    here = lines[line - 1]
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
    elif _MISPLACED.search(problem) and _ROW_START.match(here):
        cause = "indent"
        hint = "The row is not indented like the rows around it, or a bracket above is not closed."
    elif "expected ',' or ']'" in problem:
        cause = "bracket"
        hint = "A bracket or a comma is missing here or in the row above."
    else:
        return None
    column = len(lines[at - 1]) - len(lines[at - 1].lstrip()) + 1
    return UnreadableError(cause, f"is not YAML: {problem}", line=at, column=column, hint=hint)


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
