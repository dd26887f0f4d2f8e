"""Edits as texts: the file before, the edit, the file after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import SMALL, document

from yaml_attn.config.document import Document
from yaml_attn.config.edits import (
    Edit,
    Removal,
    Replacement,
    apply,
    contract,
    plan_after,
    plan_before,
)
from yaml_attn.config.network import Network, Source
from yaml_attn.config.rewrite import prove, rewrite
from yaml_attn.errors import InternalError, PlaceError


def inserted(text: str, after: int, **options: object) -> str:
    found = document(text)
    plan = plan_after(found.network, after, "SE", [16], **options)  # type: ignore[arg-type]
    network = apply(found.network, [plan])
    new = rewrite(found, network)
    prove(found, network, new)
    return new


def test_a_block_list_gets_one_line_and_the_changed_numbers() -> None:
    assert inserted(SMALL, 2) == (
        SMALL.replace(
            "C3, [16]]\n  - [-1, 1, Conv, [32",
            "C3, [16]]\n  - [-1, 1, SE, [16]]\n  - [-1, 1, Conv, [32",
        )
        .replace("# 3\n", "# 4\n")
        .replace("[-1, 2]", "[-1, 3]")
        .replace("# 6 (", "# 7 (")
        .replace("[[6, 3]", "[[7, 4]")
    )


@pytest.mark.parametrize("comma", [",", " ,"])
def test_layer_numbers_behind_the_commas_of_a_flow_list_are_renumbered_too(comma: str) -> None:
    rows = f"[-1, 1, A, [8]]{comma}  # 0-P1/2\n   [-1, 1, B, [8]]{comma}  #1\n   [-1, 1, C, [8]]"
    text = sections(f"\n  [{rows}  # 2 (P3/8)\n  ]  # 2\n")
    new = rows.replace("/2\n", f"/2\n   [-1, 1, SE, [16]]{comma.strip()}\n")
    new = new.replace("#1\n", "#2\n")
    assert inserted(text, 0) == sections(f"\n  [{new}  # 3 (P3/8)\n  ]  # 2\n")


def test_consumers_next_leaves_the_other_readers_on_the_layer_itself() -> None:
    text = inserted(SMALL, 2, consumers="next")
    assert "[[-1, 2], 1, Concat, [1]]" in text


def test_listed_consumers_without_the_next_row_put_the_row_before_the_first_of_them() -> None:
    text = inserted(SMALL, 2, consumers=[5])
    assert "nearest]]\n  - [2, 1, SE, [16]]\n  - [[-2, 5], 1, Concat, [1]]  # cat" in text


def test_before_the_head_row_the_new_row_belongs_to_the_head() -> None:
    found = document()
    plan = plan_before(found.network, 4, "SE", [16])
    text = rewrite(found, apply(found.network, [plan]))
    assert "head:\n  - [-1, 1, SE, [16]]\n  - [-1, 1, nn.Upsample" in text


def sections(backbone: str, head: str = "  - [-1, 1, Detect, []]\n") -> str:
    return f"backbone:{backbone}head:\n{head}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "\n  [[-1, 1, A, [8]],\n   [-1, 1, B, [8]],\n  ]\n",
            "\n  [[-1, 1, A, [8]],\n   [-1, 1, SE, [16]],\n   [-1, 1, B, [8]],\n  ]\n",
            id="the first row stands on the line of the bracket",
        ),
        pytest.param(
            " [\n  [-1,1,A,[8]],  # x ], [\n  # [-1, 1, Old, []],\n  [-1,1,B,[8]]\n]\n",
            " [\n  [-1,1,A,[8]],  # x ], [\n  [-1,1,SE,[16]],\n  # [-1, 1, Old, []],\n"
            "  [-1,1,B,[8]]\n]\n",
            id="no blanks after commas, a commented-out row below",
        ),
        pytest.param(
            " [[-1, 1, A, [8]], [-1, 1, B, [8]]]\n",
            " [[-1, 1, A, [8]], [-1, 1, SE, [16]], [-1, 1, B, [8]]]\n",
            id="all on one line",
        ),
        pytest.param(
            "\n- [-1, 1, A, [8]] # 0\n- [-1, 1, B, [8]]\n",
            "\n- [-1, 1, A, [8]] # 0\n- [-1, 1, SE, [16]]\n- [-1, 1, B, [8]]\n",
            id="block rows at the column of the key",
        ),
        pytest.param(
            "\n  -   [ -1, 1, A, [8] ] ,   \n".replace(" ,", "") + "  -   [-1, 1, B, [8]]\n",
            "\n  -   [ -1, 1, A, [8] ]   \n  -   [ -1, 1, SE, [16] ]\n  -   [-1, 1, B, [8]]\n",
            id="wide dashes and padded brackets",
        ),
        pytest.param(
            "\n- - -1\n  - 1\n  - A\n  - - 8\n- [-1, 1, B, [8]]\n",
            "\n- - -1\n  - 1\n  - A\n  - - 8\n- [-1, 1, SE, [16]]\n- [-1, 1, B, [8]]\n",
            id="a row written as a block list",
        ),
        pytest.param(
            "\n  [[-1, 1, A, [8]] ,   # 0\n   [-1, 1, B, [8]]]\n",
            "\n  [[-1, 1, A, [8]] ,   # 0\n   [-1, 1, SE, [16]],\n   [-1, 1, B, [8]]]\n",
            id="a blank before the comma",
        ),
        pytest.param(
            "\n  [[-1, 1, A, [8] # why\n   ], [-1, 1, B, [8]]]\n",
            "\n  [[-1, 1, A, [8] # why\n   ], [-1, 1, SE, [16]], [-1, 1, B, [8]]]\n",
            id="a row over two lines that shares one",
        ),
    ],
)
def test_the_new_row_stands_as_its_neighbours_do(before: str, after: str) -> None:
    assert inserted(sections(before), 0) == sections(after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n  [[-1, 1, A, [8]],\n  ]\n", "\n  [[-1, 1, A, [8]],\n   [-1, 1, SE, [16]],\n  ]\n"),
        ("\n  [[-1, 1, A, [8]]\n  ]\n", "\n  [[-1, 1, A, [8]],\n   [-1, 1, SE, [16]]\n  ]\n"),
        ("\n  [[-1, 1, A, [8]]]  # 0\n", "\n  [[-1, 1, A, [8]],  # 0\n   [-1, 1, SE, [16]]]\n"),
        ("\n  [[-1, 1, A, [8]]]  # B\n", "\n  [[-1, 1, A, [8]],\n   [-1, 1, SE, [16]]]  # B\n"),
        (
            "\n  [\n    [-1, 1, A, [8]]  # 0\n  ]\n",
            "\n  [\n    [-1, 1, A, [8]],  # 0\n    [-1, 1, SE, [16]]\n  ]\n",
        ),
    ],
)
def test_after_the_last_row_of_a_flow_list_a_missing_comma_is_added(
    before: str, after: str
) -> None:
    assert inserted(sections(before), 0) == sections(after)


def test_line_ends_bom_and_a_missing_last_newline_stay() -> None:
    data = b"\xef\xbb\xbf" + SMALL.rstrip("\n").replace("\n", "\r\n").encode()
    found = Document.parse(data)
    network = apply(found.network, [plan_after(found.network, 2, "SE", [16])])
    assert rewrite(found, network) == inserted(SMALL, 2).rstrip("\n").replace("\n", "\r\n")


def test_strings_that_yaml_would_read_as_something_else_are_quoted() -> None:
    found = document()
    args = [16, "yes", "c2", "nn.SiLU()", "123", "\u6ce8", "", None, True, 0.5]
    network = apply(found.network, [plan_after(found.network, 2, "SE", args)])
    text = rewrite(found, network)
    prove(found, network, text)
    assert text.isascii()
    assert "[16, 'yes', c2, nn.SiLU(), '123', \"\\u6CE8\", '', null, True, 0.5]" in text


def test_the_proof_refuses_a_text_with_one_reference_that_was_not_moved() -> None:
    found = document()
    network = apply(found.network, [plan_after(found.network, 2, "SE", [16])])
    wrong = rewrite(found, network).replace("[[7, 4]", "[[6, 4]")
    with pytest.raises(InternalError, match="nothing was written"):
        prove(found, network, wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nc: [", "the new text cannot be read (is not YAML: "),
        (SMALL.replace("[-1, 2]", "[-1, 99]"), "the new text cannot be read (reads 99"),
        (SMALL.replace("C3, [16]]", "C3, [8]]"), "the new text does not hold the planned rows; "),
    ],
)
def test_the_proof_says_what_is_wrong_and_that_it_is_no_fault_of_the_users(
    text: str, message: str
) -> None:
    found = document()
    with pytest.raises(InternalError) as caught:
        prove(found, found.network, text)
    assert caught.value.message.startswith(message)
    assert caught.value.message.endswith("; nothing was written")
    assert caught.value.hint == (
        "This is a bug in yaml-attn. Please report it with the base config and the command."
    )


def test_the_proof_refuses_a_plan_that_rewires_another_layer() -> None:
    found = document()
    network = apply(found.network, [plan_after(found.network, 2, "SE", [16])])
    detect = replace(network.layers[-1], sources=(Source(5, False), Source(3, False)))
    wrong = Network((*network.layers[:-1], detect))
    with pytest.raises(InternalError, match=r"^a layer would read another layer than before; "):
        prove(found, wrong, rewrite(found, wrong))


def test_the_proof_refuses_a_change_outside_the_rows() -> None:
    found = document()
    network = apply(found.network, [plan_after(found.network, 2, "SE", [16])])
    with pytest.raises(InternalError, match=r"^a key other than backbone and head would have"):
        prove(found, network, rewrite(found, network).replace("nc: 2", "nc: 3"))


def test_the_last_row_of_a_list_can_give_way_to_a_new_one() -> None:
    text = "backbone:\n  [[-1, 1, A, [8]],\n   [-1, 1, B, [8]]]\nhead:\n  - [-1, 1, Detect, []]\n"
    found = document(text)
    network = apply(found.network, [Removal(1), plan_after(found.network, 0, "SE", [8])])
    new = rewrite(found, network)
    prove(found, network, new)
    assert "[[-1, 1, A, [8]],\n   [-1, 1, SE, [8]],\n   ]" in new


def test_the_proof_compares_what_is_read_and_not_only_how_it_is_written() -> None:
    rows = "  - [-1, 1, SE, [3]]\n  - [-1, 1, Conv, [8]]\n  - [0, 1, Conv, [8]]\n"
    found = document(f"backbone:\n{rows}head:\n  - [[1, 2], 1, Detect, []]\n")
    wrong = contract(found.network, [0])  # layer 2 reads the image, spelled -1 as layer 1 would be
    with pytest.raises(InternalError, match=r"^a layer would read another layer than before; "):
        prove(found, wrong, rewrite(found, wrong))


ANCHORED = "\n\n" + SMALL.replace("C3, [16]]", "&kind C3, &wide [16]]", 1)


@pytest.mark.parametrize(
    ("edit", "alias"),
    [
        (Replacement(2, "C3x", [16]), "[-1, 1, *kind, [16]]  #"),
        (Replacement(2, "C3", [7]), "[-1, 1, C3, *wide]  #"),
        (Removal(2), "[-1, 1, C3, *wide]  #"),
    ],
)
def test_an_anchor_that_is_used_elsewhere_is_not_replaced_or_removed(
    edit: Edit, alias: str
) -> None:
    found = document(ANCHORED.replace("[-1, 1, C3, [16]]  #", alias))
    with pytest.raises(PlaceError) as caught:
        rewrite(found, apply(found.network, [edit]))
    name = alias.partition("*")[2].partition(",")[0].partition("]")[0]
    assert str(caught.value) == (
        f"line 11: what is to be replaced or removed has the anchor &{name}, and *{name} "
        "elsewhere means it\nWrite the value out in both places, without anchor and alias."
    )
    unused = document(ANCHORED)
    network = apply(unused.network, [edit])
    prove(unused, network, rewrite(unused, network))


@pytest.mark.parametrize(
    ("edit", "alias"),
    [
        (Replacement(6, "C3x", [16]), "[-1, 1, *kind, [16]]  #"),
        (Replacement(6, "C3", [7]), "[-1, 1, C3, *wide]  #"),
    ],
)
def test_an_alias_is_not_replaced_where_its_anchor_stands(edit: Edit, alias: str) -> None:
    found = document(ANCHORED.replace("[-1, 1, C3, [16]]  #", alias))
    with pytest.raises(PlaceError) as caught:
        rewrite(found, apply(found.network, [edit]))
    assert str(caught.value) == (
        "line 17: what is to be replaced is an alias of what stands elsewhere\n"
        "Write the value out in both places, without anchor and alias."
    )


NUMBERED = """\
backbone:
  - [-1, 1, Conv, [8, 3, 2]]  # 00
  - [-1, 1, Conv, [8, 3, 2]]  # 01-P2/4
  - [-1, 1, C3, [16]]  # 02
