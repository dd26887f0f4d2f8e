"""Where an insertion goes, who reads it, and what is refused."""

from __future__ import annotations

import pytest
from configs import document

from yaml_attn.config.edits import (
    Insertion,
    Removal,
    Replacement,
    apply,
    plan_after,
    plan_before,
    plan_edge,
)
from yaml_attn.errors import PlaceError

NETWORK = document().network


def after(source: int, consumers: object = "all") -> Insertion:
    return plan_after(NETWORK, source, "SE", [], consumers)  # type: ignore[arg-type]


def before(target: int, consumers: object = "all") -> Insertion:
    return plan_before(NETWORK, target, "SE", [], consumers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plan", "source", "readers", "stands_before", "section"),
    [
        (after(2), 2, {3, 5}, 3, "backbone"),
        (after(2, "next"), 2, {3}, 3, "backbone"),
        (after(2, [3]), 2, {3}, 3, "backbone"),
        (after(2, [5]), 2, {5}, 5, "head"),
        (after(3), 3, {4, 7}, 4, "backbone"),
        (after(3, [7]), 3, {7}, 7, "head"),
        (after(6), 6, {7}, 7, "head"),
        (before(3), 2, {3, 5}, 3, "backbone"),
        (before(4), 3, {4, 7}, 4, "head"),
        (before(7), 6, {7}, 7, "head"),
    ],
)
def test_where_the_row_stands_and_who_reads_it(
    plan: Insertion, source: int, readers: set[int], stands_before: int, section: str
) -> None:
    assert (plan.source, plan.readers, plan.before) == (source, readers, stands_before)
    assert plan.section == section


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


def test_before_a_row_that_reads_far_back_moves_only_the_readers_from_there_on() -> None:
    plan = plan_before(SKIPPING, 2, "SE", [])
    assert (plan.source, plan.readers, plan.before) == (0, {2, 3}, 2)
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
        (lambda: after(7), "nothing can be inserted after layer 7 .Detect., the last"),
        (lambda: after(2, [4]), "layer 4 does not read layer 2"),
        (lambda: after(2, []), "nobody would read the attention"),
        (lambda: before(0), "it reads the image itself"),
        (lambda: plan_after(SKIPPING, 1, "SE", [], "next"), "does not read it, so nobody"),
    ],
)
def test_what_has_no_meaning_is_refused(edit: object, message: str) -> None:
    with pytest.raises(PlaceError, match=message):
        edit()  # type: ignore[operator]


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
    with pytest.raises(PlaceError, match="for different readers, some of them the same"):
        apply(network, [one, other])


def test_insert_replace_and_remove_at_once_speak_of_the_network_as_it_was() -> None:
    edits = [Removal(2), Replacement(6, "C3SE", [16]), plan_after(NETWORK, 3, "SE", [32])]
    new = apply(NETWORK, edits)
    assert [layer.module for layer in new.layers] == [
        *("Conv", "Conv", "Conv", "SE"), *("nn.Upsample", "Concat", "C3SE", "Detect"),
    ]  # fmt: skip
    assert new.row(new[5])[0] == [-1, 1]
    with pytest.raises(PlaceError, match="twice"):
        apply(NETWORK, [Removal(2), Replacement(2, "C3SE", [])])
