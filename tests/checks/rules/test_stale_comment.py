from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]


def commented(comment: str, *, inserted: bool = True) -> str:
    """A comment behind the row after an attention: layer 6."""
    rows = [f"{V8[4]}", "[-1, 1, SE, [256]]"] if inserted else [V8[4], "[-1, 1, Conv, [256, 1, 1]]"]
    return config(V8, {4: rows, 5: f"{V8[5]}{comment}"})


RIGHT = [
    commented(""),
    commented("  # 6"),
    commented("  # 6-P4/16"),
    commented("  # P4/16"),
    commented("  # 3 layers of 5"),
    commented("  # 5x5"),
    commented("  # 1024"),
    commented("  # 5 experts", inserted=False),
    commented("  # 2 Convolutions"),
    commented("  # 6 Conv"),
]
WRONG = [
    commented("  # 5"),
    commented("  # 5-P4/16"),
    commented(" #5"),
    commented("  # 5 (P4/16-medium)"),
    commented("  # 2 (P4/16)"),
    commented("  # 5 down"),
    commented("  # 4 Conv"),
    commented("  # 5 Conv, down", inserted=False),
    commented("  # 5", inserted=False),
    commented("  # 5\r").replace("\n", "\r\n").replace("\r\r", "\r"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_comment_about_something_else_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA301") == []


@pytest.mark.parametrize("text", WRONG)
def test_a_comment_with_another_layers_number_is_found(find: Find, text: str) -> None:
    (found,) = find(text, select="YA301")
    assert (found.level, found.place.line, found.place.layer) == ("warning", 9, 6)
    assert found.fix
    assert (found.fix.field, found.fix.value) == ("comment", 6)
