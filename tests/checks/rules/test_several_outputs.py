from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V5, V7, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

# One row for layers 0 to 4, or, counted by the comments, for 0 to 2.
FIVE = """\
backbone:
  - [-1, 1, tiny_vit, []]
  - [-1, 1, SPPF, [1024, 5]]
head:
  - [2, 1, Conv, [256]]
  - [5, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 3], 1, Concat, [1]]
  - [-1, 3, C2f, [512]]
  - [[6, 9], 1, Detect, [nc]]
"""
THREE = """\
backbone:
  - [-1, 1, tiny_vit, []]
  - [2, 1, SPPF, [1024, 5]]  # 3
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]  # 4
  - [[-1, 1], 1, Concat, [1]]  # 5
  - [-1, 3, C2f, [512]]  # 6
  - [[6, 3], 1, Detect, [nc]]
"""
NECK = {
    **{index: [] for index in range(8, 19)},
    19: "[[2, 4, 6], 1, WholeNeck, [256]]",
    20: "[[-3, -2, -1], 1, Detect, [nc]]",
}


@pytest.mark.parametrize(
    ("text", "line"), [(FIVE, 2), (THREE, 2), (config(V8, NECK), 12)], ids=["five", "three", "neck"]
)
def test_a_row_counted_as_several_is_noted_once_and_no_number_is_checked(
    find: Find, text: str, line: int
) -> None:
    found = {each.code: each for each in find(text)}
    assert set(found) == {"YA209", "YA211"}
    assert (found["YA211"].level, found["YA211"].place.line) == ("note", line)
    assert all(each.fix is None for each in found.values())


@pytest.mark.parametrize(
    "text",
    [
        config(V8),
        config(V5),
        config(V7),
        config(V8, {0: "[-1, 1, MyStem, [64]]"}),
        config(V8, {20: "[[13, 16, 23], 1, Detect, [nc]]"}),  # a number too high, and no backbone
        THREE.replace("# 5", "# 4"),  # the comments do not agree
    ],
)
def test_other_files_are_checked(find: Find, text: str) -> None:
    assert "YA211" not in {each.code for each in find(text)}
