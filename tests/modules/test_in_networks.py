"""Every mechanism stands in a real network: built, run forward and backward, all finite."""

from __future__ import annotations

import pytest

import yaml_attn
from yaml_attn.modules import MECHANISMS


@pytest.mark.parametrize("name", [each.name for each in MECHANISMS.values() if each.inputs == 1])
def test_it_trains_before_sppf_and_at_p3(name: str) -> None:
    config = yaml_attn.load("yolov5n.yaml").insert(name, before="SPPF").insert(name, after="P3")
    report = config.build(imgsz=64, real=True)
    inserted = [layer for layer in report.layers if layer.module == name]
    assert [layer.shape[-3:] for layer in inserted] == [(256, 2, 2), (64, 8, 8)]
