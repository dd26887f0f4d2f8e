from __future__ import annotations

from collections.abc import Callable

import pytest
from necks import V8, config

from yaml_attn.checks.finding import Finding

Find = Callable[..., list[Finding]]

AT = {13: "128", 16: "256", 19: "512"}
READ = "yet it reads 22 (SE): read all levels refined, or none"
DEAD = "22 (SE) is dead for the same reason: all were to be read"


def refined(head: str, *levels: int, comment: str = "") -> str:
    """A network with an attention behind the blocks of these levels, and this input of Detect."""
    changes: dict[int, str | list[str]] = {
        at: [V8[at], f"[-1, 1, SE, [{AT[at]}]]{comment}"] for at in levels
    }
    return config(V8, {**changes, 20: f"[[{head}], 1, Detect, [nc]]"})


@pytest.mark.parametrize(
    "text",
    [
        config(V8),
        refined("14, 18, 22", 13, 16, 19),
        refined("13, 17, 20", 13),
        refined("13, 17, 21", 13, 16),
        refined("13, 16, 20", 19),
        refined("13, 16, 19", 19),
        refined("14, 18, 21", 13, 16),
        refined("13, 18, 20", 13, 16, 19),  # 20 is a Concat: a lost number
        refined("14, 17, 99", 13, 16, 19),
    ],
)
def test_a_head_that_reads_all_levels_alike_is_not_flagged(find: Find, text: str) -> None:
    assert find(text, select="YA210") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (refined("13, 17, 22", 13, 16, 19), [(0, None, READ), (1, None, READ)]),
        (refined("14, 17, 22", 13, 16, 19), [(1, None, READ.replace("22", "14"))]),
        # One attention is dead, so the head was meant to read them.
        (refined("13, 17, 21", 13, 16, 19), [(0, 14, DEAD), (1, 18, DEAD)]),
        (refined("13, 17, 20", 13, 19), [(0, 14, DEAD.replace("22", "21"))]),
        # The comment says what the author took the attention for.
        (
            refined("13, 18, 22", 13, 16, 19, comment="  # 13 SE"),
            [(0, 14, "the comment behind 14 (SE) calls it 13")],
        ),
    ],
)
def test_a_level_read_before_its_attention_is_found_where_another_is_refined(
    find: Find, text: str, found: list[tuple[int, int | None, str]]
) -> None:
    findings = find(text, select="YA210")
    columns = {7: 0, 11: 1, 15: 2}
    assert [
        (columns[each.place.column], each.fix and each.fix.value, each.meant) for each in findings
    ] == found
    assert {each.level for each in findings} == {"error" if found[0][1] else "warning"}
