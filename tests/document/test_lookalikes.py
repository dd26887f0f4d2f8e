"""Characters that look like YAML's own: which are found, what they are called, what to write."""

from __future__ import annotations

import unicodedata

import pytest

from yaml_attn.document.lookalikes import MEANT, Lookalike, in_piece, in_punctuation


def found(text: str) -> list[tuple[int, str]]:
    return [(each.offset, each.character) for each in in_punctuation(text)]


@pytest.mark.parametrize(
    ("character", "name", "mend"),
    [
        ("\uff0c", '"\uff0c" (U+FF0C, full-width comma)', 'Write ","'),
        ("\u201c", '"\u201c" (U+201C, left double quotation mark)', "Write '\"'"),
        ("\u3000", "U+3000 (ideographic space)", "Write a plain space"),
        ("\u200b", "U+200B (zero width space)", "Delete it"),
    ],
)
def test_a_character_is_named_with_what_to_write(character: str, name: str, mend: str) -> None:
    assert (Lookalike(0, character).name, Lookalike(0, character).mend) == (name, mend)


def test_each_is_none_of_ascii_and_means_some() -> None:
    assert not any(character.isascii() for character in MEANT)
    assert all(meant.isascii() and len(meant) < 2 for meant in MEANT.values())
    assert {MEANT[chr(code)] for code in range(0xFF01, 0xFF5F)} == set(map(chr, range(0x21, 0x7F)))
    assert all(Lookalike(0, character).name for character in MEANT)
    spaces = {chr(code) for code in range(128, 0x10000) if unicodedata.category(chr(code)) == "Zs"}
    assert {character for character, meant in MEANT.items() if meant == " "} == spaces


@pytest.mark.parametrize(
    "text",
    [
        "- [-1, 1, A, [8]]  # \u7b2c1\u5c42\uff0c\uff08P3\uff09",
        "# \uff0c\n#\u3000x\n",
        '- [-1, 1, A, [\'\uff0c\', "\u201c\\"\uff0c"]]',
        "- [-1, 1, A, [8]]# \uff0c",
        "description: \u4f60\u597d\uff0c\u4e16\u754c\uff1a\u201cx\u201d",
        "nc: 80\u3000\nx\u00a0y",
        "",
    ],
)
def test_what_breaks_nothing_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("- [-1\uff0c 1, A, [8]]", [(5, "\uff0c")]),
        ("  [-1\uff0c 1, A, [8]],", [(5, "\uff0c")]),
        ("nc: 1\n\uff3b-1, 1]\uff0c\n]\uff0c", [(6, "\uff3b"), (13, "\uff0c"), (16, "\uff0c")]),
        ("\u2014 [-1, 1]", [(0, "\u2014")]),
        ("-\u3000[-1, 1]", [(1, "\u3000")]),
        ("head\uff1a\uff0c", [(4, "\uff1a")]),
        ("  head \uff1a\uff0c", [(7, "\uff1a")]),
        ("\u3000name: \uff0c", [(0, "\u3000")]),
        (" \t\u00a0- b", [(2, "\u00a0")]),
        ("\uff03 \uff0c", [(0, "\uff03")]),
        ("[8] \uff03 \uff0c\n[\uff0c]", [(4, "\uff03"), (9, "\uff0c")]),
        ("['\uff0c', \uff0c]  # \uff0c", [(6, "\uff0c")]),
        ("a\r\n[\uff0c]\r[\uff0c]", [(4, "\uff0c"), (8, "\uff0c")]),
        (f"[{'x' * 200}\uff0c", [(201, "\uff0c")]),
    ],
)
def test_what_breaks_a_row_a_key_or_an_indentation_is_found(
    text: str, at: list[tuple[int, str]]
) -> None:
    assert found(text) == at


def test_a_piece_ends_where_it_ends() -> None:
    text = "\uff0c[\uff0c]\uff0c"
    assert list(in_piece(text, 1, 4)) == [Lookalike(2, "\uff0c")]
