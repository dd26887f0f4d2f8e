"""What a wrong reference meant, told without a base."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

SE = "[-1, 1, SE, [256]]"
MOVED = {15: "[[-1, 11], 1, Concat, [1]]", 18: "[[-1, 8], 1, Concat, [1]]"}
DETECT = {20: "[[14, 17, 20], 1, Detect, [nc]]"}

# Each with the numbers that the references of layers ought to have, by layer and position.
KEPT = [
    (config(V8, {4: [V8[4], SE], **MOVED}), {(21, 0): 14, (21, 1): 17, (21, 2): 20}),
    (config(V8, {4: [V8[4], SE], **DETECT}), {(16, 1): 11, (19, 1): 8}),
    (config(V8, {2: [V8[2], SE], **MOVED, **DETECT}), {(10, 1): 5}),
    (
        config(V8, {13: [V8[13], SE], 16: [V8[16], SE], 19: [V8[19], SE]}),
        {(23, 1): 18, (23, 2): 22},  # 13 is still the block, and 14 reads the attention
    ),
    (
        config(V5, {6: [V5[6], SE], 22: "[[16, 19, 22], 1, Detect, [nc, anchors]]"}),
        {(18, 1): 13, (21, 1): 9},
    ),
]
UNSURE = [
    config(V8, {20: "[[13, 17, 19], 1, Detect, [nc]]"}),  # no attention: nothing was inserted
    config(V8, {4: [V8[4], SE], **MOVED, 20: "[[14, 18, 20], 1, Detect, [nc]]"}),  # once too often
    config(V8, {9: "[[-1, 5], 1, Concat, [1]]"}),
]


# Nobody knows what Unheard is, and a stage belongs to a backbone.
GUESSED = ["Unheard", "AttentionStage"]


@pytest.mark.parametrize(("text", "numbers"), KEPT)
def test_a_number_that_was_right_before_is_restored(
    find: Find, text: str, numbers: dict[tuple[int, int], int]
) -> None:
    fixes = [each.fix for each in find(text) if each.level == "error" and each.fix]
    assert {(fix.layer, fix.position): fix.value for fix in fixes} == numbers


@pytest.mark.parametrize("text", UNSURE)
def test_without_two_signs_nothing_is_certain(find: Find, text: str) -> None:
    found = [each for each in find(text) if each.level == "error"]
    assert found
    assert [each.fix for each in found if each.code != "YA206"] == [None] * len(found)


@pytest.mark.parametrize("module", GUESSED)
def test_what_only_looks_like_attention_makes_a_guess(find: Find, module: str) -> None:
    found = find(config(V8, {4: [V8[4], f"[-1, 1, {module}, [256]]"], **DETECT}), select="YA204")
    assert [(each.meant, each.fix) for each in found] == [("perhaps 11 (C2f) is meant", None)]


def test_what_says_that_it_is_attention_is_certain(find: Find) -> None:
    row = "[-1, 1, NewAttention, [256]]"
    found = find(config(V8, {4: [V8[4], row], **DETECT}), select="YA204")
    assert [each.fix.value for each in found if each.fix] == [11]


@pytest.mark.parametrize(("rows", "certain"), [(3, True), (9, False)])
def test_no_large_part_of_a_network_was_inserted(find: Find, rows: int, certain: bool) -> None:
    last = ", ".join(str(number + rows) for number in (13, 16, 19))
    changes = {2: [V8[2], *["[-1, 1, SE, [128]]"] * rows], 12: "[[-1, 2], 1, Concat, [1]]"}
    moved = {9: f"[[-1, {4 + rows}], 1, Concat, [1]]", 20: f"[[{last}], 1, Detect, [nc]]"}
    text = config(V8, {**changes, **moved, 18: f"[[-1, {7 + rows}], 1, Concat, [1]]"})
    (found,) = find(text, select="YA2")
    assert (found.code, bool(found.fix)) == ("YA201", certain)


def test_the_finding_says_what_the_number_was(find: Find) -> None:
    found = find(config(V8, {4: [V8[4], SE], **DETECT}), select="YA204")
    assert found[0].text == (
        "layer 16: Concat reads 10 (Concat), which no block has worked on; "
        "without the attention row above, 10 is 11 (C2f)"
    )


def test_against_a_certain_base_the_base_decides(find: Find) -> None:
    found = find(config(V8, {4: [V8[4], SE], **DETECT}), config(V8))
    assert {each.code for each in found} == {"YA102"}