head:
  - [-1, 7, C3, [16]]  # 03
"""


def test_a_number_in_a_comment_keeps_its_leading_zeros() -> None:
    assert "# 02\n  - [-1, 1, SE, [16]]\nhead:\n  - [-1, 7, C3, [16]]  # 04" in inserted(
        NUMBERED, 2
    )
    many = NUMBERED + "".join(
        f"  - [-1, 1, Conv, [8]]  # {at:02}\n" if at < 12 else f"  - [-1, 1, Conv, [8]]  # {at}\n"
        for at in range(4, 14)
    )
    longer = inserted(many, 8)
    assert [f"# {at:02}\n" in longer for at in (8, 9, 10, 11, 13, 14)] == [
        True, False, True, True, True, True,
    ]  # fmt: skip
    found = document(longer)
    removed = rewrite(found, apply(found.network, [Removal(9)]))
    assert removed == many


def test_a_width_of_numbers_that_no_zero_shows_is_none() -> None:
    plain = SMALL.replace("# 3\n", "# 3 Conv\n")
    assert "# 4 Conv\n" in inserted(plain, 2)


def test_what_is_no_number_is_no_change_of_a_setting() -> None:
    odd = SMALL.replace("depth_multiple: 1.0", "depth_multiple: .nan")
    odd = odd.replace("Concat, [1]", "Concat, [{a: .nan}, !!set {b, c}]")
    assert "depth_multiple: .nan" in inserted(odd, 2)
