"""Rows added to and cut out of lists in every layout; what is not theirs stays, byte for byte."""

from __future__ import annotations

import pytest
from configs import document

from yaml_attn.document.layout import Splice, render, splice
from yaml_attn.document.rewrite import prove, rewrite
from yaml_attn.document.syntax import Span
from yaml_attn.graph.edits import Edit, Removal, apply, plan_after, plan_before

A, B, C = (f"[-1, 1, {name}, [8]]" for name in "ABC")
SE, CBAM = (f"[-1, 1, {name}, [16]]" for name in ("SE", "CBAM"))
HEAD = "  - [-1, 1, Detect, []]\n"

line_ends = pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])


def edited(text: str, edits: list[Edit], newline: str = "\n") -> str:
    found = document(text.replace("\n", newline))
    network = apply(found.network, edits)
    new = rewrite(found, network)
    prove(found, network, new)
    assert newline == "\n" or new.count("\n") == new.count("\r\n")
    return new.replace(newline, "\n")


@line_ends
@pytest.mark.parametrize(
    ("rows", "removed", "left"),
    [
        (f"\n  - {A}\n  - {B}  # 1\n  - {C}\n", [1], f"\n  - {A}\n  - {C}\n"),
        (f"\n  - {A}\n  # why\n\n  - {B}\n", [0], f"\n  # why\n\n  - {B}\n"),
        (f"\n  [{A},\n   {B},  # 1\n   {C},\n  ]\n", [1], f"\n  [{A},\n   {C},\n  ]\n"),
        (f"\n  [{A},\n   {B},\n   {C},\n  ]\n", [2], f"\n  [{A},\n   {B},\n  ]\n"),
        (f"\n  [{A},\n   {B},\n   {C}\n  ]\n", [2], f"\n  [{A},\n   {B}\n  ]\n"),
        (f"\n  [{A},\n   {B},\n   {C}\n  ]\n", [1, 2], f"\n  [{A}\n  ]\n"),
        (f"\n  [{A},\n   {B},\n   {C}]\n", [2], f"\n  [{A},\n   {B}]\n"),
        (f"\n  [{A},\n   {B},\n   {C}]\n", [1, 2], f"\n  [{A}]\n"),
        (f"\n  [{A},\n   {B},\n   {C}]\n", [0, 2], f"\n  [{B}]\n"),
        (f"\n  [{A},  # 0\n   {B},\n   {C}]\n", [0], f"\n  [{B},\n   {C}]\n"),
        (f"\n  [\n    {A},\n    {B}\n  ]\n", [0], f"\n  [\n    {B}\n  ]\n"),
        (f"\n  [{A},\n   {B},  # 1\n   {C}]\n", [2], f"\n  [{A},\n   {B}]  # 1\n"),
        (f"\n  [{A},\n   {B},  # b\n   {C}]\n", [2], f"\n  [{A},\n   {B}  # b\n   ]\n"),
        (f"\n  [{A},\n   {B},  # 1\n   {C}]  # c\n", [2], f"\n  [{A},\n   {B}  # 1\n   ]  # c\n"),
        (f"\n  [{A},\n   # why\n   {B}]\n", [1], f"\n  [{A}\n   # why\n   ]\n"),
        (f" [{A}, {B}, {C}]\n", [0], f" [{B}, {C}]\n"),
        (f" [{A}, {B}, {C}]\n", [1], f" [{A}, {C}]\n"),
        (f" [{A}, {B}, {C}]\n", [2], f" [{A}, {B}]\n"),
        (f" [{A}, {B}, {C}]\n", [0, 1], f" [{C}]\n"),
        (f" [{A}, {B}, {C}]\n", [1, 2], f" [{A}]\n"),
        (f" [{A}, {B}, {C},]\n", [2], f" [{A}, {B},]\n"),
        (f"\n  [{A}, {B},\n   {C}]\n", [0], f"\n  [{B},\n   {C}]\n"),
        (f"\n  [{A}, {B},\n   {C}]\n", [1], f"\n  [{A},\n   {C}]\n"),
        (f"\n  [{A},\n   {B}, {C}]\n", [1], f"\n  [{A},\n   {C}]\n"),
        (f"\n  [{A},\n   {B}, {C},\n  ]\n", [1, 2], f"\n  [{A},\n  ]\n"),
        (f"\n  [{A}\n   , {B}\n   , {C}\n  ]\n", [1], f"\n  [{A}\n   , {C}\n  ]\n"),
    ],
)
def test_a_row_goes_with_what_is_its_own(
    rows: str, removed: list[int], left: str, newline: str
) -> None:
    edits: list[Edit] = [Removal(index) for index in removed]
    before, after = f"backbone:{rows}head:\n{HEAD}", f"backbone:{left}head:\n{HEAD}"
    assert edited(before, edits, newline) == after


