"""The layers of the base networks themselves, so that a config builds without its framework.

Written from the networks' published structure; the names of their parameters are those of the
frameworks' checkpoints, which therefore fit. One table a dialect: frameworks call different layers
by one name.

Unless it says otherwise, a layer maps (N, c1, H, W) to (N, c2, H/s, W/s). Its arguments have the
frameworks' names: c1 and c2 are the channels in and out, k is the kernel size, s the stride, p the
padding, d the dilation, g the number of groups, n how often what is inside is repeated, e its width
as a share of c2, act the activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import nn

from yaml_attn.blocks import conv, csp, ghost, heads, pooling, reshape, yolov7
from yaml_attn.dialects.arguments import ACTIVATIONS

__all__ = ["BLOCKS", "NOT_BUNDLED"]

_SHARED: Final[Mapping[str, type[nn.Module]]] = {
    "Bottleneck": csp.Bottleneck,
    "Concat": reshape.Concat,
    "Contract": reshape.Contract,
    "CrossConv": conv.CrossConv,
    "Expand": reshape.Expand,
    "Focus": conv.Focus,
    "GhostConv": ghost.GhostConv,
    "SPP": pooling.SPP,
    "SPPF": pooling.SPPF,
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

_YOLOV3: Final[Mapping[str, type[nn.Module]]] = {
    **_SHARED,
    "BottleneckCSP": csp.BottleneckCSP,
    "C3": csp.C3,
    "C3Ghost": csp.C3Ghost,
    "C3SPP": csp.C3SPP,
    "C3TR": csp.C3TR,
    "C3x": csp.C3x,
    "Conv": conv.Conv,
    "DWConv": conv.DWConv,
    "DWConvTranspose2d": conv.DWConvTranspose2d,
    "Detect": heads.Detect,
    "GhostBottleneck": ghost.GhostBottleneck,
    "MixConv2d": conv.MixConv2d,
}

BLOCKS: Final[Mapping[str, Mapping[str, type[nn.Module]]]] = {
    "yolov3": _YOLOV3,
    "yolov5": {**_YOLOV3, "Classify": heads.Classify, "Segment": heads.Segment},
    "yolov7": {**_SHARED, **yolov7.OWN},
}
"""The name of a dialect -> the name that a row writes -> the class."""

NOT_BUNDLED: Final[Mapping[str, frozenset[str]]] = {"yolov7": yolov7.NOT_BUNDLED}
"""The name of a dialect -> the modules that its framework has and that are not here."""
