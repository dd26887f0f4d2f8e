"""The usual causes of a file that is no YAML, told by their looks."""

from __future__ import annotations

import pytest

from yaml_attn.config.diagnosis import UnreadableError, because, diagnose
from yaml_attn.errors import DocumentError

A = "[-1, 1, A, [8]]"
OPEN = "[-1, 1, A, [8]"
ITEM = "did not find expected ',' or ']'"
KEY = "did not find expected key"

DOCUMENTS = "Keep one: the frameworks refuse the file. Look for a line `---` or `...`."
SPACE = "It was probably copied from a web page. Replace every such character by a space."
COMMA = "A comma is missing at the end of the row in line {}."
TAB = "Replace the tab in this line by spaces."
UNCLOSED = "A bracket is not closed in the row in line {}."
INDENT = "The row is not indented like the rows around it, or a bracket above is not closed."
BRACKET = "A bracket or a comma is missing here or in the row above."


def told(error: UnreadableError) -> tuple[object, ...]:
    return error.cause, error.line, error.column, error.hint


@pytest.mark.parametrize(
    ("text", "problem", "at", "cause"),
    [
        # A row without a comma: found in the line where the parser stumbled, or above.
        (f"b:\n  [{A}\n   {A}]", ITEM, (3, 4), ("comma", 2, 3, COMMA.format(2))),
        (f"b: [\n  {A},\n{A}\n {A}]", ITEM, (4, 2), ("comma", 3, 1, COMMA.format(3))),
        (f"{A}\n{A}", ITEM, (2, 1), ("comma", 1, 1, COMMA.format(1))),
        (f"b: [\n {A}  # [\n\n # {A}\n {A}]", ITEM, (5, 2), ("comma", 2, 2, COMMA.format(2))),
        (f"b: [\n {A}\n\n {A}]", ITEM, (4, 2), ("comma", 2, 2, COMMA.format(2))),
        (f"b: [\n {A},\n {A}]\nh: [\n", ITEM, (4, 1), ("bracket", 4, 1, BRACKET)),
        (f"b: [\n x]\n {A}]", ITEM, (3, 2), ("bracket", 3, 2, BRACKET)),
        (f"b: [\n {A} x\n {A}]", ITEM, (3, 2), ("bracket", 3, 2, BRACKET)),
        ("[1 2", ITEM, (1, 4), ("bracket", 1, 1, BRACKET)),
        # A row that opens more than it closes.
        (f"b:\n - {OPEN}\n - {A}", ITEM, (3, 2), ("bracket", 2, 2, UNCLOSED.format(2))),
        (f"b:\n - {A}\n - {OPEN}\n - {A}", ITEM, (4, 2), ("bracket", 3, 2, UNCLOSED.format(3))),
        (f"b:\n [{OPEN},\n  {A},\n ]\nh:", ITEM, (5, 1), ("bracket", 2, 2, UNCLOSED.format(2))),
        (f"b: [\n  {A},\n  {OPEN},\n ]\n", ITEM, (5, 1), ("bracket", 3, 3, UNCLOSED.format(3))),
        (f"b:\n [{A},\n  {OPEN},\n  {A}]\n", ITEM, (5, 1), ("bracket", 3, 3, UNCLOSED.format(3))),
        (f"b:\n - {A}  # [\n - {A} # [[\n x: y", ITEM, (4, 2), ("bracket", 4, 2, BRACKET)),
        ("[-1, [8]\nx", ITEM, (2, 1), ("bracket", 1, 1, UNCLOSED.format(1))),
        (f"b: [\n  {OPEN},\n  {A},\n ]\n", ITEM, (5, 1), ("bracket", 2, 3, UNCLOSED.format(2))),
        (f"b:\n [ {A},\n  x", ITEM, (3, 3), ("bracket", 3, 3, BRACKET)),  # opens the list
        (f"b:\n # why\n [{A},\n  x", ITEM, (4, 3), ("bracket", 4, 3, BRACKET)),
        (f"b: [\n x y\n]\nh:\n - {OPEN}\n - {A}", ITEM, (3, 1), ("bracket", 3, 1, BRACKET)),
        ("b: [\n [[-1, 1], 1, A, []],\n x", ITEM, (3, 2), ("bracket", 3, 2, BRACKET)),
        # A row beside the column of the others.
        (f"b:\n - {A}\n- {A}", KEY, (3, 1), ("indent", 3, 1, INDENT)),
        (f"b:\n - {A}\n   - {A}", "expected '-' indicator", (3, 4), ("indent", 3, 4, INDENT)),
        (f"b:\n - {A}\n   {A}", "while parsing a block", (3, 4), ("comma", 2, 2, COMMA.format(2))),
        # Anything else, where the parser says.
        ("b:\n\t- x", "found a tab", (2, 1), ("syntax", 2, 2, TAB)),
        (f"b:\n - {A}\nx y", KEY, (3, 1), ("syntax", 3, 1, None)),
        (f"b:\n - {A}", "odd", (2, 4), ("syntax", 2, 4, None)),
        ("a: 'b", "odd", (2, 7), ("syntax", 2, 7, None)),
        ("a: 'b", "odd", (None, None), ("syntax", None, None, None)),
        ("x: 1\n\ny [z", ITEM, (3, 4), ("bracket", 3, 1, BRACKET)),
        # Seen before all else.
        ("a\n---\nb", "expected another document", (2, 3), ("documents", 2, 3, DOCUMENTS)),
        ("a\n---\nb", "expected '<document start>'", (3, 1), ("documents", 3, 1, DOCUMENTS)),
    ],
)  # fmt: skip
def test_the_cause_is_told_by_its_looks(
    text: str,
    problem: str,
    at: tuple[int | None, int | None],
    cause: tuple[object, ...],
) -> None:
    error = diagnose(text, problem, *at)
    assert told(error) == cause
    several = cause[0] == "documents"
    assert error.message == (
        "holds more than one YAML document" if several else f"is not YAML: {problem}"
    )
    for newline in ("\r\n", "\r"):
        assert told(diagnose(text.replace("\n", newline), problem, *at)) == cause


@pytest.mark.parametrize(
    ("text", "line", "column", "name"),
    [
        ("\u3000b:\n", 1, 1, "U+3000 (not a plain space)"),
        ("\n\u3000b:\n", 2, 1, "U+3000 (not a plain space)"),
        (f"b:\n  - {A}\n \u00a0- {A}\n", 3, 2, "U+00A0 (a no-break space)"),
        ("a:\n \t \u200b- b\n", 2, 4, "U+200B (not a plain space)"),
    ],
)
def test_a_space_that_is_none_is_named(text: str, line: int, column: int, name: str) -> None:
    error = diagnose(text, "odd", 99, 99)
    assert told(error) == ("space", line, column, SPACE)
    assert error.message == f"is not YAML: a line is indented with {name}"


def test_an_odd_space_that_indents_nothing_is_not_blamed() -> None:
    assert diagnose(f"b:\n - {A}  # \u3000\nx\u00a0y", KEY, 3, 1).cause == "syntax"


def test_an_error_keeps_all_that_it_says_when_its_cause_is_known() -> None:
    error = because("row", DocumentError("odd", line=3, column=5, hint="Mend it."))
    assert told(error) == ("row", 3, 5, "Mend it.")
    assert error.message == "odd"
