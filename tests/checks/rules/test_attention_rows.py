"""The three rules about what a row says: channels, number, module."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]


def behind(row: str, settings: str = "") -> str:
    """The row behind layer 4, of 256 channels."""
    return settings + config(V8, {4: [V8[4], row]})


RIGHT_CHANNELS = [
    behind("[-1, 1, SE, [256]]"),
    behind("[-1, 1, SE, [c2, 16]]"),
    behind("[-1, 1, SE, []]"),
    behind("[-1, 1, CBAM, [7]]"),  # Ultralytics' CBAM takes its kernel
    behind("[-1, 1, CBAM, [100]]"),  # no number of channels
    behind("[-1, 1, SEBlock, [16]]"),  # the ratio, in a class of one's own
    behind("[-1, 1, SGE, [32]]"),  # the groups
    behind("[-1, 1, SE, [64]]", "width_multiple: 0.25\n"),  # the number after scaling
    behind("[-1, 1, SE, [128]]", "scales: {n: [0.33, 0.25, 1024], s: [0.33, 0.5, 1024]}\n"),
    behind("[-1, 1, Unheard, [512]]"),
    config(V8, {4: "[-1, 6, NewBlock, [256]]", 5: ["[-1, 1, SE, [256]]", V8[5]]}),
    config(V8, {9: [V8[9], "[-1, 1, SE, [768]]"]}),  # a Concat of 512 and 256
]
WRONG_CHANNELS = [
    (behind("[-1, 1, SE, [512]]"), "write 256"),
    (behind("[-1, 1, SELayer, [128, 4]]"), "write 256"),
    (config(V8, {9: [V8[9], "[-1, 1, SE, [256]]"]}), "write 768"),
    (config(V5, {4: [V5[4], "[-1, 1, SimAM, []]", "[-1, 1, SE, [512]]"]}), "write 256"),
]
RIGHT_NUMBERS = [
    behind("[-1, 1, SE, [256]]"),
    behind("[-1, 3, C2f_SE, [256]]"),
    behind("[-1, 3, Unheard, [256]]"),
    behind("[-1, 3, CBAM, [512, 3, 2]]"),
]
WRONG_NUMBERS = [behind("[-1, 3, SE, [256]]"), behind("[-1, 0, SE, [256]]")]


@pytest.mark.parametrize("text", RIGHT_CHANNELS)
def test_channels_that_agree_or_are_none_are_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA207") == []


@pytest.mark.parametrize(("text", "meant"), WRONG_CHANNELS)
def test_channels_that_disagree_are_found(find: Find, text: str, meant: str) -> None:
    (found,) = find(text, select="YA207")
    assert found.level == "warning"
    assert str(found.meant).startswith(meant)


@pytest.mark.parametrize("text", RIGHT_NUMBERS)
def test_one_attention_or_a_repeated_block_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA208") == []


@pytest.mark.parametrize("text", WRONG_NUMBERS)
def test_a_repeated_attention_is_found_at_its_number(find: Find, text: str) -> None:
    (found,) = find(text, select="YA208")
    assert (found.place.line, found.place.column, found.place.end_column) == (8, 10, 11)
    assert found.fix
    assert (found.fix.field, found.fix.value) == ("number", 1)


def test_the_number_of_an_exploded_row_is_found_too(find: Find) -> None:
    exploded = "  - - -1  # 3, 3\n    - 3\n    - SE\n    - [256]\n"
    (found,) = find(behind("ROW").replace("  - ROW\n", exploded), select="YA208")
    assert (found.place.line, found.place.column) == (9, 7)


def test_a_frameworks_module_and_a_bundled_mechanism_are_known(find: Find) -> None:
    known = ["CBAM", "se_layer", "nn.Identity", "torchvision.ops.SqueezeExcitation", "C3SE"]
    for name in known:
        assert find(behind(f"[-1, 1, {name}, []]"), select="YA209") == []


def test_an_unknown_module_is_noted_once_with_close_names(find: Find) -> None:
    text = config(V8, {index: V8[index].replace("C2f", "C2ff") for index in (2, 4, 6)})
    (found,) = find(text, select="YA209")
    assert (found.level, found.place.line, found.place.column) == ("note", 5, 13)
    assert str(found.meant).startswith("did you mean C2f")


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("c3", "C3"),
        ("Upsample", "nn.Upsample"),
        ("BottleneckCSPX", "BottleneckCSP or BottleneckCSPA"),
        ("Conccat", "Concat"),
        ("Detetc", "Detect"),
        ("C2fe", "C2f"),
        ("MyAttention", None),
        ("MyCBAM", None),
        ("SEE", None),
    ],
)
def test_a_name_is_proposed_for_one_that_is_a_slip_away(
    find: Find, name: str, close: str | None
) -> None:
    (found,) = find(behind(f"[-1, 1, {name}, []]"), select="YA209")
    assert found.meant == (close and f"did you mean {close}?")
