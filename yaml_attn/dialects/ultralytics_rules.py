"""What the parser of Ultralytics does with each module.

Facts: `parse_model` in `nn/tasks.py`, 8.4.190. Versions before 8.4 tell the heads nothing of
`reg_max` and `end2end`, and older ones leave a row unscaled that asks for just `nc` channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from yaml_attn.dialects import yolov9
from yaml_attn.dialects.parser import Made, Row, Rule
from yaml_attn.dialects.rules import MEANINGS, joined, kept, repeating, scaled
from yaml_attn.dialects.scaling import is_whole
from yaml_attn.dialects.ultralytics_scaling import Scaling
from yaml_attn.errors import BuildError

SCALED: Final = frozenset(
    "AConv ADown Bottleneck Conv ConvTranspose DWConv DWConvTranspose2d ELAN1 Focus GhostBottleneck"
    " GhostConv PSA RepNCSPELAN4 SCDown SPP SPPELAN SPPF nn.ConvTranspose2d".split()
)
"""Modules whose args[0] is their output channels: at most `max_channels`, then scaled."""

REPEATING: Final = frozenset(
    "BottleneckCSP C1 C2 C2PSA C2f C2fCIB C2fPSA C3 C3Ghost C3TR C3x RepC3".split()
)
"""Modules of the same kind that get `number` as an argument and repeat their inside."""

KEEPING: Final = frozenset("Conv2 RepConv RepVGGDW nn.Identity".split())
"""Modules that it treats as ones it does not know, and so all layers of torch and torchvision."""

_MEANINGS: Final[Mapping[str, str]] = {
    **MEANINGS,
    "ne": "ne, the number of extra outputs",
    "embed": "embed, the length of a text's embedding",
}

_WIDEST: Final = 16
"""The largest expansion of a block; 0.5 is usual."""


def _scaling(row: Row) -> Scaling:
    return cast("Scaling", row.scale)


def _unrecorded(row: Row, *args: Any) -> Made:
    """What the constructor gets; the parser records the channels of the row before once more."""
    return Made(args, row.seen[-1])


def _classify(row: Row) -> Made:
    classes = row.whole(0, _MEANINGS["nc"])
    return Made([row.input, classes, *row.args[1:]], classes)


def _c3k2(row: Row) -> Made:
    made = repeating(row)
    args = list(made.args)
    if _scaling(row).name in {"m", "l", "x"}:
        args[3:4] = [True]
    return made._replace(args=args)


def _a2c2f(row: Row) -> Made:
    made = repeating(row)
    large = [True, 1.2] if _scaling(row).name in {"l", "x"} else []
    return made._replace(args=[*made.args, *large])


def _c2f_attn(row: Row) -> Made:
    """args[2] is the number of heads; args[1], the width, is computed whatever the row says."""
    made, scaling = repeating(row), _scaling(row)
    heads = row.whole(2, "the number of heads")
    if heads > 1:
        most = min(heads, scaling.max_channels // 2 // 32)
        heads = int(max(round(most) * scaling.width, 1))
    source, channels, number, _, _, *more = made.args
    expansion = row.args[6] if len(row.args) > 6 else 0.5
    if not isinstance(expansion, int | float) or not 0 <= expansion <= _WIDEST:
        raise BuildError(f"args[6] of {row.name} is {expansion!r}", hint="It is the expansion.")
    hidden = int(channels * expansion)
    if hidden % heads:
        raise BuildError(
            f"{row.name} divides {hidden} channels, of {channels}, among {heads} heads",
            hint="Another width, number of heads (args[2]) or expansion (args[6]) must fit.",
        )
    return made._replace(args=[source, channels, number, hidden, heads, *more])


def _hg_stem(row: Row) -> Made:
    channels = row.whole(1, "the output channels")
    return Made([row.input, row.whole(0, "the inner channels"), channels, *row.args[2:]], channels)


def _hg_block(row: Row) -> Made:
    made = _hg_stem(row)
    args = [*made.args[:4], row.number, *made.args[4:]]
    return made._replace(args=args, repeats_inside=True)


def _res_net_layer(row: Row) -> Made:
    channels = row.whole(1, "the channels of its blocks")
    if len(row.args) < 4:
        raise BuildError(f"{row.name} has {len(row.args)} args", hint="It takes at least 4.")
    return Made(row.args, channels if row.args[3] else channels * 4)


def _picked(row: Row) -> Made:
    _ = row.input  # it must read one layer
    return Made(row.args[1:], row.whole(0, "the output channels"))


def _silence(row: Row) -> Made:
    if row.index:
        raise BuildError(f"{row.name} can only be the first layer", hint="Write nn.Identity.")
    return kept(row)


def _depth(row: Row) -> Made:
    # Whatever stands behind the width is of an older form, and dropped.
    return _unrecorded(row, row.whole(0, "the width of the head"), row.several())


def _with_inputs_second(row: Row) -> Made:
    first = row.whole(0, _MEANINGS["nc" if row.name == "RTDETRDecoder" else "embed"])
    return _unrecorded(row, first, row.several(), *row.args[1:])


@dataclass(frozen=True, slots=True)
class Head:
    """The rule of a head.

    `args` names what its row has, `scaled` the position among them that the width applies to,
    `told` whether it gets `reg_max` and `end2end`; the channels of all it reads come last.
    """

    args: tuple[str, ...]
    scaled: int | None = None
    told: bool = True

    def __call__(self, row: Row) -> Made:
        """What the head of a row gets."""
        inputs, scaling = row.several(), _scaling(row)
        if len(row.args) != len(self.args):
            raise BuildError(
                f"{row.name} has {len(row.args)} args", hint=f"It takes [{', '.join(self.args)}]."
            )
        args = [self._checked(row, position) for position in range(len(self.args))]
        if self.scaled is not None:
            args[self.scaled] = scaling.divisible(args[self.scaled])
        told = [scaling.reg_max, scaling.end2end] if self.told else []
        return _unrecorded(row, *args, *told, inputs)

    def _checked(self, row: Row, position: int) -> Any:
        name, given = self.args[position], row.args[position]
        if name in _MEANINGS:
            return row.whole(position, _MEANINGS[name])
        if name == "kpt_shape" and not (
            isinstance(given, list) and len(given) == 2 and all(map(is_whole, given))
        ):
            raise BuildError(
                f"args[{position}] of {row.name} is {given!r}",
                hint="kpt_shape must be the number of keypoints and of values each, as [17, 3].",
            )
        return given


HEADS: Final[Mapping[str, Rule]] = {
    "Detect": Head(("nc",)),
    "v10Detect": Head(("nc",), told=False),
    **dict.fromkeys(["Segment", "Segment26"], Head(("nc", "nm", "npr"), scaled=2)),
    **dict.fromkeys(["Pose", "Pose26"], Head(("nc", "kpt_shape"))),
    **dict.fromkeys(["OBB", "OBB26"], Head(("nc", "ne"))),
    **dict.fromkeys(["WorldDetect", "YOLOEDetect"], Head(("nc", "embed", "with_bn"))),
    **dict.fromkeys(
        ["YOLOESegment", "YOLOESegment26"], Head(("nc", "nm", "npr", "embed", "with_bn"), scaled=2)
    ),
    "SemanticSegment": Head(("nc",), told=False),
    "Depth": _depth,
    "Classify": _classify,
    "RTDETRDecoder": _with_inputs_second,
}
"""The modules that end a network."""

RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(SCALED, scaled),
    **dict.fromkeys(REPEATING, repeating),
    **dict.fromkeys(KEEPING, kept),
    "A2C2f": _a2c2f,
    "AIFI": lambda row: _unrecorded(row, row.input, *row.args),
    "C2fAttn": _c2f_attn,
    "C3k2": _c3k2,
    "CBFuse": yolov9.RULES["CBFuse"],
    "CBLinear": yolov9.RULES["CBLinear"],
    "Concat": joined,
    "HGBlock": _hg_block,
    "HGStem": _hg_stem,
    "ImagePoolingAttn": _with_inputs_second,
    "ResNetLayer": _res_net_layer,
    "Silence": _silence,
    "nn.BatchNorm2d": lambda row: _unrecorded(row, row.input),
    **dict.fromkeys(["Index", "TorchVision"], _picked),
    **HEADS,
}
"""Every module of this dialect, but for the layers of torch and torchvision."""