@line_ends
def test_the_last_row_of_the_head_goes_too(newline: str) -> None:
    text = f"backbone:\n  - {A}\nhead:\n  [{B},\n   {C}]  # why\n"
    assert edited(text, [Removal(2)], newline) == text.replace(f",\n   {C}", "")


@line_ends
def test_the_last_row_of_a_file_goes_with_the_line_end_before_it(newline: str) -> None:
    text = f"head:\n{HEAD}backbone:\n  - {A}\n  - {B}"
    assert edited(text, [Removal(1)], newline) == f"head:\n{HEAD}backbone:\n  - {A}"


@line_ends
@pytest.mark.parametrize(
    ("rows", "new"),
    [
        (f"\n  - {A}  # 0\n  - {B}\n", f"\n  - {A}  # 0\n  - {SE}\n  - {CBAM}\n  - {B}\n"),
        (f"\n  [{A},  # 0\n   {B}]\n", f"\n  [{A},  # 0\n   {SE},\n   {CBAM},\n   {B}]\n"),
        (f" [{A}, {B}]\n", f" [{A}, {SE}, {CBAM}, {B}]\n"),
    ],
)
def test_rows_added_behind_one_stand_as_it_does(rows: str, new: str, newline: str) -> None:
    before, after = f"backbone:{rows}head:\n{HEAD}", f"backbone:{new}head:\n{HEAD}"
    network = document(before).network
    edits: list[Edit] = [plan_after(network, 0, name, [16]) for name in ("SE", "CBAM")]
    assert edited(before, edits, newline) == after


@line_ends
@pytest.mark.parametrize(
    ("rows", "new"),
    [
        (f"\n  [{A}]\n", f"\n  [{A},\n   {SE},\n   {CBAM}]\n"),
        (f"\n  [{A}\n  ]\n", f"\n  [{A},\n   {SE},\n   {CBAM}\n  ]\n"),
        (f" [{A}]\n", f" [{A},\n  {SE},\n  {CBAM}]\n"),
    ],
)
def test_rows_added_behind_the_last_one_get_its_missing_comma(
    rows: str, new: str, newline: str
) -> None:
    before, after = f"backbone:{rows}head:\n{HEAD}", f"backbone:{new}head:\n{HEAD}"
    network = document(before).network
    edits: list[Edit] = [plan_after(network, 0, name, [16]) for name in ("SE", "CBAM")]
    assert edited(before, edits, newline) == after


@line_ends
@pytest.mark.parametrize(
    ("head", "new"),
    [
        (f"\n  - {B}\n{HEAD}", f"\n  - {SE}\n  - {CBAM}\n  - {B}\n{HEAD}"),
        (f"\n  [{B},\n   [-1, 1, Detect, []]]\n", f"\n  [{SE},\n   {CBAM},\n   {B},\n   [-1, 1, "),
        (f" [{B}, [-1, 1, Detect, []]]\n", f" [{SE},\n  {CBAM},\n  {B}, [-1, 1, "),
        (
            f"\n  [\n    {B},\n    [-1, 1, Detect, []]\n  ]\n",
            f"\n  [\n    {SE},\n    {CBAM},\n    {B}",
        ),
    ],
)
def test_rows_added_above_the_first_one_stand_as_it_does(head: str, new: str, newline: str) -> None:
    before, after = f"backbone:\n  - {A}\nhead:{head}", f"backbone:\n  - {A}\nhead:{new}"
    network = document(before).network
    edits: list[Edit] = [plan_before(network, 1, name, [16]) for name in ("SE", "CBAM")]
    assert edited(before, edits, newline).startswith(after)


def test_splices_are_made_at_once_and_those_at_one_place_in_their_order() -> None:
    splices = [
        Splice(Span(4, 5), "E"),
        Splice(Span(2, 2), "<"),
        Splice(Span(2, 2), ">"),
        Splice(Span(0, 1), ""),
    ]
    assert splice("abcde", splices) == "b<>cdE"
    assert splice("abcde", []) == "abcde"


@pytest.mark.parametrize(
    ("neighbour", "rendered"),
    [
        ("[-1, 1, A, [8]]", "[8, [1, 2], a, 'yes', null, True]"),
        ("[-1,1,A,[8]]", "[8,[1,2],a,'yes',null,True]"),
        ("[-1,\t1,\tA, [8]]", "[8,\t[1,\t2],\ta,\t'yes',\tnull,\tTrue]"),
        ("[-1,\n 1, A, [8]]", "[8, [1, 2], a, 'yes', null, True]"),  # no line end as a gap
        ("- -1\n- 1,2", "[8, [1, 2], a, 'yes', null, True]"),  # no flow row
    ],
)
def test_items_have_the_gaps_of_the_row_beside_them(neighbour: str, rendered: str) -> None:
    assert render([8, (1, 2), "a", "yes", None, True], neighbour) == rendered
