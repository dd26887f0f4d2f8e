"""Depth and width scaling, and what is said about settings of no use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn.dialects.arguments import TorchCall
from yaml_attn.dialects.scaling import Scale, activation
from yaml_attn.errors import ConfigError

SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 0.5,
    "width_multiple": 0.25,
    "anchors": [[10, 13, 16, 30, 33, 23]],
}


def scale(**changed: Any) -> Scale:
    return Scale.read(SETTINGS | changed)


@pytest.mark.parametrize(("number", "scaled"), [(0, 0), (1, 1), (2, 1), (3, 2), (5, 2), (9, 4)])
def test_depth_rounds_half_to_even_and_never_below_one(number: int, scaled: int) -> None:
    assert scale().number(number) == scaled


@pytest.mark.parametrize(("nominal", "channels"), [(64, 16), (65, 24), (1024, 256), (255, 255)])
def test_width_rounds_up_to_a_multiple_of_8_and_spares_detection_outputs(
    nominal: int, channels: int
) -> None:
    assert scale().channels(nominal) == channels


def test_channel_multiple_stands_in_for_8() -> None:
    assert scale(channel_multiple=3).divisible(64) == 18


def test_channel_multiple_is_not_even_looked_at_where_it_means_nothing() -> None:
    settings = SETTINGS | {"channel_multiple": "wide"}
    assert Scale.read(settings, multiple=False).divisible(65) == 24


@given(
    nominal=st.integers(1, 2**20),
    width=st.floats(2**-6, 4),
    divisor=st.sampled_from([1, 3, 8, 16]),
)
def test_scaled_channels_are_the_next_multiple_up(nominal: int, width: float, divisor: int) -> None:
    scaled = scale(width_multiple=width, channel_multiple=divisor).divisible(nominal)
    assert scaled % divisor == 0
    assert -1e-6 < scaled - nominal * width < divisor + 1e-6


@given(number=st.integers(1, 100), depth=st.floats(2**-6, 4))
def test_no_repetition_is_scaled_away_and_one_stays_one(number: int, depth: float) -> None:
    scaled = scale(depth_multiple=depth).number(number)
    assert scaled >= 1
    assert abs(scaled - (max(number * depth, 1) if number > 1 else 1)) <= 0.5


def test_the_number_of_outputs_follows_nc_and_anchors() -> None:
    assert (scale().outputs, scale(anchors=4, nc=1).outputs) == (255, 24)
    assert Scale.read(SETTINGS, nc=20).outputs == 75


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("nc", "80", "nc is '80'"),
        ("nc", 0, "nc is 0"),
        ("depth_multiple", True, "depth_multiple is True"),
        ("width_multiple", float("inf"), "width_multiple is inf"),
        ("width_multiple", float("nan"), "width_multiple is nan"),
        ("channel_multiple", 0.5, "channel_multiple is 0.5"),
        ("ch", -1, "ch is -1"),
        ("anchors", [[1, 2], [1, 2, 3, 4]], "anchors are"),
        ("anchors", [[1, 2, 3]], "anchors are"),
        ("anchors", [], "anchors are"),
        ("anchors", "none", "anchors are"),
    ],
)
def test_a_value_of_no_use_is_named(key: str, value: Any, part: str) -> None:
    with pytest.raises(ConfigError) as caught:
        scale(**{key: value})
    assert part in str(caught.value)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Scale.read({k: v for k, v in SETTINGS.items() if k != key})
    assert key in str(caught.value)
    assert "missing" in str(caught.value)


def test_the_activation_is_a_call_or_nothing() -> None:
    assert activation({}) is None
    assert activation({"activation": "nn.LeakyReLU(0.1)"}) == TorchCall("LeakyReLU", (0.1,))
    for value in ("nn.SiLU", "SiLU", "nn.Silu()", 3):
        with pytest.raises(ConfigError, match="activation"):
            activation({"activation": value})


@pytest.mark.parametrize("value", [1e308, 2.0**21, 10**400])
def test_a_multiple_that_no_network_has_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="width_multiple is"):
        Scale.read({**SETTINGS, "width_multiple": value})
