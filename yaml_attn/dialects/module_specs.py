"""By how much each framework's own modules shrink a map, told from a row alone.

One table for all frameworks of the family: where two of them know a module, they agree on its
stride. Facts: the modules of ultralytics/yolov5 (v1.0 to v7.0), ultralytics/ultralytics (8.0 to
8.4), WongKinYiu/yolov7 and yolov9, THU-MIG/yolov10.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from yaml_attn.dialects.block_attention import host
from yaml_attn.graph.network import IMAGE, Network

Args = Sequence[Any]

EQUAL_JOINS: Final = frozenset(["Concat", "Chuncat", "Shortcut"])
"""Modules that read several maps of equal height and width and give one."""

LEVEL_HEADS: Final = frozenset(
    "Detect Segment Pose OBB v10Detect WorldDetect YOLOEDetect YOLOESegment Segment26 Pose26 OBB26 "
    "YOLOESegment26 RTDETRDecoder IDetect IAuxDetect IBin IKeypoint ISegment IV6Detect DDetect "
    "DualDetect DualDDetect TripleDetect TripleDDetect".split()
)
"""Heads that read one map a level, finest first; those with auxiliary levels several times over."""

HEADS: Final = frozenset(
    [*LEVEL_HEADS, *"Classify SemanticSegment Depth DSegment DualDSegment Panoptic MT".split()]
)
"""Modules that end a network."""

_KEEPS: Final = frozenset(
    """
    A2C2f AIFI Bottleneck BottleneckCSP BottleneckCSPA BottleneckCSPB BottleneckCSPC C1 C2 C2PSA C2f
    C2fAttn C2fCIB C2fPSA C3 C3Ghost C3SPP C3TR C3k C3k2 C3x ELAN1 Foldcut Ghost GhostCSPA
    GhostCSPB GhostCSPC GhostSPPCSPC HGBlock Merge PSA Refine RepBottleneck RepBottleneckCSPA
    RepBottleneckCSPB RepBottleneckCSPC RepC3 RepNCSPELAN4 RepRes RepResCSPA RepResCSPB RepResCSPC
    RepResX RepResXCSPA RepResXCSPB RepResXCSPC Res ResCSPA ResCSPB ResCSPC ResX ResXCSPA ResXCSPB
    ResXCSPC SP SPP SPPCSPC SPPELAN SPPF ST2CSPA ST2CSPB ST2CSPC STCSPA STCSPB STCSPC Silence
    SwinTransformer2Block SwinTransformerBlock TransformerBlock nn.BatchNorm2d nn.Dropout
    nn.Dropout2d nn.Identity nn.ReflectionPad2d nn.ReplicationPad2d nn.ZeroPad2d nn.LeakyReLU
    nn.ReLU nn.SiLU
    """.split()
)
_SILENT: Final = frozenset(
    "ImagePoolingAttn Index RobustConv2 TorchVision nn.AdaptiveAvgPool2d".split()
)
"""Modules that a row says too little about."""

LARGEST: Final = 2**16
"""Pixels; an argument beyond it is no stride. Powers of it would leave the range of a float."""


def _power(value: Any) -> int | None:
    """The n of 2**n, for a whole number above 0."""
    whole = type(value) is int and 0 < value < LARGEST and value & (value - 1) == 0
    return value.bit_length() - 1 if whole else None


def _negative(halvings: int | None) -> int | None:
    return None if halvings is None else -halvings


def _argument(args: Args, position: int, default: Any = 1) -> Any:
    return args[position] if position < len(args) else default


def _strided(args: Args) -> int | None:
    return _power(_argument(args, 2))


def _pooled(args: Args) -> int | None:
    stride = _argument(args, 1, None)
    return _power(_argument(args, 0, None) if stride is None else stride)


def _either_way(args: Args) -> int | None:
    """Of args read as (c2, kernel, stride) and as (c1, c2, kernel, stride), if both say the same.

    YOLOv5 gave up the first form for the second with v3.1, YOLOv7 has kept it.
    """
    without_input, with_input = _strided(args), _power(_argument(args, 3))
    return with_input if with_input == without_input else None


def _residual(args: Args) -> int | None:  # (c1, c2, stride, is_first): the first is conv and pool
    return 2 if _argument(args, 3, default=False) else _strided(args)


_CONVOLUTIONS: Final = frozenset(
    "Conv CrossConv DWConv GhostBottleneck GhostConv GhostStem MixConv2d RepConv RepConvN "
    "RepConv_OREPA RobustConv SCDown".split()
)
_HALVINGS: Final[Mapping[str, Callable[[Args], int | None]]] = {
    **dict.fromkeys(_KEEPS | EQUAL_JOINS | {"CBFuse"}, lambda _: 0),
    **dict.fromkeys(_SILENT, lambda _: None),
    **dict.fromkeys(_CONVOLUTIONS, _strided),
    **dict.fromkeys(["ADown", "AConv", "DownC", "ReOrg"], lambda _: 1),
    **dict.fromkeys(["Stem", "HGStem"], lambda _: 2),
    **dict.fromkeys(["nn.MaxPool2d", "nn.AvgPool2d"], _pooled),
    "MP": lambda args: _power(_argument(args, 0, 2)),
    "Focus": lambda args: 1 + (_strided(args) or 0),
    "Contract": lambda args: _power(_argument(args, 0, 2)),
    "Expand": lambda args: _negative(_power(_argument(args, 0, 2))),
    "CBLinear": _strided,
    "ResNetLayer": _residual,
    "nn.Conv2d": _either_way,
    "nn.Upsample": lambda args: _negative(_power(_argument(args, 1, None))),
    "ConvTranspose": lambda args: _negative(_power(_argument(args, 2, 2))),
    "DWConvTranspose2d": lambda args: _negative(_power(_argument(args, 3))),
    "nn.ConvTranspose2d": lambda args: _negative(_strided(args)),
}

DOWNSAMPLING: Final = _CONVOLUTIONS.union(
    ["ADown", "AConv", "DownC", "MP", "nn.Conv2d", "nn.MaxPool2d"]
)
"""Modules that do nothing but make a map smaller, if they do."""

MODULES: Final = frozenset(_HALVINGS) | HEADS
"""Every module name that one of the frameworks has."""


def plain(module: str) -> str:
    """A module's name without the blanks that some write in it (`nn. Upsample`)."""
    return module.replace(" ", "")


