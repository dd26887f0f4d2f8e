"""Where an insertion goes, who reads it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from configs import document

from yaml_attn.errors import PlaceError
from yaml_attn.graph.edits import (
    Insertion,
    Removal,
    Replacement,
    apply,
    contract,
    plan_after,
    plan_before,
    plan_edge,
    plan_inputs,
)
from yaml_attn.graph.network import Source

NETWORK = document().network


def after(source: int, consumers: object = "all") -> Insertion:
    return plan_after(NETWORK, source, "SE", [], consumers)  # type: ignore[arg-type]


def before(target: int, consumers: object = "all") -> Insertion:
    return plan_before(NETWORK, target, "SE", [], consumers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "source", "readers", "stands_before", "section"),
    [
        (lambda: after(2), 2, {3, 5}, 3, "backbone"),
        (lambda: after(2, "next"), 2, {3}, 3, "backbone"),
        (lambda: after(2, [3]), 2, {3}, 3, "backbone"),
        (lambda: after(2, [5]), 2, {5}, 5, "head"),
        (lambda: after(3), 3, {4, 7}, 4, "backbone"),
        (lambda: after(3, [7]), 3, {7}, 7, "head"),
        (lambda: after(6), 6, {7}, 7, "head"),
        (lambda: before(3), 2, {3, 5}, 3, "backbone"),
        (lambda: before(3, "next"), 2, {3}, 3, "backbone"),
        (lambda: before(4), 3, {4, 7}, 4, "head"),
        (lambda: before(7), 6, {7}, 7, "head"),
        (lambda: plan_edge(NETWORK, 2, 5, "SE", []), 2, {5}, 5, "head"),
        (lambda: plan_edge(NETWORK, 2, 3, "SE", []), 2, {3}, 3, "backbone"),
    ],
)
def test_where_the_row_stands_and_who_reads_it(
    plan: Callable[[], Insertion], source: int, readers: set[int], stands_before: int, section: str
) -> None:
    assert plan() == Insertion("SE", [], source, frozenset(readers), stands_before, section)


SKIPPING = document(
    "backbone:\n"
    "  - [-1, 1, Conv, [8]]\n"
    "  - [-1, 1, Conv, [8]]\n"
    "  - [-2, 1, Conv, [8]]\n"  # reads 0
    "head:\n"
    "  - [0, 1, Conv, [8]]\n"
    "  - [[-1, -2, -3], 1, Concat, [1]]\n"
    "  - [[4], 1, Detect, []]\n"
).network


UNNAMED = document(
    "backbone:\n  - [-1, 1, Conv, []]\n  - [-1, 1, Conv, []]\nhead:\n  - [[], 1, Detect, []]\n"
).network


def test_before_a_row_that_reads_far_back_moves_only_the_readers_from_there_on() -> None:
    plan = plan_before(SKIPPING, 2, "SE", [])
    assert plan == Insertion("SE", [], 0, frozenset({2, 3}), 2, "backbone")
    assert plan_before(SKIPPING, 3, "SE", []).readers == {3}
    assert plan_before(SKIPPING, 2, "SE", [], "next").readers == {2}
    with pytest.raises(PlaceError, match="layer 1 cannot read a layer inserted before layer 2"):
        plan_before(SKIPPING, 2, "SE", [], [1, 2])


def test_after_a_layer_that_the_next_row_does_not_read_the_row_still_stands_behind_it() -> None:
    plan = plan_after(SKIPPING, 1, "SE", [])
    assert (plan.before, plan.readers) == (2, {4})
    new = apply(SKIPPING, [plan])
    assert new.row(new[6])[0] == -1
    assert new.row(new[2])[0] == -3
    assert new.row(new[4])[0] == [-1, -2, -3]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda: after(7),
            (
                "nothing can be inserted after layer 7 (Detect), the last\n"
                "It is the head: no layer reads it."
            ),
        ),
        (
            lambda: after(2, [4, 5, 6]),
            "layer 4, 6 does not read layer 2 (C3)\nIt is read by: 3, 5.",
        ),
        (lambda: after(2, []), "no consumers are named: nobody would read the attention"),
        (
            lambda: before(0),
            "nothing can be inserted before layer 0 (Conv): it reads the image itself",
        ),
        (
            lambda: plan_before(UNNAMED, 2, "SE", []),
            (
                "nothing can be inserted before layer 2 (Detect): it reads no layer that the file "
                "names"
            ),
        ),
        (
            lambda: plan_after(SKIPPING, 1, "SE", [], "next"),
            (
                "the row after layer 1 (Conv) does not read it, so nobody would read the "
                "attention\nlayer 1 (Conv) is read by: 4. Use --consumers all, or name some of "
                "them."
            ),
        ),
        (
            lambda: apply(NETWORK, [after(2), Removal(2), Replacement(2, "C3SE", [])]),
            "layer 2 (C3) is replaced or removed twice",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(edit: Callable[[], object], message: str) -> None:
    with pytest.raises(PlaceError) as caught:
        edit()
    assert str(caught.value) == message


def test_a_layer_that_reads_nothing_named_can_be_left_out() -> None:
    assert contract(UNNAMED, [2]).rows() == {
        "backbone": [[-1, 1, "Conv", []], [-1, 1, "Conv", []]],
        "head": [],
    }


def test_after_a_layer_that_nobody_reads_is_refused() -> None:
    dead = document(
        "backbone:\n  - [-1, 1, A, []]\n  - [-1, 1, B, []]\nhead:\n  - [[0], 1, Detect, []]\n"
    ).network
    with pytest.raises(PlaceError, match="nobody reads layer 1"):
        plan_after(dead, 1, "SE", [])


def test_an_edge_gets_its_own_layer_just_before_its_reader() -> None:
    new = apply(NETWORK, [plan_edge(NETWORK, 2, 5, "SE", [])])
    assert new.row(new.layers[5])[0] == 2
    assert new.row(new[5])[0] == [-2, 5]
    assert new.row(new[3])[0] == -1


def test_layers_on_the_same_connections_follow_one_another_as_given() -> None:
    edits = [plan_after(NETWORK, 2, name, []) for name in ("SE", "CBAM")]
    assert [layer.module for layer in apply(NETWORK, edits).layers[3:5]] == ["SE", "CBAM"]
    assert [layer.module for layer in apply(NETWORK, edits[::-1]).layers[3:5]] == ["CBAM", "SE"]


def test_the_layer_with_more_readers_stands_nearer_whatever_the_order() -> None:
    wide, narrow = plan_after(NETWORK, 2, "SE", []), plan_edge(NETWORK, 2, 5, "CBAM", [])
    for edits in ([wide, narrow], [narrow, wide]):
        new = apply(NETWORK, edits)
        assert [new.layers[at].module for at in (3, 6)] == ["SE", "CBAM"]
        assert new.row(new.layers[6])[0] == 3
        assert new.row(new[5])[0] == [-2, 6]


def test_insertions_that_share_only_some_connections_are_refused() -> None:
    rows = "backbone:\n" + "  - [-1, 1, A, []]\n" * 2 + "head:\n"
    rows += "".join(f"  - [[-1, {skip}], 1, Concat, [1]]\n" for skip in (0, 0, 0))
    network = document(rows + "  - [-1, 1, Detect, []]\n").network
    one = plan_after(network, 0, "SE", [], [2, 3])
    other = plan_after(network, 0, "CBAM", [], [3, 4])
    with pytest.raises(PlaceError) as caught:
        apply(network, [one, other])
    assert str(caught.value) == (
        "CBAM and SE are inserted after layer 0 for different readers, some of them the same\n"
        "Give both the same --consumers, or insert one of them in a second command."
    )


def test_a_layer_that_reads_another_new_one_stands_behind_it_whatever_it_asked_for() -> None:
    late, early = plan_edge(SKIPPING, 1, 4, "Late", []), plan_after(SKIPPING, 1, "Early", [])
    assert (late.before, early.before) == (4, 2)
    new = apply(SKIPPING, [late, early])
    assert [layer.module for layer in new.layers[4:6]] == ["Late", "Early"]
    assert new.row(new.layers[5])[0] == -1


def test_new_layers_before_one_row_stand_in_the_order_of_what_they_read() -> None:
    edits = [plan_edge(NETWORK, 4, 5, "Four", []), plan_edge(NETWORK, 2, 5, "Two", [])]
    for each in (edits, edits[::-1]):
        new = apply(NETWORK, each)
        assert [layer.module for layer in new.layers[5:7]] == ["Two", "Four"]
        assert new.row(new.layers[5])[0] == 2
        assert new.row(new.layers[6])[0] == 4


def test_in_an_edited_network_places_are_told_by_index_and_not_by_key() -> None:
    once = apply(SKIPPING, [plan_edge(SKIPPING, 0, 2, "First", [])])
    assert [layer.key for layer in once.layers] == [0, 1, 6, 2, 3, 4, 5]
    wide = plan_after(once, 0, "Wide", [], [3, 6])
    assert wide.before == 6
    new = apply(once, [wide, plan_edge(once, 0, 3, "Narrow", [])])
    modules = [layer.module for layer in new.layers]
    assert modules == [*("Conv", "Conv", "Wide", "First", "Conv", "Narrow"), *modules[6:]]
    assert new.row(new.layers[5])[0] == 2
    assert new.row(new[3])[0] == 5


def test_insert_replace_and_remove_at_once_speak_of_the_network_as_it_was() -> None:
    edits = [Removal(2), Replacement(6, "C3SE", [16]), plan_after(NETWORK, 3, "SE", [32])]
    new = apply(NETWORK, edits)
    assert [layer.module for layer in new.layers] == [
        *("Conv", "Conv", "Conv", "SE"), *("nn.Upsample", "Concat", "C3SE", "Detect"),
    ]  # fmt: skip
    assert new.row(new[5])[0] == [-1, 1]
    with pytest.raises(PlaceError, match="twice"):
        apply(NETWORK, [Removal(2), Replacement(2, "C3SE", [])])


def inputs(*keys: int, consumers: object = "all") -> Insertion:
    return plan_inputs(NETWORK, keys, "Cross", [1], consumers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "consumers", "readers", "stands_before", "section"),
    [
        ((6, 2), "all", {7}, 7, "head"),
        ((2, 3), "all", {5}, 5, "head"),  # 3 stands above it and goes on reading 2
        ((2, 0), "all", {3, 5}, 3, "backbone"),
        ((3, 1, 2), "all", {4, 7}, 4, "backbone"),
        ((3, 4), "all", {7}, 7, "head"),
        ((3, 2), "next", {4}, 4, "backbone"),
        ((3, 2), [7], {7}, 7, "head"),
    ],
)
def test_a_layer_of_several_inputs_stands_behind_them_all(
    keys: tuple[int, ...],
    consumers: object,
    readers: set[int],
    stands_before: int,
    section: str,
) -> None:
    source, *context = keys
    plan = inputs(*keys, consumers=consumers)
    assert plan == Insertion(
        "Cross", [1], source, frozenset(readers), stands_before, section, tuple(context)
    )
    new = apply(NETWORK, [plan])
    first, *others = new[8].sources
    assert first == Source(source, relative=new.index[8] == source + 1)
    assert others == [Source(key, relative=False) for key in context]
    assert all(type(each.relative) is bool for each in others)


def test_it_stands_behind_its_last_input_although_the_first_has_a_place_before() -> None:
    plan = plan_inputs(SKIPPING, (1, 3), "Cross", [])
    assert (plan.before, plan.section, plan.readers) == (4, "head", {4})
    edited = apply(NETWORK, [plan_edge(NETWORK, 3, 4, "SE", [])])  # of key 8, before 4
    assert plan_inputs(edited, (3, 2), "Cross", [], [7]).before == 7


@pytest.mark.parametrize(
    ("keys", "consumers", "message"),
    [
        ((2, 6), "all", r"^nobody reads layer 2 .C3. behind layer 6, so nobody would read"),
        ((2, 3), [3], r"^layer 3 stands before layer 3, which the new layer reads"),
        ((2, 4), [3, 5], r"^layer 3 stands before layer 4, which the new layer reads"),
        ((2, 1), [4], r"^layer 4 does not read layer 2 .C3."),
    ],
)
def test_a_layer_of_several_inputs_that_nobody_could_read_is_refused(
    keys: tuple[int, ...], consumers: object, message: str
) -> None:
    with pytest.raises(PlaceError, match=message):
        inputs(*keys, consumers=consumers)


def test_only_the_first_row_can_read_the_image() -> None:
    network = document(
        "backbone:\n  - [-1, 1, SE, [3]]\n  - [-1, 1, Conv, [8]]\n  - [0, 1, Conv, [8]]\n"
        "  - [1, 1, Conv, [8]]\nhead:\n  - [[1, 3], 1, Detect, []]\n"
    ).network
    with pytest.raises(PlaceError) as caught:
        apply(network, [Removal(0)])
    assert str(caught.value) == (
        "layer 2 (Conv) would have to read the image, which only the first row of a file can"
    )
    assert apply(network, [Removal(0), Removal(2)]).rows() == {
        "backbone": [[-1, 1, "Conv", [8]], [0, 1, "Conv", [8]]],
        "head": [[[0, 1], 1, "Detect", []]],
    }
    late = Insertion("CBAM", [3], 0, frozenset({2}), 2, "backbone")
    with pytest.raises(PlaceError, match=r"the new layer .CBAM. would have to read the image"):
        apply(network, [Removal(0), late])
