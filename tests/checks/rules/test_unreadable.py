from __future__ import annotations

from collections.abc import Callable

import pytest
from configs import SMALL
from necks import V5, V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

FLOW = """\
nc: 2
anchors: 3
backbone:
  # [from, number, module, args]
  [[-1, 1, Conv, [64, 3, 2]],  # 0
   [-1, 3, C3, [64]],
   [-1, 1, Conv, [128, 3, 2]],
  ]
head:
  [[-1, 3, C3, [128]],
   [[1, 3], 1, Detect, [nc, anchors]],
  ]
"""

READABLE = [
    SMALL,
    FLOW,
    config(V8),
    config(V5),
    FLOW.replace("\n", "\r\n"),
    "\ufeff" + FLOW,
    FLOW.replace("# 0", "# 注意 , [ ] \u00a0\uff0c"),
    FLOW.replace("[64]]", "[64, '\uff0c']]"),
    FLOW.replace("nc: 2", "nc: 2\nname: x\uff0cy"),
    FLOW.removesuffix("\n"),
]

WRONG = [
    (FLOW.replace("nc: 2", "nc: 2: 3"), 1, "YA001"),
    (FLOW.replace("nc: 2", "nc: 2\x07"), 1, "YA001"),
    (FLOW.replace("   [-1, 3, C3, [64]]", " \u00a0 [-1, 3, C3, [64]]"), 6, "YA002"),
    (FLOW.replace("   [-1, 3, C3, [64]]", "\u3000[-1, 3, C3, [64]]"), 6, "YA002"),
    (FLOW.replace("-1, 3, C3, [64]", "-1\uff0c3, C3, [64]"), 6, "YA002"),
    (FLOW.replace("[64]]", "[64\uff0c2]]"), 6, "YA002"),
    (FLOW.replace("C3, [64]", "\u201cC3\u201d, [64]"), 6, "YA002"),
    (FLOW.replace("backbone:", "backbone\uff1a").replace("head:", "head\uff1a"), 3, "YA002"),
    (FLOW.replace("[64]],", "[64]]"), 6, "YA003"),
    (FLOW.replace("[64]],", "[64]]  # x, [y]"), 6, "YA003"),
    (FLOW.replace("C3, [64]]", "C3, [64]"), 6, "YA004"),
    (FLOW.replace("[64, 3, 2]],", "[64, 3, 2],"), 5, "YA004"),
    (config(V8).replace("  - [-1, 6, C2f", "   - [-1, 6, C2f", 1), 7, "YA005"),
    (config(V8).replace("  - [-1, 6, C2f", " - [-1, 6, C2f", 1), 7, "YA005"),
    ("nc: 1\n---\n" + FLOW, 2, "YA006"),
    ("nc: 1\n...\n" + FLOW, 3, "YA006"),
    (FLOW.replace("head:", "head:\nhead:"), 10, "YA007"),
    (FLOW.replace("nc: 2", "nc: 2\nnc: 3"), 2, "YA007"),
    (FLOW.encode("utf-16"), 1, "YA008"),
    (FLOW.replace("# 0", "# 注意").encode("gbk"), 5, "YA008"),
    (FLOW.replace("[64]]", "[64], 1]"), 6, "YA009"),
    (FLOW.replace("[-1, 3, C3, [64]]", "[-1, x, C3, [64]]"), 6, "YA009"),
    (FLOW.replace("backbone:", "backbone: 3\nx:"), 3, "YA009"),
    (FLOW.replace("[[1, 3], 1", "[[*a, 3], 1").replace("nc: 2", "nc: &a 2"), 11, "YA009"),
    (FLOW.replace("head:", "heads:"), 1, "YA010"),
    (FLOW.replace("backbone:", "back:"), 1, "YA010"),
]


@pytest.mark.parametrize("text", READABLE)
def test_a_readable_file_is_not_flagged(find: Find, text: str) -> None:
    assert [each.code for each in find(text, select="YA0")] == []


@pytest.mark.parametrize(("text", "line", "code"), WRONG)
def test_an_unreadable_file_has_one_finding_at_its_cause(
    find: Find, text: str | bytes, line: int, code: str
) -> None:
    (found,) = find(text)
    assert (found.code, found.level) == (code, "error")
    if code != "YA010":
        assert found.place.line == line


def test_files_that_are_no_configs_are_left_out(find: Find) -> None:
    assert find("train: images\nval: images\n") == []
    assert find("- 1\n- [\n") == []
    assert find(b"\xff\xfe\x00") == []


def test_random_bytes_behind_the_keys_are_answered_not_raised(find: Find) -> None:
    for junk in (b"\x00", b"\xff", b"[[[", b"- " * 3000, b"{" * 3000, b"!!python/object:x []"):
        (found,) = find(b"backbone:\n  " + junk + b"\nhead: []\n")
        assert found.code.startswith("YA0")
