"""What a text may hold in each format that we write: names and values are other people's.

One function a format, called where that format is written and nowhere else. What cannot be said
there is shown: a control character by its picture (`␛`), a line end inside of a name by `␊`.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"
_PICTURES: Final = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys(range(0x80, 0xA0), _UNKNOWN),
    0x85: "\N{SYMBOL FOR NEWLINE}",
    0x2028: "\N{SYMBOL FOR NEWLINE}",
    0x2029: "\N{SYMBOL FOR NEWLINE}",
    # Bytes of a file's name that are no UTF-8, and halves of characters in YAML and JSON.
    **dict.fromkeys(range(0xD800, 0xE000), _UNKNOWN),
    # They turn the direction of what follows, so that it reads as something else.
    **dict.fromkeys(
        [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], _UNKNOWN
    ),
}
_TEXT: Final = {code: shown for code, shown in _PICTURES.items() if chr(code) not in "\t\n"}

_COMMAND: Final = re.compile(r"(?m)^(\s*):(?=:)|#(?=#\[)")
"""Where GitHub takes a line of a log for a command of the workflow's: `::error::`, `##[...]`."""

_MARKDOWN: Final = {
    "\\": r"\\",
    "|": r"\|",
    "*": r"\*",
    "`": r"\`",
    "~": r"\~",
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
}
_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "Δ": r"$\Delta$",
    **{each: f"\\{each}" for each in "&%$#_{}"},
}
# Begins a formula, in the full-width form too.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠|%]")  # noqa: RUF001
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?")


def for_terminal(text: str) -> str:
    """Text of any number of lines as it may be printed for people, each character in its place.

    In a workflow of GitHub's no line of it is a command.
    """
    text = text.translate(_TEXT)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = _COMMAND.sub(lambda found: f"{found[1] or ''}{_full_width(found[0][-1])}", text)
    return text


def in_line(value: object) -> str:
    """A value as it may stand in a line: its own line ends and tabs are shown as well."""
    return str(value).translate(_PICTURES)


def github_data(text: str) -> str:
    """The message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").translate(_TEXT)


def github_property(value: object) -> str:
    """A property of a workflow command."""
    return github_data(str(value)).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """A text as it may stand in a line or a cell of Markdown: it is no markup, link or HTML."""
    escaped = "".join(_MARKDOWN.get(letter, letter) for letter in in_line(text))
    # Inside a word it is no emphasis, and brackets are no link by themselves.
    escaped = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)
    return re.sub(r"\](?=[(\[:])", r"\\]", escaped)


def code(text: str) -> str:
    """A text as code in a line of Markdown."""
    shown = in_line(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    pad = " " * ("`" in shown)
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Lines as a block of code in Markdown, whatever fences they hold."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def latex(text: str) -> str:
    """A text as it may stand in a line or a cell of LaTeX."""
    escaped = "".join(_LATEX.get(letter, letter) for letter in in_line(text))
    # Behind the `\\` of the row above it would be an option of that.
    return f"{{}}{escaped}" if escaped.startswith(("[", "*")) else escaped


def csv(value: Any) -> Any:
    """A value of CSV: no spreadsheet takes it for a formula."""
    if not isinstance(value, str):
        return value
    text = in_line(value)
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def uri(path: PurePath) -> str:
    """A path as a relative reference of a URI; bytes that are no UTF-8 too."""
    return quote(os.fsencode(path.as_posix()))


def json_value(value: Any) -> Any:
    """What YAML can say as what JSON can: texts in the place of dates, bytes and odd numbers."""
    match value:
        case str() | bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else _odd_number(value)
        case Mapping():
            return {_json_key(key): json_value(each) for key, each in value.items()}
        case list() | tuple():
            return [json_value(each) for each in value]
        case set() | frozenset():
            return sorted((json_value(each) for each in value), key=repr)
        case bytes():
            return base64.b64encode(value).decode()
        case dt.date():
            return value.isoformat()
        case _:
            return str(value)


def json_text(value: Any, **layout: Any) -> str:
    """What YAML can say as a text of JSON: ASCII, and no command in a workflow's log.

    Args:
        value: plain data.
        layout: `indent` and `separators`, as `json.dumps` has them.
    """
    return json.dumps(json_value(value), **layout).replace("##[", r"\u0023#[")


def _json_key(key: Any) -> str:
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    plain = json_value(key)
    return plain if isinstance(plain, str) else str(plain)


def _odd_number(value: float) -> str:
    return ".nan" if math.isnan(value) else f"{'-' * (value < 0)}.inf"


def _full_width(letter: str) -> str:
    return chr(ord(letter) + 0xFEE0)
