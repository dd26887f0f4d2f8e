"""Why a text is not YAML, in plain words: the usual causes in YOLO configs, by their looks."""

from __future__ import annotations

import re

from yaml_attn.errors import DocumentError

_NBSP_INDENT = re.compile(r"^[ \t]*[\u00a0\u3000\u2000-\u200b\u202f\u205f]", re.MULTILINE)
_ROW_END = re.compile(r"\][ \t]*(#[^\r\n]*)?$")
_ROW_START = re.compile(r"^[ \t]*(- +)?\[")


def diagnose(text: str, problem: str, line: int | None, column: int | None) -> DocumentError:
    """The error for a text that a YAML parser refused at this place (both count from 1)."""
    if "another document" in problem or "<document start>" in problem:
        return DocumentError(
            "holds more than one YAML document",
            line=line,
            column=column,
            hint="Keep one: the frameworks refuse the file. Look for a line `---` or `...`.",
        )
    space = _NBSP_INDENT.search(text)
    if space:
        character = text[space.end() - 1]
        return DocumentError(
            f"is not YAML: a line is indented with U+{ord(character):04X} "
            f"({'a no-break space' if character == chr(0xA0) else 'not a plain space'})",
            line=text.count("\n", 0, space.start()) + 1,
            column=space.end() - space.start(),
            hint="It was probably copied from a web page. Replace every such character by a space.",
        )
    return DocumentError(
        f"is not YAML: {problem}", line=line, column=column, hint=_hint(text, line, problem)
    )


def _hint(text: str, line: int | None, problem: str) -> str | None:
    lines = re.split(r"\r\n|\r|\n", text)
    if line is None or line > len(lines):
        return None
    missing = _missing_comma(lines, line)
    if missing:
        return f"A comma is missing at the end of the row in line {missing}."
    if "\t" in lines[line - 1]:
        return "Replace the tab in this line by spaces."
    if ("block" in problem or "expected key" in problem) and _ROW_START.match(lines[line - 1]):
        return "The row is not indented like the rows around it, or a bracket above is not closed."
    if "expected ',' or ']'" in problem:
        return "A bracket or a comma is missing here or in the row above."
    return None


def _missing_comma(lines: list[str], line: int) -> int | None:
    """The number of the row before `line` that ends in `]` without a comma, in a flow list."""
    if not re.match(r"^[ \t]*\[", lines[line - 1]):
        return None
    for number in range(line - 1, 0, -1):
        content = lines[number - 1].strip()
        if content and not content.startswith("#"):
            return number if _ROW_START.match(content) and _ROW_END.search(content) else None
    return None
