"""Which framework a config is written for, and what nothing may be inserted after."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Final

from yaml_attn.dialects.dialect import Dialect, Settings
from yaml_attn.dialects.module_specs import HEADS
from yaml_attn.errors import UsageError
from yaml_attn.graph.network import Network

_DIALECTS: Final[Mapping[str, tuple[str, str]]] = {
    "yolov3": ("yolov3", "DIALECT"),
    "yolov5": ("yolov5", "DIALECT"),
    "yolov7": ("yolov7", "DIALECT"),
    "yolov9": ("yolov9", "DIALECT"),
    "yolov10": ("ultralytics", "YOLOV10"),
    "ultralytics": ("ultralytics", "DIALECT"),
}
"""Name -> the file that describes it and what it is called there; read when it is needed."""

NAMES: Final = tuple(_DIALECTS)
"""What `--dialect` takes."""

# Modules that tell a framework whose configs have `anchors`, as Ultralytics' have not. A config
# without any of them is read as YOLOv5's, whose rows are the common core.
_MARKS: Final[Mapping[str, frozenset[str]]] = {
    "yolov7": frozenset(
        "MP SP SPPCSPC GhostSPPCSPC RepConv RepConv_OREPA ReOrg DownC Stem Chuncat Shortcut "
        "Foldcut IDetect IAuxDetect IBin IKeypoint RobustConv RobustConv2".split()
    ),
    "yolov9": frozenset(
        "RepNCSPELAN4 ADown AConv ELAN1 SPPELAN CBLinear CBFuse Silence DualDetect TripleDetect "
        "DDetect DualDDetect TripleDDetect DSegment DualDSegment Panoptic".split()
    ),
}
_ONLY_DARKNET: Final = frozenset(["Bottleneck", "nn.MaxPool2d"])
_SINCE_YOLOV5: Final = frozenset(
    "BottleneckCSP C3 C3Ghost C3SPP C3TR C3x Contract Expand Focus GhostBottleneck GhostConv SPPF "
    "Segment".split()
)
SEVERAL_MAPS: Final[Mapping[str, str]] = {
    "CBLinear": "it returns several maps, which CBFuse picks from",
    **dict.fromkeys(HEADS, "it is a head and returns predictions"),
}
"""Modules whose output is no single feature map -> why, in words."""


def find(name: str) -> Dialect:
    """The dialect of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in _DIALECTS:
        close = get_close_matches(name.lower(), NAMES)
        guess = f"Did you mean {close[0]}? " if close else ""
        raise UsageError(
            f"there is no dialect {name}",
            hint=f"{guess}There are {', '.join(NAMES)}; RT-DETR is Ultralytics'.",
        )
    file, variable = _DIALECTS[name]
    found: Dialect = getattr(import_module(f"yaml_attn.dialects.{file}"), variable)
    return found


def recognise(network: Network, settings: Settings) -> str:
    """The name of the dialect that a config is written in, told from its content."""
    modules = {layer.module for layer in network.layers}
    if "scales" in settings or "anchors" not in settings:
        return "yolov10" if "v10Detect" in modules else "ultralytics"
    # YOLOv9 took modules over from YOLOv7, not the other way round; its heads take no anchors.
    plain_head = any("anchors" not in last.args for last in network.layers[-1:])
    if modules & _MARKS["yolov9"] or (plain_head and isinstance(settings["anchors"], int)):
        return "yolov9"
    if modules & _MARKS["yolov7"]:
        return "yolov7"
    return "yolov3" if modules & _ONLY_DARKNET and not modules & _SINCE_YOLOV5 else "yolov5"


def family(name: str) -> str:
    """The framework whose parser reads configs of a dialect: YOLOv3's is YOLOv5's, for one."""
    return {"yolov3": "yolov5", "yolov10": "ultralytics"}.get(name, name)


def several_maps(network: Network, key: int) -> str | None:
    """Why the layer's output is no single feature map, in words; None if it is one."""
    layer = network[key]
    if layer.module == "TorchVision" and layer.args[-1:] == [True]:
        return "it returns the maps of all stages, which Index picks from"
    return SEVERAL_MAPS.get(layer.module)
