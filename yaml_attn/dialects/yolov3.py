"""YOLOv3 as a fork of YOLOv5 (v9.1 to v9.6): its parser, with one head and without a few modules.

Facts: `parse_model` in `models/yolo.py` of ultralytics/yolov3, 97b87b13. The darknet `.cfg` files
before it are another world.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yaml_attn.dialects import yolov5
from yaml_attn.dialects.dialect import Dialect
from yaml_attn.dialects.parser import Parser, Rule

RULES: Final[Mapping[str, Rule]] = {
    module: rule for module, rule in yolov5.RULES.items() if module not in {"Classify", "Segment"}
}
"""Module -> what the parser does with its rows."""

_PARSER: Final = Parser("YOLOv3", RULES, another="yolov3-tiny.yaml")
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("yolov3", _PARSER.title, resolve, builder="bundled")