def is_known(module: str) -> bool:
    """Whether one of the frameworks has a module of this name."""
    return plain(module) in MODULES or plain(module).startswith(("nn.", "torchvision."))


def halvings(module: str, args: Args) -> int | None:
    """How often the module halves height and width (-1: it doubles them); None if unknown."""
    rule = _rule(module)
    return rule(args) if rule else None


def _rule(module: str) -> Callable[[Args], int | None] | None:
    """What tells a module's halvings: its own entry, or that of the block it is named after."""
    name = plain(module)
    return _HALVINGS.get(name) or _HALVINGS.get(host(name) or "")


def strides(network: Network, keeps: Callable[[str], bool] = lambda _: False) -> list[float | None]:
    """The stride of each layer's output, in pixels of the image; None where the rows do not tell.

    Of a layer with several inputs it is that of the first, of CBFuse that of the last.

    Args:
        network: the layers.
        keeps: whether a module that no framework knows keeps the size of its map, by its name.
    """
    found: list[float | None] = []
    for layer in network.layers:
        inputs = [
            1.0 if source.key == IMAGE else found[network.index[source.key]]
            for source in layer.sources
        ]
        name = plain(layer.module)
        rule = _rule(name)
        halved = rule(layer.args) if rule else 0 if keeps(layer.module) else None
        before = inputs[-1 if name == "CBFuse" else 0] if inputs else None
        if before is None or halved is None or name in HEADS:
            found.append(None)
        else:
            found.append(_scaled(before, halved))
    return found


def _scaled(before: float, halvings: int) -> float | None:
    """A stride after some halvings; None where that leaves the range of a float."""
    try:
        return math.ldexp(before, halvings) or None
    except OverflowError:
        return None


def enlarges(module: str, args: Args) -> bool:
    """Whether the module makes maps larger and does nothing else."""
    return (halvings(module, args) or 0) < 0


def shrinks(module: str, args: Args) -> bool:
    """Whether the module makes maps smaller and does nothing else."""
    return plain(module) in DOWNSAMPLING and (halvings(module, args) or 0) > 0
