"""The three rules that compare with a base: number kept, number shifted, other layer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

SE = "[-1, 1, SE, [256]]"
AFTER_4 = {4: [V8[4], SE]}
MOVED = {15: "[[-1, 11], 1, Concat, [1]]", 18: "[[-1, 8], 1, Concat, [1]]"}
DETECT = {20: "[[14, 17, 20], 1, Detect, [nc]]"}

RIGHT = [
    config(V8),
    config(V8, {**AFTER_4, **MOVED, **DETECT}),
    config(V8, {**AFTER_4, **MOVED, **DETECT, 9: "[[-1, 5], 1, Concat, [1]]"}),
    config(V8, {**MOVED, **DETECT, 4: [V8[4], "[-1, 1, Unheard, [8]]"]}),
    # A relative spelling of the right layer, and the inputs of a Concat in another order.
    config(V8, {**AFTER_4, **MOVED, 20: "[[14, -4, -1], 1, Detect, [nc]]"}),
    config(V8, {**AFTER_4, **DETECT, **MOVED, 15: "[[11, -1], 1, Concat, [1]]"}),
    # An attention on the skip connection alone.
    config(
        V8,
        {
            9: ["[4, 1, SE, [256]]", "[[-2, -1], 1, Concat, [1]]"],
            **MOVED,
            18: "[[-1, 7], 1, Concat, [1]]",
            **DETECT,
        },
    ),
]
WRONG = [
    # Nothing renumbered; the reference into the backbone above the insertion is right as it is.
    (config(V8, AFTER_4), [("YA102", 16), ("YA102", 19), *[("YA102", 21)] * 3]),
    (config(V8, {**AFTER_4, **MOVED}), [("YA102", 21)] * 3),
    (config(V8, {**AFTER_4, **DETECT}), [("YA102", 16), ("YA102", 19)]),
    # Raised though the insertion is below.
    (
        config(V8, {**AFTER_4, **MOVED, **DETECT, 12: "[[-1, 3], 1, Concat, [1]]"}),
        [("YA103", 13)],
    ),
    # Two rows inserted, one counted.
    (
        config(V8, {**MOVED, **DETECT, 4: [V8[4], SE], 6: [V8[6], SE]}),
        [("YA103", 17), ("YA103", 20), *[("YA103", 22)] * 3],
    ),
    # A slip.
    (
        config(V8, {**AFTER_4, **MOVED, **DETECT, 15: "[[-1, 7], 1, Concat, [1]]"}),
        [("YA104", 16)],
    ),
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_correct_insertion_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, config(V8), select="YA10") == []


@pytest.mark.parametrize(("text", "findings"), WRONG)
def test_every_misread_reference_is_found_at_its_layer(
    find: Find, text: str, findings: list[tuple[str, int]]
) -> None:
    found = find(text, config(V8), select="YA10")
    assert [(each.code, each.place.layer) for each in found] == findings
    assert all(each.level == "error" and each.fix for each in found)


def test_the_message_says_what_happened_and_what_was_meant(find: Find) -> None:
    found = find(config(V8, {**AFTER_4, **DETECT}), config(V8), select="YA102")
    assert found[0].text == (
        "layer 16: Concat reads 10 (Concat), for it kept the 10 of base.yaml though 1 row was "
        "inserted before that layer; the base reads what is now 11 (C2f)"
    )
    assert (found[0].place.line, found[0].place.column, found[0].place.end_column) == (20, 11, 13)


def test_the_attention_right_behind_what_the_base_reads_is_meant(find: Find) -> None:
    changes = {19: [V8[19], SE.replace("256", "512")], **MOVED}
    text = config(V8, {**changes, 4: [V8[4], SE], 20: "[[14, 17, 19], 1, Detect, [nc]]"})
    (found,) = find(text, config(V8), select="YA10")
    assert found.fix
    assert found.fix.value == 21
    assert "20 (C2f), refined by 21 (SE)" in found.text


def test_a_renamed_block_is_no_other_network(find: Find) -> None:
    changes = {index: V5[index].replace("C3", "C3SE") for index in (2, 4, 6)}
    text = config(V5, {**changes, 7: [V5[7], "[-1, 1, SE, [512]]"]})
    found = find(text, config(V5), select="YA10")
    assert {each.code for each in found} == {"YA102"}
    assert all(each.level == "error" for each in found)


def test_where_the_config_is_a_redesign_a_difference_is_a_warning_without_repair(
    find: Find,
) -> None:
    # A Concat with a third input, and the top level taken out.
    changes = {15: "[[-1, 10, 4], 1, Concat, [1]]", **{index: [] for index in (17, 18, 19)}}
    text = config(
        V8, {**changes, 9: "[[-1, 3], 1, Concat, [1]]", 20: "[[13, 16], 1, Detect, [nc]]"}
    )
    found = find(text, config(V8), select="YA10")
    assert found
    assert {(each.level, each.fix) for each in found} == {("warning", None)}


def test_without_inserted_rows_another_wiring_is_a_warning(find: Find) -> None:
    found = find(config(V8, {18: "[[-1, 6], 1, Concat, [1]]"}), config(V8), select="YA10")
    assert [(each.code, each.level) for each in found] == [("YA104", "warning")]
