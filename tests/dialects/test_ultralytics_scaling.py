"""What the settings of Ultralytics' configs make of rows, and what is said of those of no use."""

from __future__ import annotations

import math
from typing import Any

import pytest
from dialects.ultralytics_rows import SETTINGS, last, resolved

from yaml_attn.dialects.ultralytics import resolve
from yaml_attn.errors import BuildError, ConfigError, UsageError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find


def test_what_the_image_is_read_by() -> None:
    silent = [-1, 1, "Silence", []]
    layers = resolve(Network.read({"backbone": [silent, [0, 1, "Conv", [64]]]}), SETTINGS, find)
    assert [layer.args for layer in layers] == [(), (3, 32)]
    assert [layer.channels for layer in resolved(channels=1, ch=4)] == [32]
    assert resolved(channels=1, ch=4)[0].args == (1, 32, 3, 2)
    assert resolved(ch=4)[0].args == (4, 32, 3, 2)


@pytest.mark.parametrize(
    ("scale", "channels", "number"), [(None, 128, 3), ("n", 128, 3), ("m", 144, 6), ("l", 128, 9)]
)
def test_a_scale_has_its_depth_width_and_limit(
    scale: str | None, channels: int, number: int
) -> None:
    layer = last([-1, 9, "C2f", [256]], scale=scale)
    assert (layer.channels, layer.number) == (channels, number)


def test_a_limit_may_be_infinite() -> None:
    assert last([-1, 1, "Conv", [4096]], scales={"n": [1, 1, math.inf]}).channels == 4096


def test_numbers_beyond_any_network_are_refused_without_computing_with_them() -> None:
    with pytest.raises(BuildError, match=r"args\[2\] of C2fAttn is 10+\n"):
        last([-1, 1, "C2fAttn", [64, 32, 10**400]], scales=None)
    with pytest.raises(BuildError, match=r"args\[2\] of Segment is 10+\n"):
        last([[0], 1, "Segment", ["nc", 32, 10**400]], scales=None)


def test_the_string_none_is_nothing_as_for_the_loader() -> None:
    assert last([-1, 9, "C2f", [256]], scales="None").args == (64, 256, 9)
    assert last([[0], 1, "Detect", ["nc"]], end2end="None").args == (80, 16, None, [32])


def test_without_scales_the_multiples_hold_at_any_scale() -> None:
    layer = last([-1, 9, "C3k2", [256]], scale="x", scales=None, depth_multiple=0.33)
    assert layer.args == (64, 256, 3, True)
    assert last([-1, 9, "C3k2", [256]], scales={}, width_multiple=0.5).args == (32, 128, 9)


def test_nc_stands_in_for_the_configs_own() -> None:
    network = Network.read({"head": [[-1, 1, "Classify", ["nc"]]]})
    assert resolve(network, SETTINGS, find, nc=10)[-1].args == (3, 10)
    assert resolve(network, {}, find, nc=10)[-1].args == (3, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"nc": 0}, "nc is 0"),
        ({"nc": "80"}, "nc is '80'"),
        ({"channels": 1.5}, "channels is 1.5"),
        ({"ch": True}, "ch is True"),
        ({"scales": ["n"]}, "scales is ['n']"),
        ({"scales": {"n": [0.5, 0.25]}}, "scale n is [0.5, 0.25]"),
        ({"scales": {"n": 0.5}}, "scale n is 0.5"),
        ({"scales": {"n": [0.5, "0.25", 1024]}}, "width of scale n is '0.25'"),
        ({"scales": {"n": [0.5, 0.25, 0]}}, "max_channels of scale n is 0"),
        ({"scales": {"n": [math.nan, 0.25, 1]}}, "depth of scale n is nan"),
        ({"scales": None, "depth_multiple": -1}, "depth_multiple is -1"),
        ({"scales": None, "width_multiple": math.inf}, "width_multiple is inf"),
        ({"scales": None, "width_multiple": 10**400}, "width_multiple is 1000"),
        ({"scales": None, "width_multiple": None}, "width_multiple is None"),
    ],
)
def test_a_setting_of_no_use_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolved(**settings)
    assert message in caught.value.message
    assert caught.value.hint


def test_the_classes_must_be_told() -> None:
    with pytest.raises(ConfigError, match="the key nc is missing"):
        resolve(Network.read({"head": [[-1, 1, "Conv", [64]]]}), {}, find)


@pytest.mark.parametrize("scale", ["x", "N"])
def test_a_scale_that_there_is_not_is_refused_with_those_there_are(scale: str) -> None:
    with pytest.raises(UsageError, match=f"no scale {scale}") as caught:
        resolved(scale=scale)
    assert caught.value.hint == "It has n, m, l."
