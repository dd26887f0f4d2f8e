"""Parameters that a mechanism could not take as a row gives them, and what it took instead.

Groups and heads must divide the channels, a hidden width is a whole number: a mechanism takes the
nearest it can, and says which in an attribute called like the parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from yaml_attn.building.skip_init import Uninitialised
from yaml_attn.mechanisms.mechanism import Mechanism


class AdjustedParameter(NamedTuple):
    """One parameter of a layer: what was asked for at these channels, and what was built."""

    parameter: str
    asked: float
    built: float
    channels: int

    def __str__(self) -> str:
        return (
            f"{self.parameter}={self.asked:g} becomes {self.built:.3g} at {self.channels} channels"
        )


def taken(mechanism: Mechanism, channels: int, args: Sequence[Any]) -> Iterator[AdjustedParameter]:
    """The parameters, none of them a default, that are built otherwise than they are given.

    Args:
        mechanism: one that reads one map.
        channels: real ones, after the width.
        args: the row's, without the channels.
    """
    with Uninitialised():
        layer = mechanism.load()(channels, *args)
    for parameter, asked in zip(mechanism.parameters, args, strict=False):
        built = getattr(layer, parameter.name, asked)
        # A layer may have parts of this name: only a number is what a number became.
        if all(isinstance(each, int | float) for each in (asked, built)) and (
            asked not in (parameter.default, built)
        ):
            yield AdjustedParameter(parameter.name, asked, built, channels)
