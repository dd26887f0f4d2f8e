"""Rows as Ultralytics reads them in a config of three scales."""

from __future__ import annotations

from typing import Any

from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.ultralytics import resolve
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

SETTINGS: dict[str, Any] = {
    "nc": 80,
    "scales": {"n": [0.33, 0.5, 1024], "m": [0.67, 0.75, 192], "l": [1, 1.0, 128]},
    "kpt_shape": [17, 3],
}


def resolved(
    *rows: list[Any], scale: str | None = None, **settings: Any
) -> tuple[ResolvedLayer, ...]:
    """The rows, behind a Conv of 32 channels at scale n."""
    network = Network.read({"backbone": [[-1, 1, "Conv", [64, 3, 2]], *rows]})
    return resolve(network, SETTINGS | settings, find, scale=scale)


def last(*rows: list[Any], scale: str | None = None, **settings: Any) -> ResolvedLayer:
    """The last of them."""
    return resolved(*rows, scale=scale, **settings)[-1]
