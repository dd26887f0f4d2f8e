"""What became of every layer: inserted, removed, changed, moved or the same, and what it reads."""

from __future__ import annotations

from typing import Any

import pytest
from configs import document

from yaml_attn.graph.changes import LayerChange, Reading, changes
from yaml_attn.graph.edits import Edit, Insertion, Removal, Replacement, apply, plan_after
from yaml_attn.graph.network import IMAGE, Network

BASE = document().network


def edited(*edits: Edit) -> tuple[LayerChange, ...]:
    network = apply(BASE, edits)
    return changes(BASE, network, {key: at for key, at in network.index.items() if key < len(BASE)})


def states(found: tuple[LayerChange, ...]) -> list[tuple[int | None, int | None, str]]:
    return [(each.old, each.new, each.state) for each in found]


def test_without_an_edit_every_layer_is_the_same() -> None:
    assert states(edited()) == [(at, at, "same") for at in range(8)]


def test_an_insertion_moves_what_is_below_and_changes_what_is_spelled_otherwise() -> None:
    found = edited(plan_after(BASE, 2, "SE", [16]))
    assert states(found) == [
        *((at, at, "same") for at in (0, 1, 2)),
        (None, 3, "inserted"),
        (3, 4, "changed"),  # reads -1 as before, which is another layer now
        (4, 5, "moved"),
        (5, 6, "changed"),
        (6, 7, "moved"),
        (7, 8, "changed"),
    ]
    new = found[3]
    assert new == LayerChange(
        old=None,
        new=3,
        section="backbone",
        number=1,
        module="SE",
        args=[16],
        before=(),
        after=(Reading(-1, 2, "C3"),),
        listed=False,
        rewired=(),
        replaced=False,
    )
    assert (new.from_before, new.from_after) == (None, -1)
    assert found[4].rewired == (0,)
    concat = found[6]
    assert (concat.from_before, concat.from_after) == ([-1, 2], [-1, 3])
    assert concat.before == (Reading(-1, 4, "nn.Upsample"), Reading(2, 2, "C3"))
    assert concat.after == (Reading(-1, 5, "nn.Upsample"), Reading(3, 3, "SE"))
    assert concat.rewired == (1,)
    detect = found[8]
    assert (detect.from_before, detect.from_after, detect.rewired) == ([6, 3], [7, 4], ())


def test_a_removed_layer_stands_where_it_was() -> None:
    found = edited(Removal(2))
    assert states(found)[1:5] == [
        (1, 1, "same"),
        (2, None, "removed"),
        (3, 2, "changed"),
        (4, 3, "moved"),
    ]
    gone = found[2]
    assert gone == LayerChange(
        old=2,
        new=None,
        section="backbone",
        number=1,
        module="C3",
        args=[16],
        before=(Reading(-1, 1, "Conv"),),
        after=(),
        listed=False,
        rewired=(),
        replaced=False,
    )
    assert (gone.from_before, gone.from_after) == (-1, None)
    # Layers 3 and 5 read what it read: not the layer that they read before.
    assert [each.rewired for each in found] == [(), (), (), (0,), (), (1,), (), ()]


def test_removed_layers_that_follow_one_another_stand_in_their_order() -> None:
    old, new = BASE, apply(BASE, [Removal(1), Removal(2)])
    kept = dict(new.index)
    assert [each.old for each in changes(old, new, kept)] == list(range(8))
    # Where nothing follows that was there before, they stand at the end.
    short = Network(BASE.layers[:3])
    found = changes(BASE, short, {0: 0, 1: 1, 2: 2})
    assert states(found)[3:] == [(at, None, "removed") for at in range(3, 8)]


@pytest.mark.parametrize(
    ("row", "replaced"),
    [
        ([-1, 1, "C3", [16]], False),
        ([-1, 2, "C3", [16]], True),
        ([-1, 1, "C3x", [16]], True),
        ([-1, 1, "C3", [8]], True),
        ([[-1], 1, "C3", [16]], True),
        ([[-1, 1], 1, "C3", [16]], True),
    ],
)
def test_a_row_that_says_something_else_is_replaced(row: list[Any], replaced: bool) -> None:
    rows = BASE.rows()
    rows["backbone"][2] = row
    found = changes(BASE, Network.read(rows), {at: at for at in range(8)})[2]
    assert found.replaced is replaced
    assert found.state == ("changed" if replaced else "same")


def test_equal_args_in_another_kind_of_sequence_are_no_replacement() -> None:
    assert not edited(Replacement(2, "C3", (16,)))[2].replaced


def test_an_input_that_was_added_is_rewired_and_one_that_went_is_a_replacement() -> None:
    rows = BASE.rows()
    rows["head"][1][0] = [-1, 2, 0]
    same = {at: at for at in range(8)}
    found = changes(BASE, Network.read(rows), same)[5]
    assert (found.rewired, found.replaced) == ((2,), True)
    rows["head"][1][0] = [-1]
    found = changes(BASE, Network.read(rows), same)[5]
    assert (found.rewired, found.replaced) == ((), True)


def test_the_image_is_read_under_its_own_name() -> None:
    first = edited()[0]
    assert first.before == first.after == (Reading(-1, IMAGE, "image"),)
    assert str(first.before[0]) == "the image"
    assert str(Reading(-2, 5, "C3")) == "5 (C3)"


def test_a_layer_of_several_inputs_lists_them_all() -> None:
    two = Insertion("Cross", [], 3, frozenset({7}), 7, "head", (2,))
    assert edited(two)[7].from_after == [3, 2]
