"""The facts of `data/*.json`: the real frameworks' own models, as each framework itself built them.

Rows and settings as plain data; of each layer what its parser made of the row and what the built
module is. Two parameters everywhere: the framework, which is the name of its dialect and of the
file (yolov3, yolov5, yolov7, yolov9, ultralytics), and the model, a key of `models`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from yaml_attn.graph.network import Network

_CUT = "<not captured>"


class Fact(NamedTuple):
    """What the framework made of one row.

    `shape` is that of the output for an image of 640 pixels, without the batch; of several outputs
    a list of theirs. `state` hashes the keys and shapes of the state dict. `channels` is what the
    parser recorded (of CBLinear a list). `args` is what the constructor got, as far as it is plain
    data; with anything else in it the text that the framework printed; and None where that was cut
    off. YOLOv5's data have neither of these two.
    """

    number: int
    parameters: int
    shape: list[Any]
    state: str
    channels: Any = None
    args: list[Any] | str | None = None


@cache
def _data(framework: str) -> dict[str, Any]:
    path = Path(__file__).parent / "data" / f"{framework}.json"
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def models(framework: str) -> Mapping[str, dict[str, Any]]:
    """Name -> the facts of the whole model: parameters, strides, save, gflops, state, ..."""
    found: dict[str, dict[str, Any]] = _data(framework)["models"]
    return found


def network(framework: str, name: str) -> Network:
    """The rows of a model, read."""
    return Network.read(_data(framework)["wirings"][models(framework)[name]["wiring"]])


def settings(framework: str, name: str) -> dict[str, Any]:
    """The other top-level keys of its config."""
    model = models(framework)[name]
    shared: dict[str, Any] = _data(framework)["wirings"][model["wiring"]]
    found: dict[str, Any] = model["settings"] if "settings" in model else shared["settings"]
    return found


def layers(framework: str, name: str) -> list[Fact]:
    """What the framework made of each row, in their order."""
    interned = _data(framework).get("layers")
    rows = models(framework)[name]["layers"]
    facts = [Fact(*(row if interned is None else interned[row])) for row in rows]
    return [fact._replace(args=None) if fact.args == _CUT else fact for fact in facts]
