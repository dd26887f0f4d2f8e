from __future__ import annotations

import pytest

from yaml_attn.cli.layout import ITEMS, REFERENCES, WORDS, broken, fitted


@pytest.mark.parametrize(
    ("cell", "pieces"),
    [
        ("[-1, 14] -> [-1, 15]", ["[-1, 14]", "-> [-1, 15]"]),
        ("[17, 20, 23] -> [18, 21, 24]", ["[17, 20, 23]", "-> [18, 21, 24]"]),
        ("9 (SE), not 8 (C3)", ["9 (SE),", "not 8 (C3)"]),
        ("17 (C3), 20 (C3)", ["17 (C3),", "20 (C3)"]),
        ("2, 4 (C3)", ["2,", "4 (C3)"]),
    ],
)
def test_references_are_broken_between_each_other(cell: str, pieces: list[str]) -> None:
    assert REFERENCES.split(cell) == pieces


def test_a_cell_fills_its_lines() -> None:
    assert broken("17 (C3), 20 (C3), 23 (C3)", 17, REFERENCES) == ["17 (C3), 20 (C3),", "23 (C3)"]
    assert broken("[None, 2, nearest]", 9, WORDS) == ["[None, 2,", "nearest]"]
    assert broken("a-name-that-is-long", 7, WORDS) == ["a-name-", "that-is", "-long"]
    assert broken("1,182,720", 3, None) == ["1,182,720"]


def test_columns_keep_their_width_where_there_is_room() -> None:
    rows = [["from", "args"], ["-1", "[None, 2, nearest]"]]
    assert fitted(rows, [REFERENCES, WORDS], 80)[:2] == (2, [4, 18])


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (38, "[32, 3, 2, None, 1, nn.LeakyReLU(0.1)]"),
        (37, "[32, 3, 2, None, 1, …]"),
        (14, "[32, 3, 2, …]"),
        (5, "[…]"),
    ],
)
def test_a_list_is_ended_between_its_items(width: int, shown: str) -> None:
    assert broken("[32, 3, 2, None, 1, nn.LeakyReLU(0.1)]", width, ITEMS) == [shown]


def test_the_widest_column_gives_way_but_never_one_of_numbers() -> None:
    rows = [["parameters", "args"], ["1,182,720", "[None, 2, nearest]"]]
    assert fitted(rows, [None, WORDS], 24)[:2] == (1, [10, 13])


def test_columns_move_together_before_anything_is_cut() -> None:
    rows = [["parameters", "args"], ["1,182,720", "[None, 2, nearest]"]]
    gap, widths, breaks = fitted(rows, [None, WORDS], 19)
    assert (gap, widths, breaks) == (1, [10, 8], [None, WORDS])


def test_words_are_cut_before_references_are() -> None:
    rows = [["from", "args"], ["[-1, -2, -3, -4]", "nn.LeakyReLU(0.1)"]]
    gap, widths, breaks = fitted(rows, [REFERENCES, WORDS], 28)
    assert (gap, widths, breaks) == (1, [16, 11], [REFERENCES, WORDS])


def test_of_references_those_of_the_longest_column_are_cut_first() -> None:
    rows = [["from", "reads"], ["[114, 115, 116, 117, 118, 119, 120, 121]", "9 (SE), not 8 (C3)"]]
    gap, widths, breaks = fitted(rows, [REFERENCES, REFERENCES], 30)
    assert (gap, widths, breaks) == (1, [14, 15], [WORDS, REFERENCES])


def test_where_nothing_fits_words_are_cut_and_numbers_are_not() -> None:
    rows = [["name", "parameters"], ["a-name-that-is-very-long", "1,182,720"]]
    gap, widths, _ = fitted(rows, [REFERENCES, None], 24)
    assert (gap, widths) == (1, [13, 10])
