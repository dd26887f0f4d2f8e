"""YOLOv9 and GELAN: what their parser does with each module.

CBLinear gives several maps, and CBFuse picks one of each: its args count maps, not layers, and
neither's channels are scaled. Of RepNCSPELAN4, ELAN1 and SPPELAN, too, only args[0] is scaled.

Facts: `parse_model` in `models/yolo.py` of WongKinYiu/yolov9, 5b1ea9a.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from yaml_attn.dialects.dialect import Dialect
from yaml_attn.dialects.parser import Made, Parser, Row, Rule
from yaml_attn.dialects.rules import SHARED, Head, added, kept, reorganised, repeating, scaled
from yaml_attn.dialects.scaling import is_whole
from yaml_attn.errors import BuildError

SCALED: Final = frozenset(
    "AConv ADown Bottleneck Conv ConvTranspose DWConv DWConvTranspose2d ELAN1 RepNCSPELAN4 SPP"
    " SPPELAN SPPF nn.ConvTranspose2d".split()
)
"""Modules whose args[0] is their output channels, scaled by `width_multiple`."""

REPEATING: Final = frozenset(["BottleneckCSP", "SPPCSPC"])
"""Modules of the same kind that get `number` as an argument and repeat their inside."""

HEADS: Final[Mapping[str, Head]] = {
    **dict.fromkeys(["Detect", "DDetect"], Head(("nc",))),
    **dict.fromkeys(["DualDetect", "DualDDetect"], Head(("nc",), per_level=2)),
    **dict.fromkeys(["TripleDetect", "TripleDDetect"], Head(("nc",), per_level=3)),
    "Segment": Head(("nc", "nm", "npr"), scaled=2),
    "DSegment": Head(("nc", "nm", "npr"), scaled=2, more=1),
    "DualDSegment": Head(("nc", "nm", "npr"), scaled=2, per_level=2, more=2),
    # Its parser scales args[2] of every head with masks, which here is nm and not npr.
    "Panoptic": Head(("nc", "sem_nc", "nm", "npr"), scaled=2),
}


def _split(row: Row) -> Made:
    channels = row.args[0] if row.args else None
    if not isinstance(channels, list) or not channels or not all(map(is_whole, channels)):
        seen = repr(channels) if row.args else "missing"
        raise BuildError(
            f"args[0] of {row.name} is {seen}",
            hint="It must be a list of the channels of each map that it gives, such as [64, 128].",
        )
    if row.number > 1:
        raise BuildError(f"{row.name} gives several maps, so it cannot be repeated")
    return Made([row.input, *row.args], tuple(channels))


def _fused(row: Row) -> Made:
    row.need_list()
    *split, last = row.reads
    channels = row.given(last)
    if isinstance(channels, tuple):
        raise BuildError(
            f"{row.name} adds to the last layer that it reads, and {row.reader(last)} gives "
            "several maps"
        )
    picks = row.args[0] if row.args else None
    if not _is_choice(picks, len(split)):
        raise BuildError(
            f"{row.name} picks {picks} from {len(split)} layers",
            hint="args[0] must be a list that tells for each layer but the last which of its maps "
            "is added, counted from 0.",
        )
    for at, pick in zip(split, picks, strict=True):
        _check_pick(row, at, pick, channels)
    return Made(row.args, channels)


def _is_choice(value: Any, layers: int) -> TypeGuard[list[int]]:
    """Whether it is a list with a number for each of so many layers."""
    return (
        isinstance(value, list)
        and len(value) == layers
        and all(type(pick) is int for pick in value)
    )


def _check_pick(row: Row, at: int, pick: int, channels: int) -> None:
    """Refuse a map that is not there, or that cannot be added to one of so many channels."""
    maps = row.given(at)
    if isinstance(maps, int):
        raise BuildError(
            f"{row.name} picks a map of {row.reader(at)}, which gives only one",
            hint="All layers that it reads but the last must be CBLinear.",
        )
    if not -len(maps) <= pick < len(maps):
        raise BuildError(
            f"{row.name} picks map {pick} of {row.reader(at)}, which gives {len(maps)}",
            hint="They are counted from 0, and are no numbers of layers.",
        )
    if maps[pick] != channels:
        raise BuildError(
            f"{row.name} adds {maps[pick]} channels of {row.reader(at)} to {channels} channels",
            hint="width_multiple does not scale what CBLinear gives.",
        )


RULES: Final[Mapping[str, Rule]] = {
    **SHARED,
    **dict.fromkeys(SCALED, scaled),
    **dict.fromkeys(REPEATING, repeating),
    **dict.fromkeys(["MP", "SP", "Silence", "nn.Conv2d"], kept),
    "CBFuse": _fused,
    "CBLinear": _split,
    "ReOrg": reorganised,
    "Shortcut": added,
    **HEADS,
}
"""Module -> what the parser does with its rows."""

_PARSER: Final = Parser("YOLOv9", RULES, another="gelan-m.yaml")
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("yolov9", _PARSER.title, resolve, builder=None)
