"""YOLOv7: what its parser does with each module.

It knows no key `activation`. It keeps an argument string that fails to evaluate for whatever
reason, where the others keep one with an unknown name alone. Here one that is no expression is
kept; a slip such as `nn.Silu()` is refused, which YOLOv7 takes for no activation and says nothing.

Facts: `parse_model` in `models/yolo.py` of WongKinYiu/yolov7, a207844.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yaml_attn.dialects.dialect import Dialect
from yaml_attn.dialects.parser import Made, Parser, Row, Rule
from yaml_attn.dialects.rules import (
    SHARED,
    Head,
    added,
    joined,
    kept,
    reorganised,
    repeating,
    scaled,
)

SCALED: Final = frozenset(
    "Bottleneck Conv CrossConv DWConv Focus Ghost GhostConv GhostStem MixConv2d RepBottleneck"
    " RepConv RepConv_OREPA RepRes RepResX Res ResX RobustConv RobustConv2 SPP SPPF Stem"
    " SwinTransformer2Block SwinTransformerBlock nn.Conv2d".split()
)
"""Modules whose args[0] is their output channels, scaled by `width_multiple`."""

REPEATING: Final = frozenset(
    "BottleneckCSPA BottleneckCSPB BottleneckCSPC DownC GhostCSPA GhostCSPB GhostCSPC GhostSPPCSPC"
    " RepBottleneckCSPA RepBottleneckCSPB RepBottleneckCSPC RepResCSPA RepResCSPB RepResCSPC"
    " RepResXCSPA RepResXCSPB RepResXCSPC ResCSPA ResCSPB ResCSPC ResXCSPA ResXCSPB ResXCSPC"
    " SPPCSPC ST2CSPA ST2CSPB ST2CSPC STCSPA STCSPB STCSPC".split()
)
"""Modules of the same kind that get `number` as an argument and repeat their inside."""

HEADS: Final[Mapping[str, Head]] = {
    **dict.fromkeys(["Detect", "IDetect", "IBin"], Head(("nc", "anchors"))),
    # First the layers that predict, then as many that only training looks at.
    "IAuxDetect": Head(("nc", "anchors"), per_level=2),
    "IKeypoint": Head(("nc", "anchors", "nkpt")),
}


def _folded(row: Row) -> Made:
    return Made(row.args, row.input // 2)


RULES: Final[Mapping[str, Rule]] = {
    **SHARED,
    **dict.fromkeys(SCALED, scaled),
    **dict.fromkeys(REPEATING, repeating),
    **dict.fromkeys(["MP", "SP", "nn.ConvTranspose2d"], kept),
    "Chuncat": joined,
    "Foldcut": _folded,
    "ReOrg": reorganised,
    "Shortcut": added,
    **HEADS,
}
"""Module -> what the parser does with its rows."""

_PARSER: Final = Parser("YOLOv7", RULES, another="yolov7x.yaml", lenient=True)
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("yolov7", _PARSER.title, resolve, builder="bundled")
