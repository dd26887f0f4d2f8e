"""The layers that YOLOv7 has and YOLOv5 has not, or has under the same name with other arguments.

Their names, in rows and in checkpoints, are those of WongKinYiu/yolov7 at a207844.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from torch import nn

from yaml_attn.blocks.ghost import GhostBottleneck
from yaml_attn.blocks.yolov7.conv import Conv, DWConv, MixConv2d, RobustConv, RobustConv2
from yaml_attn.blocks.yolov7.csp import (
    BottleneckCSPA,
    BottleneckCSPB,
    BottleneckCSPC,
    GhostCSPA,
    GhostCSPB,
    GhostCSPC,
    ResCSPA,
    ResCSPB,
    ResCSPC,
    ResXCSPA,
    ResXCSPB,
    ResXCSPC,
)
from yaml_attn.blocks.yolov7.downsampling import DownC, GhostStem, Stem
from yaml_attn.blocks.yolov7.heads import Detect, IAuxDetect, IBin, IDetect, IKeypoint
from yaml_attn.blocks.yolov7.orepa import RepConv_OREPA
from yaml_attn.blocks.yolov7.pooling import SPPCSPC, GhostSPPCSPC
from yaml_attn.blocks.yolov7.rep import (
    RepBottleneck,
    RepBottleneckCSPA,
    RepBottleneckCSPB,
    RepBottleneckCSPC,
    RepConv,
    RepRes,
    RepResCSPA,
    RepResCSPB,
    RepResCSPC,
    RepResX,
    RepResXCSPA,
    RepResXCSPB,
    RepResXCSPC,
)
from yaml_attn.blocks.yolov7.reshape import MP, SP, Chuncat, Foldcut, ReOrg, Shortcut
from yaml_attn.blocks.yolov7.residual import Res, ResX

__all__ = ["NOT_BUNDLED", "OWN"]

OWN: Final[Mapping[str, type[nn.Module]]] = {
    "BottleneckCSPA": BottleneckCSPA,
    "BottleneckCSPB": BottleneckCSPB,
    "BottleneckCSPC": BottleneckCSPC,
    "Chuncat": Chuncat,
    "Conv": Conv,
    "DWConv": DWConv,
    "Detect": Detect,
    "DownC": DownC,
    "Foldcut": Foldcut,
    "Ghost": GhostBottleneck,
    "GhostCSPA": GhostCSPA,
    "GhostCSPB": GhostCSPB,
    "GhostCSPC": GhostCSPC,
    "GhostSPPCSPC": GhostSPPCSPC,
    "GhostStem": GhostStem,
    "IAuxDetect": IAuxDetect,
    "IBin": IBin,
    "IDetect": IDetect,
    "IKeypoint": IKeypoint,
    "MP": MP,
    "MixConv2d": MixConv2d,
    "ReOrg": ReOrg,
    "RepBottleneck": RepBottleneck,
    "RepBottleneckCSPA": RepBottleneckCSPA,
    "RepBottleneckCSPB": RepBottleneckCSPB,
    "RepBottleneckCSPC": RepBottleneckCSPC,
    "RepConv": RepConv,
    "RepConv_OREPA": RepConv_OREPA,
    "RepRes": RepRes,
    "RepResCSPA": RepResCSPA,
    "RepResCSPB": RepResCSPB,
    "RepResCSPC": RepResCSPC,
    "RepResX": RepResX,
    "RepResXCSPA": RepResXCSPA,
    "RepResXCSPB": RepResXCSPB,
    "RepResXCSPC": RepResXCSPC,
    "Res": Res,
    "ResCSPA": ResCSPA,
    "ResCSPB": ResCSPB,
    "ResCSPC": ResCSPC,
    "ResX": ResX,
    "ResXCSPA": ResXCSPA,
    "ResXCSPB": ResXCSPB,
    "ResXCSPC": ResXCSPC,
    "RobustConv": RobustConv,
    "RobustConv2": RobustConv2,
    "SP": SP,
    "SPPCSPC": SPPCSPC,
    "Shortcut": Shortcut,
    "Stem": Stem,
}
"""The name that a row writes -> the class."""

NOT_BUNDLED: Final = frozenset(
    "ST2CSPA ST2CSPB ST2CSPC STCSPA STCSPB STCSPC SwinTransformer2Block"
    " SwinTransformerBlock".split()
)
"""Modules that YOLOv7 has too. No config of its own uses them."""
