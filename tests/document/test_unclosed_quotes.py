"""A quote that its own line does not close: what is said, and which one is blamed."""

from __future__ import annotations

from yaml_attn.document.diagnosis import diagnose

ROWS = "backbone:\n  - [-1, 1, A, [8]]\n  - [-1, 1, B, ['x]]\n"


def test_it_is_said_by_which_character_to_close_it() -> None:
    error = diagnose(ROWS, "what a parser says", 4, 1, structural=False)
    assert (error.line, error.column) == (3, 17)
    assert error.hint == "Close it by the same character: '"


def test_a_quote_below_the_place_that_the_parser_refused_is_not_blamed() -> None:
    error = diagnose(ROWS, "what a parser says", 2, 5, structural=True)
    assert (error.line, error.column) == (2, 3)
    assert "quote" not in error.message
