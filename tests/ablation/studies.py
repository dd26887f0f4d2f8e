"""What the tests of studies share: bases of the user's, a class, and the fixtures' types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from configs import SMALL

from yaml_attn.ablation import Study

Write: TypeAlias = Callable[[str], Path]
Read: TypeAlias = Callable[[str], Study]
Names: TypeAlias = Callable[[str], list[str]]

SCALED = SMALL.replace(
    "depth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: [[10, 13], [30, 61]]\n",
    "scales:\n  n: [0.5, 0.25, 1024]\n  s: [0.5, 0.5, 1024]\n",
).replace("[nc, anchors]", "[nc]")
"""The same layers as an Ultralytics config of two scales."""

OWN = """\
from torch import nn


class Scale(nn.Module):
    def __init__(self, channels, by: float = 2.0):
        super().__init__()
        self.by = by
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.norm(x) * self.by
"""
