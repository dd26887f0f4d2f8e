"""The facts of `data/yolov5.json`: 28 configs of YOLOv5 as the framework itself built them.

Rows and settings as plain data; of each layer the count after depth scaling, its parameters, its
output shape at 640 pixels and a hash of its state dict's keys and shapes; of each model the same
in whole. Measured with ultralytics/yolov5 at 5081342f and torch 2.13.0.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from yaml_attn.config.network import Network

_DATA = json.loads((Path(__file__).parent / "data" / "yolov5.json").read_text(encoding="utf-8"))
MODELS: dict[str, dict[str, Any]] = _DATA["models"]


def network(name: str) -> Network:
    return Network.read(_DATA["wirings"][MODELS[name]["wiring"]])


def settings(name: str) -> dict[str, Any]:
    found: dict[str, Any] = MODELS[name]["settings"]
    return found


def nested(value: Any) -> Any:
    """Lists as tuples, at every depth."""
    return tuple(map(nested, value)) if isinstance(value, list) else value
