"""A network of eight rows that builds in no time, as plain data."""

from __future__ import annotations

from typing import Any

SETTINGS: dict[str, Any] = {
    "nc": 2,
    "depth_multiple": 1.0,
    "width_multiple": 1.0,
    "anchors": [[10, 13], [30, 61]],
}
ROWS: list[list[Any]] = [
    [-1, 1, "Conv", [16, 3, 2]],
    [-1, 1, "Conv", [32, 3, 2]],
    [-1, 1, "C3", [32]],
    [-1, 1, "Conv", [64, 3, 2]],
    [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
    [[-1, 2], 1, "Concat", [1]],
    [-1, 1, "C3", [32]],
    [[6, 3], 1, "Detect", ["nc", "anchors"]],
]


def with_row(index: int, row: list[Any]) -> list[list[Any]]:
    """The rows, one of them another."""
    return [row if at == index else kept for at, kept in enumerate(ROWS)]
