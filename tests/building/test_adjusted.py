"""What a mechanism could not take as it was asked for is said, as it was built."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from yaml_attn.building.adjusted import taken
from yaml_attn.mechanisms.mechanism import Mechanism
from yaml_attn.mechanisms.registry import MECHANISMS

ROUNDED = {"ratio", "groups", "heads", "kernel_size"}
ALONE = [each for each in MECHANISMS.values() if each.inputs == 1]
CASES = [(each, one.name) for each in ALONE for one in each.parameters if one.name in ROUNDED]


def _arguments(mechanism: Mechanism, **values: Any) -> list[Any]:
    return [values.get(each.name, each.default) for each in mechanism.parameters]


@pytest.mark.parametrize(
    ("mechanism", "name"), CASES, ids=[f"{each.name}-{name}" for each, name in CASES]
)
def test_what_is_said_to_be_built_is_built(mechanism: Mechanism, name: str) -> None:
    with torch.device("meta"):
        for channels, value in ((8, 9), (96, 7)):
            args = _arguments(mechanism, **{name: value})
            shapes = [each.shape for each in mechanism.load()(channels, *args).parameters()]
            built = next((each.built for each in taken(mechanism, channels, args)), value)
            if name == "ratio":
                radix = next((p.default for p in mechanism.parameters if p.name == "radix"), 1)
                assert channels * radix / built in {size for shape in shapes for size in shape}
            else:
                same = mechanism.load()(channels, *_arguments(mechanism, **{name: built}))
                assert shapes == [each.shape for each in same.parameters()]


@pytest.mark.parametrize("mechanism", ALONE, ids=[each.name for each in ALONE])
def test_nothing_else_is_said_to_be_built_otherwise(mechanism: Mechanism) -> None:
    another = {
        each.name: each.default + 2
        for each in mechanism.parameters
        if isinstance(each.default, int) and not isinstance(each.default, bool)
    }
    another.pop("radix", None)  # it and the cardinality must divide the channels
    with torch.device("meta"):
        found = list(taken(mechanism, 96, _arguments(mechanism, **another)))
    assert {each.parameter for each in found} <= ROUNDED


def test_what_is_taken_otherwise_is_said_and_what_was_not_asked_is_not() -> None:
    def said(name: str, channels: int, *args: Any) -> list[str]:
        return list(map(str, taken(MECHANISMS[name], channels, args)))

    assert said("ShuffleAttention", 768, 7) == ["groups=7 becomes 6 at 768 channels"]
    assert said("ShuffleAttention", 768, 6) == []
    assert said("SE", 64, 32) == ["ratio=32 becomes 8 at 64 channels"]
    assert said("SE", 64, 16, True) == []
    assert said("ECA", 4, 9) == ["kernel_size=9 becomes 3 at 4 channels"]
