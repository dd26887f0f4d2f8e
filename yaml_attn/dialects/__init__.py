"""Which framework a config is written for, and what nothing may be inserted after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yaml_attn.config.network import Network
from yaml_attn.dialects.base import Settings
from yaml_attn.dialects.strides import HEADS

# Modules that only one framework's parser knows. YOLOv5 has none of these; a config without any
# of them is read as YOLOv5's, whose rows are the common core.
_MARKS: Final[Mapping[str, frozenset[str]]] = {
    "yolov7": frozenset(
        "MP SP SPPCSPC GhostSPPCSPC RepConv RepConv_OREPA ReOrg DownC Stem Chuncat Shortcut "
        "Foldcut IDetect IAuxDetect IBin IKeypoint RobustConv RobustConv2".split()
    ),
    "yolov9": frozenset(
        "RepNCSPELAN4 ADown AConv ELAN1 SPPELAN CBLinear CBFuse Silence DualDetect TripleDetect "
        "DDetect DualDDetect TripleDDetect DSegment DualDSegment Panoptic".split()
    ),
    "ultralytics": frozenset(
        "C2f C2 C3k2 A2C2f C2fAttn C2fCIB C2PSA PSA SCDown RepC3 HGStem HGBlock AIFI Index "
        "TorchVision ResNetLayer v10Detect RTDETRDecoder Pose OBB WorldDetect YOLOEDetect "
        "ImagePoolingAttn Pose26 OBB26 Segment26 Classify".split()
    ),
}

SEVERAL_MAPS: Final[Mapping[str, str]] = {
    "CBLinear": "it returns several maps, which CBFuse picks from",
    **dict.fromkeys(HEADS, "it is a head and returns predictions"),
}
"""Modules whose output is no single feature map -> why, in words."""


def recognise(network: Network, settings: Settings) -> str:
    """The dialect: "yolov5", "yolov7", "yolov9" or "ultralytics"."""
    modules = {layer.module for layer in network.layers}
    if "scales" in settings or ("anchors" not in settings and "end2end" in settings):
        return "ultralytics"
    for dialect, marks in _MARKS.items():
        if modules & marks and not (dialect == "ultralytics" and "anchors" in settings):
            return dialect
    return "yolov5" if "anchors" in settings else "ultralytics"


def several_maps(network: Network, key: int) -> str | None:
    """Why the layer's output is no single feature map, in words; None if it is one."""
    layer = network[key]
    if layer.module == "TorchVision" and layer.args[-1:] == [True]:
        return "it returns the maps of all stages, which Index picks from"
    return SEVERAL_MAPS.get(layer.module)
