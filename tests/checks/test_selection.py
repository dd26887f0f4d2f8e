from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V8, config

from yaml_attn.checks.finding import Finding
from yaml_attn.checks.selection import Selection
from yaml_attn.errors import UsageError

Find = Callable[..., list[Finding]]


@pytest.mark.parametrize(
    ("select", "ignore", "wanted", "unwanted"),
    [
        ((), (), ["YA001", "YA203"], []),
        (("YA2",), (), ["YA203"], ["YA102"]),
        (("ya203",), (), ["YA203"], ["YA202"]),
        ((), ("YA2",), ["YA102"], ["YA203"]),
        (("YA2",), ("YA203",), ["YA202"], ["YA203", "YA102"]),
        (("YA203",), ("YA2",), ["YA203"], ["YA202"]),
        ((" YA301 ",), (), ["YA301"], ["YA203"]),
    ],
)
def test_the_longer_beginning_decides(
    select: tuple[str, ...], ignore: tuple[str, ...], wanted: list[str], unwanted: list[str]
) -> None:
    selection = Selection.of(select, ignore)
    assert all(selection.wants(code) for code in wanted)
    assert not any(selection.wants(code) for code in unwanted)


@pytest.mark.parametrize("code", ["", "X", "YA9", "YA2033", "detect"])
def test_a_code_that_no_check_has_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match="no check has the code"):
        Selection.of([code])
    with pytest.raises(UsageError):
        Selection.of([], [code])


def test_a_close_code_is_suggested() -> None:
    with pytest.raises(UsageError) as caught:
        Selection.of(["YA2033"])
    assert "YA203" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("comment", "silent"),
    [
        ("# yaml-attn: ignore[YA203]", True),
        ("#yaml-attn:ignore[YA2]", True),
        ("# Detect(P3, P4, P5)  # yaml-attn: ignore", True),
        ("# yaml-attn: ignore[YA102, ya203]", True),
        ("# yaml-attn: ignore[YA102]", False),
        ("# yaml-attn: ignore[]", False),
        ("# yaml attention: ignore", False),
        ("", False),
    ],
)
def test_a_comment_silences_its_row(find: Find, comment: str, silent: bool) -> None:
    row = f"[[13, 16, 18], 1, Detect, [nc]]  {comment}"
    assert (find(config(V8, {20: row}), select="YA203") == []) is silent


def test_a_comment_on_another_row_silences_nothing(find: Find) -> None:
    changes = {19: f"{V8[19]}  # yaml-attn: ignore", 20: "[[13, 16, 18], 1, Detect, [nc]]"}
    assert [each.code for each in find(config(V8, changes))] == ["YA203"]


def test_an_unreadable_file_can_be_left_out_too(find: Find) -> None:
    assert find("backbone: [\nhead: []\n")
    assert find("backbone: [\nhead: []\n", select="YA2") == []
