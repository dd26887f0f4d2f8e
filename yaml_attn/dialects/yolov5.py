"""YOLOv5, v5.0 to today: what its parser does with each module.

Facts: `parse_model` in `models/yolo.py` of ultralytics/yolov5, tags v5.0 to v7.0 and 5081342f.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yaml_attn.dialects.dialect import Dialect
from yaml_attn.dialects.parser import Parser, Rule
from yaml_attn.dialects.rules import SHARED, Head, kept, repeating, scaled

SCALED: Final = frozenset(
    "Bottleneck C3SPP Conv CrossConv DWConv DWConvTranspose2d Focus GhostBottleneck GhostConv"
    " MixConv2d SPP SPPF nn.ConvTranspose2d".split()
)
"""Modules whose args[0] is their output channels, scaled by `width_multiple`."""

REPEATING: Final = frozenset("BottleneckCSP C3 C3Ghost C3TR C3x".split())
"""Modules of the same kind that get `number` as an argument and repeat their inside."""

HEADS: Final[Mapping[str, Head]] = {
    "Detect": Head(("nc", "anchors")),
    "Segment": Head(("nc", "anchors", "nm", "npr"), scaled=3),
}

RULES: Final[Mapping[str, Rule]] = {
    **SHARED,
    **dict.fromkeys(SCALED, scaled),
    **dict.fromkeys(REPEATING, repeating),
    **dict.fromkeys(["Classify", "nn.Conv2d"], kept),
    **HEADS,
}
"""Module -> what the parser does with its rows."""

_PARSER: Final = Parser("YOLOv5", RULES, another="yolov5m.yaml", channel_multiple=True)
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("yolov5", _PARSER.title, resolve, builder="bundled")
