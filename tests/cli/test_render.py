"""How numbers are said."""

from __future__ import annotations

import pytest

from yaml_attn.cli.render import Table, head_strides, mflops


@pytest.mark.parametrize(
    ("strides", "said"),
    [
        ([8, 16, 32], "8, 16, 32"),
        ([8.0, None], "8, ?"),
        ([None, None], "?, ?"),
        ([], "none"),
        ([8, 16, 32, 8, 16, 32], "8, 16, 32 (the auxiliary levels too)"),
        ([8, 16, 8, 16, 8, 16], "8, 16 (the auxiliary levels too)"),
        ([8, 16, 16], "8, 16, 16"),
        ([8, 16, 16, 8], "8, 16, 16, 8"),
    ],
)
def test_auxiliary_levels_are_not_listed_a_second_time(
    strides: list[float | None], said: str
) -> None:
    assert head_strides(strides) == said


@pytest.mark.parametrize(
    ("flops", "said"),
    [(None, ""), (0, "0"), (65_536, "0.0655"), (52_428_800, "52.4"), (1_468_006_400, "1,468")],
)
def test_flops_keep_three_digits_and_every_one_before_the_point(
    flops: int | None, said: str
) -> None:
    assert mflops(flops) == said


def test_spare_columns_leave_in_their_order_until_the_rest_is_read_well() -> None:
    table = Table(
        ["name", "args", "paper"], wraps=["paper"], short=["args"], spare=["paper", "args"]
    )
    for _ in range(10):
        table.add("SqueezeExcitation", "[1024, False]", "of words that may well be broken")
    assert table.left_out(60) == []
    assert table.left_out(40) == ["paper"]
    assert table.left_out(20) == ["paper", "args"]
    assert next(table.blocks(40)) == "name               args"
