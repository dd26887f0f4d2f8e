"""What YOLOv3's parser has not, of YOLOv5's."""

from __future__ import annotations

from typing import Any

import pytest

from yaml_attn.dialects import yolov5
from yaml_attn.dialects.yolov3 import RULES, resolve
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 1.0,
    "width_multiple": 1.0,
    "anchors": [[10, 13], [30, 61]],
}


def test_it_has_one_head_and_no_classifier() -> None:
    assert RULES.keys() | {"Segment", "Classify"} == yolov5.RULES.keys()
    assert not RULES.keys() & {"Segment", "Classify"}


def test_a_segmentation_head_is_refused() -> None:
    rows = [[-1, 1, "Conv", [64]], [[0], 1, "Segment", ["nc", "anchors", 32, 256]]]
    with pytest.raises(BuildError, match="layer 1: Segment is no module of YOLOv3"):
        resolve(Network.read({"head": rows}), SETTINGS, find)


def test_a_head_gets_the_channels_of_what_it_reads() -> None:
    rows = [[-1, 1, "Conv", [64]], [-1, 1, "Conv", [128]]]
    network = Network.read({"head": [*rows, [[1, 0], 1, "Detect", ["nc", "anchors"]]]})
    assert resolve(network, SETTINGS, find)[-1].args == (80, SETTINGS["anchors"], [128, 64])
