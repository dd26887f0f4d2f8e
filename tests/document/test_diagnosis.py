"""The usual causes of a file that is no YAML, told by their looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from yaml_attn.document.diagnosis import (
    UnreadableError,
    because,
    diagnose,
    lookalike,
    of_file,
    refuse_binary,
)
from yaml_attn.document.document import Document
from yaml_attn.errors import DocumentError

A = "[-1, 1, A, [8]]"
OPEN = "[-1, 1, A, [8]"
SAID = "what a parser says"

DOCUMENTS = "Keep one: the frameworks refuse the file. Look for a line `---` or `...`."
COMMA = "A comma is missing at the end of the row in line {}."
TAB = "Replace the tab in this line by spaces."
UNCLOSED = "A bracket is not closed in the row in line {}."
INDENT = "The row is not indented like the rows around it, or a bracket above is not closed."
BRACKET = "A bracket or a comma is missing here or in the row above."


def told(error: UnreadableError) -> tuple[object, ...]:
    return error.cause, error.line, error.column, error.hint


@pytest.mark.parametrize(
    ("text", "structural", "at", "cause"),
    [
        # A row without a comma: found in the line where the parser stumbled, or above.
        (f"b:\n  [{A}\n   {A}]", True, (3, 4), ("comma", 2, 3, COMMA.format(2))),
        (f"b: [\n  {A},\n{A}\n {A}]", True, (4, 2), ("comma", 3, 1, COMMA.format(3))),
        (f"{A}\n{A}", True, (2, 1), ("comma", 1, 1, COMMA.format(1))),
        (f"b: [\n {A}  # [\n\n # {A}\n {A}]", True, (5, 2), ("comma", 2, 2, COMMA.format(2))),
        (f"b: [\n {A}\n\n {A}]", True, (4, 2), ("comma", 2, 2, COMMA.format(2))),
        (f"b: [\n {A},\n {A}]\nh: [\n", True, (5, 1), ("bracket", 5, 1, BRACKET)),
        (f"b: [\n {A} x\n {A}]", True, (3, 2), ("bracket", 3, 2, BRACKET)),
        ("[1 2", True, (1, 4), ("bracket", 1, 1, BRACKET)),
        # A row that opens more than it closes.
        (f"b:\n - {OPEN}\n - {A}", True, (3, 2), ("bracket", 2, 2, UNCLOSED.format(2))),
        (f"b:\n - {A}\n - {OPEN}\n - {A}", True, (4, 2), ("bracket", 3, 2, UNCLOSED.format(3))),
        (f"b:\n [{OPEN},\n  {A},\n ]\nh:", True, (5, 1), ("bracket", 2, 2, UNCLOSED.format(2))),
        (f"b: [\n  {A},\n  {OPEN},\n ]\n", True, (5, 1), ("bracket", 3, 3, UNCLOSED.format(3))),
        (f"b:\n [{A},\n  {OPEN},\n  {A}]\n", True, (5, 1), ("bracket", 3, 3, UNCLOSED.format(3))),
        (f"b:\n - {A}  # [\n - {A} # [[\n x: y", True, (4, 2), ("syntax", 4, 2, None)),
        ("[-1, [8]\nx", True, (2, 1), ("bracket", 1, 1, UNCLOSED.format(1))),
        (f"b: [\n  {OPEN},\n  {A},\n ]\n", True, (5, 1), ("bracket", 2, 3, UNCLOSED.format(2))),
        (f"b:\n [ {A},\n  x", True, (3, 3), ("bracket", 3, 3, BRACKET)),  # opens the list
        (f"b:\n # why\n [{A},\n  x", True, (4, 3), ("bracket", 4, 3, BRACKET)),
        (f"b: [\n x y\n]\nh:\n - {OPEN}\n - {A}", True, (3, 1), ("bracket", 3, 1, BRACKET)),
        ("b: [\n [[-1, 1], 1, A, []],\n x", True, (3, 2), ("bracket", 3, 2, BRACKET)),
        # A row beside the column of the others.
        (f"b: [\n x]\n {A}]", True, (3, 2), ("indent", 3, 2, INDENT)),
        (f"b:\n - {A}\n- {A}", True, (3, 1), ("indent", 3, 1, INDENT)),
        (f"b:\n - {A}\n   - {A}", True, (3, 4), ("indent", 3, 4, INDENT)),
        (f"b:\n - {A}\n   {A}", True, (3, 4), ("comma", 2, 2, COMMA.format(2))),
        # Anything else, where the parser says.
        ("b:\n\t- x", False, (2, 1), ("syntax", 2, 2, TAB)),
        (f"b:\n - {A}\nx y", True, (3, 1), ("syntax", 3, 1, None)),
        (f"b:\n - {A}", False, (2, 4), ("syntax", 2, 4, None)),
        ("a: 'b", False, (None, None), ("syntax", None, None, None)),
        ("x: 1\n\ny [z", True, (3, 4), ("bracket", 3, 1, BRACKET)),
        # Seen before all else.
        ("a\n---\nb", True, (2, 3), ("documents", 2, 3, DOCUMENTS)),
        ("a\n---\nb", True, (3, 1), ("documents", 3, 1, DOCUMENTS)),
    ],
)  # fmt: skip
def test_the_cause_is_told_by_its_looks(
    text: str,
    structural: bool,
    at: tuple[int | None, int | None],
    cause: tuple[object, ...],
) -> None:
    error = diagnose(text, SAID, *at, structural=structural)
    assert told(error) == cause
    several = cause[0] == "documents"
    assert error.message == (
        "holds more than one YAML document" if several else f"is not YAML: {SAID}"
    )
    for newline in ("\r\n", "\r"):
        other = diagnose(text.replace("\n", newline), SAID, *at, structural=structural)
        assert told(other) == cause


@pytest.mark.parametrize(
    ("text", "structural", "at", "place"),
    [
        (f"b:\n - {A}\n - [-1, 1, A, ['x\"]]\n - {A}\n", False, (5, 1), (3, 16)),
        ('b:\n - [-1, 1, A, ["x]]\n - [-1, 1, A, ["y"]]\n', True, (3, 18), (2, 16)),
        ("names: ['it''s', it's, 'cat, \"dog\"]\n", False, (2, 1), (1, 24)),
        ('names: ["a", \'b]  # dogs\n', False, (2, 1), (1, 14)),
    ],
)
def test_a_quote_that_is_never_closed_is_pointed_at(
    text: str, structural: bool, at: tuple[int, int], place: tuple[int, int]
) -> None:
    error = diagnose(text, SAID, *at, structural=structural)
    assert (error.cause, error.line, error.column) == ("syntax", *place)
    assert error.message == f"is not YAML: the quote opened in line {place[0]} is never closed"


def test_a_quote_in_a_comment_or_a_word_is_none() -> None:
    error = diagnose("b:\n - [-1, 1, it's, ['x']]  # P4's\n - [", SAID, 3, 5, structural=True)
    assert error.cause == "bracket"


@pytest.mark.parametrize(
    ("text", "line", "column", "name", "hint"),
    [
        ("\u3000b:\n", 1, 1, "U+3000 (ideographic space)", "Write a plain space."),
        (f"b:\n  - {A}\n \u00a0- {A}\n", 3, 2, "U+00A0 (no-break space)", "Write a plain space."),
        ("a:\n \t \u200b- b\n", 2, 4, "U+200B (zero width space)", "Delete it."),
        ("a:\n---\nb\uff1a", 3, 2, '"\uff1a" (U+FF1A, full-width colon)', 'Write ":".'),
        (
            f"b:\r\n  - {A}\r  - [-1\uff0c1\uff0cA,\u3000[8]]",
            3,
            8,
            '"\uff0c" (U+FF0C, full-width comma)',
            'Write ","; 2 more of this kind.',
        ),
    ],
)
def test_a_character_that_only_looks_like_one_of_yaml_is_named(
    text: str, line: int, column: int, name: str, hint: str
) -> None:
    error = diagnose(text, SAID, 99, 99, structural=True)
    assert told(error) == ("character", line, column, hint)
    assert error.message == f"has {name}, which YAML takes for a letter"


def test_a_piece_of_a_text_is_searched_alone() -> None:
    error = lookalike("\uff3b\n[\uff0c]\n\uff3b", (2, 5))
    assert error
    assert told(error) == ("character", 2, 2, 'Write ",".')
    assert lookalike("\uff3b\n[,]", (2, 5)) is None


@pytest.mark.parametrize("name", ["README.md", "a/yolov3.cfg", "x.PT"])
def test_what_is_not_called_like_a_config_is_said_to_be_none(name: str) -> None:
    error = of_file(DocumentError("is odd", line=3, column=5, hint="Mend it."), Path(name))
    assert str(error) == (
        f"{name}: is no YOLO config: that is a YAML file with `backbone:` and `head:`\n"
        "Read as one, it stops in line 3: is odd."
    )
    assert isinstance(error, UnreadableError)
    assert error.cause == "sections"
    bare = of_file(DocumentError("is odd"), Path(name))
    assert bare.hint == "Read as one: is odd."


@pytest.mark.parametrize("name", ["a.yaml", "a/b.YML", "fd/63", None])
def test_what_is_called_like_a_config_keeps_its_error(name: str | None) -> None:
    error = DocumentError("is odd", line=3, column=5, hint="Mend it.")
    assert of_file(error, Path(name) if name else None) is error
    assert error.path == (Path(name) if name else None)


def test_an_odd_space_that_indents_nothing_is_not_blamed() -> None:
    error = diagnose(f"b:\n - {A}  # \u3000\nx\u00a0y", SAID, 3, 1, structural=True)
    assert error.cause == "syntax"


def test_an_error_keeps_all_that_it_says_when_its_cause_is_known() -> None:
    error = because("row", DocumentError("odd", line=3, column=5, hint="Mend it."))
    assert told(error) == ("row", 3, 5, "Mend it.")
    assert error.message == "odd"


@pytest.mark.parametrize(
    ("data", "name", "kind", "like"),
    [
        (b"PK\x03\x04", "yolov8n.pt", "a checkpoint", "yolov8n.yaml"),
        (b"\x80\x02\x8a\x0a", "best.pt", "a checkpoint", "yolov5s.yaml"),
        (b'\x40\0\0\0\0\0\0\0{"', "yolo11.safetensors", "a checkpoint", "yolo11.yaml"),
        (b"\x89PNG\r\n", "small.yaml", "an image", "yolov5s.yaml"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "an image", "yolov5s.yaml"),
    ],
)
def test_what_is_no_text_is_not_told_to_be_saved_as_one(
    data: bytes, name: str, kind: str, like: str
) -> None:
    message = f"{name}: is {kind}, not a config\n.* {like}\\.$"
    with pytest.raises(UnreadableError, match=message) as caught:
        Document.parse(data, Path(name))
    assert caught.value.cause == "encoding"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "gbk"])
def test_a_text_in_any_encoding_is_no_binary_file(encoding: str) -> None:
    refuse_binary("nc: 80  # 类\n".encode(encoding), None)
