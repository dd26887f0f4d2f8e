"""The layers of the base networks themselves, so that a config builds without its framework.

Written from the networks' published structure; the names of their parameters are those of
YOLOv5's checkpoints, which therefore fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import nn

from yaml_attn.blocks.conv import Conv, CrossConv, DWConv, DWConvTranspose2d, Focus, MixConv2d
from yaml_attn.blocks.csp import C3, C3SPP, C3TR, Bottleneck, BottleneckCSP, C3Ghost, C3x
from yaml_attn.blocks.ghost import GhostBottleneck, GhostConv
from yaml_attn.blocks.heads import Classify, Detect, Segment
from yaml_attn.blocks.pooling import SPP, SPPF
from yaml_attn.blocks.reshape import Concat, Contract, Expand
from yaml_attn.dialects.arguments import ACTIVATIONS

__all__ = ["BLOCKS"]

BLOCKS: Final[Mapping[str, type[nn.Module]]] = {
    "Bottleneck": Bottleneck,
    "BottleneckCSP": BottleneckCSP,
    "C3": C3,
    "C3Ghost": C3Ghost,
    "C3SPP": C3SPP,
    "C3TR": C3TR,
    "C3x": C3x,
    "Classify": Classify,
    "Concat": Concat,
    "Contract": Contract,
    "Conv": Conv,
    "CrossConv": CrossConv,
    "DWConv": DWConv,
    "DWConvTranspose2d": DWConvTranspose2d,
    "Detect": Detect,
    "Expand": Expand,
    "Focus": Focus,
    "GhostBottleneck": GhostBottleneck,
    "GhostConv": GhostConv,
    "MixConv2d": MixConv2d,
    "SPP": SPP,
    "SPPF": SPPF,
    "Segment": Segment,
    "nn.AdaptiveAvgPool2d": nn.AdaptiveAvgPool2d,
    "nn.AvgPool2d": nn.AvgPool2d,
    "nn.BatchNorm2d": nn.BatchNorm2d,
    "nn.Conv2d": nn.Conv2d,
    "nn.ConvTranspose2d": nn.ConvTranspose2d,
    "nn.Dropout": nn.Dropout,
    "nn.Dropout2d": nn.Dropout2d,
    "nn.MaxPool2d": nn.MaxPool2d,
    "nn.ReflectionPad2d": nn.ReflectionPad2d,
    "nn.ReplicationPad2d": nn.ReplicationPad2d,
    "nn.Upsample": nn.Upsample,
    "nn.ZeroPad2d": nn.ZeroPad2d,
    **{f"nn.{name}": getattr(nn, name) for name in ACTIVATIONS},
}
"""The name that a row writes -> the class."""
