"""The channels that rows tell, before any scaling."""

from __future__ import annotations

from typing import Any

import pytest

from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.graph.network import IMAGE, Network

CONV: list[Any] = [-1, 1, "Conv", [64, 3, 2]]


def channels(*rows: list[Any]) -> int | None:
    network = Network.read({"backbone": rows})
    return nominal_channels(network, len(rows) - 1)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([-1, 3, "C3", [128]], 128),
        ([-1, 1, "Conv", ["wide"]], None),
        ([-1, 1, "SE", [1024]], 64),
        ([-1, 1, "nn.Upsample", ["None", 2]], 64),
        ([[-1, 0], 1, "Concat", [1]], 128),
        ([-1, 6, "HGBlock", [48, 128, 3]], 128),
        ([-1, 1, "ResNetLayer", [64, 128, 2, False, 4]], 512),
        ([-1, 1, "ResNetLayer", [3, 64, 1, True, 1]], 64),
        ([-1, 1, "Contract", [2]], 256),
        ([-1, 1, "Expand", [2]], 16),
        ([-1, 1, "ReOrg", []], 256),
        ([[], 1, "Concat", [1]], None),
    ],
)
def test_what_a_row_tells(row: list[Any], expected: int | None) -> None:
    assert channels(CONV, row) == expected


def test_the_image_has_three() -> None:
    assert nominal_channels(Network.read({"backbone": [CONV]}), IMAGE) == 3
    assert channels([-1, 1, "SE", [64]]) == 3


def test_cbfuse_gives_those_of_its_last_input() -> None:
    assert channels(CONV, [-1, 1, "Conv", [32]], [[0, 1], 1, "CBFuse", [[0]]]) == 32


def test_one_unknown_input_makes_a_join_unknown() -> None:
    assert channels(CONV, [-1, 1, "Conv", []], [[-1, 0], 1, "Concat", [1]]) is None


def test_joins_of_joins_take_no_time() -> None:
    joins = [[[-1, -1], 1, "Concat", [1]] for _ in range(100)]
    assert channels(CONV, *joins) == 64 * 2**100


def test_networks_may_be_deep() -> None:
    assert channels(CONV, *([-1, 1, "SE", [64]] for _ in range(2000))) == 64
