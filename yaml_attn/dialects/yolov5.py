"""How YOLOv5 (v5.0 to today) and YOLOv3 (v9.1, v9.6) read a row `[from, number, module, args]`.

The count after depth scaling, the channels after width scaling, what each constructor gets. A row
that names a bundled attention mechanism gets the real channels of the layer it reads, whatever its
first argument says, and keeps them. One that reads two layers, as `[[6, 4], 1, CAN, [ch, f]]`, has
two such arguments, and keeps the channels of the first. One that names attention inside a block
(`C3SE`) is read as its block is; what its args have behind the block's own are the mechanism's
parameters.

Facts: `parse_model` in `models/yolo.py` of ultralytics/yolov5, tags v5.0 to v7.0 and 5081342f.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from yaml_attn.config.network import IMAGE, Layer, Network
from yaml_attn.dialects.arguments import ACTIVATIONS, shorten, understand
from yaml_attn.dialects.base import ResolvedLayer, Settings
from yaml_attn.dialects.composed import Find, parse
from yaml_attn.dialects.scaling import ANCHORS, Scale, is_anchors, is_whole
from yaml_attn.dialects.strides import strides
from yaml_attn.errors import BuildError, ConfigError, UnknownModuleError

SCALED: Final = frozenset(
    "Bottleneck BottleneckCSP C3 C3Ghost C3SPP C3TR C3x Conv CrossConv DWConv DWConvTranspose2d"
    " Focus GhostBottleneck GhostConv MixConv2d SPP SPPF nn.ConvTranspose2d".split()
)
"""Modules whose args[0] is their output channels, scaled by `width_multiple`."""

REPEATING: Final = frozenset("BottleneckCSP C3 C3Ghost C3TR C3x".split())
"""Modules that get `number` as an argument and repeat their inside, not themselves."""

KEEPING: Final = frozenset(
    "Classify nn.AdaptiveAvgPool2d nn.AvgPool2d nn.Conv2d nn.Dropout nn.Dropout2d nn.MaxPool2d"
    " nn.ReflectionPad2d nn.ReplicationPad2d nn.Upsample nn.ZeroPad2d".split()
).union(f"nn.{activation}" for activation in ACTIVATIONS)
"""Modules that get their args as they are; the parser takes their channels to be their input's."""

MOST_REPEATS: Final = 100
"""The largest `number`, before and after depth scaling; published configs stay below 20. Each
repetition is built, so that a slip such as 1000000000 would fill the memory for hours."""

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "Detect": ("nc", "anchors"),
    "Segment": ("nc", "anchors", "nm", "npr"),
}
"""The heads, with the args that their rows have."""

MODULES: Final = (
    SCALED | KEEPING | HEADS.keys() | {"Concat", "Contract", "Expand", "nn.BatchNorm2d"}
)
"""Every module name of this dialect."""

_TAKEN: Final = MODULES.union("a args d j layers m m_ math n_ nn np os save sys t torch".split())
"""Names that an argument string would meet in the parser, none of them of use as an argument."""


def resolve(
    network: Network,
    settings: Settings,
    mechanism: Find,
    *,
    nc: int | None = None,
) -> tuple[ResolvedLayer, ...]:
    """Every layer as YOLOv5 would construct it.

    Args:
        network: the layers.
        settings: the other top-level keys of the config.
        mechanism: finds a bundled mechanism by its name, as `modules.registry.find` does.
        nc: number of classes, in place of the config's own.

    Raises:
        ConfigError: a setting is missing, or its value is of no use; or there are no layers.
        BuildError: YOLOv5 could not construct a row; its layer is named.
    """
    scale = Scale.read(settings, nc)
    if not network.layers:
        raise ConfigError("the config has no layers")
    # A name that no framework has is a mechanism's here, or is refused below.
    known = strides(network, keeps=lambda _: True)
    resolved: list[ResolvedLayer] = []
    for index, (layer, stride) in enumerate(zip(network.layers, known, strict=True)):
        row = _Row(network, layer, index, resolved, scale)
        resolved.append(row.resolved(mechanism, stride))
    return tuple(resolved)


class _Row:
    """A row with what the parser knows when it comes to it."""

    def __init__(
        self,
        network: Network,
        layer: Layer,
        index: int,
        earlier: Sequence[ResolvedLayer],
        scale: Scale,
    ) -> None:
        self.layer = layer
        self.kind = layer.module
        self.index = index
        self.scale = scale
        self.seen = [made.channels for made in earlier] or [scale.image_channels]
        reads = [network.index.get(source.key, IMAGE) for source in layer.sources]
        self.inputs = [self.seen[at] if at != IMAGE else scale.image_channels for at in reads]
        self.spelled = network.spell(layer) if reads else []
        self.args: list[Any] = []
        self.number = 1

    def resolved(self, mechanism: Find, stride: float | None) -> ResolvedLayer:
        name = self.layer.module
        try:
            self.kind = _kind(name, mechanism)
            rule = _RULES.get(self.kind) or _attention(name, mechanism)
            self.number = self._number()
            self.args = self._args()
            args, channels = rule(self)
        except (BuildError, UnknownModuleError) as error:
            raise BuildError(error.message, layer=self.index, hint=error.hint) from None
        copies = 1 if self.kind in REPEATING else max(self.number, 1)
        return ResolvedLayer(self.index, name, self.number, copies, tuple(args), channels, stride)

    @property
    def input(self) -> int:
        """Channels of the one layer it reads."""
        if self.layer.listed:
            raise BuildError(
                f"{self.layer.module} reads one layer, and its `from` is a list",
                hint="Write the number alone: -1, not [-1].",
            )
        return self.inputs[0]

    def pair(self) -> list[int]:
        """Channels of the two layers that it reads."""
        if not self.layer.listed or len(self.inputs) != 2:
            raise BuildError(
                f"{self.layer.module} reads two layers, and its `from` is "
                f"{self.spelled if self.layer.listed else 'a number'}",
                hint="Write the layer that it refines, then the one it looks at, such as [6, 4].",
            )
        if self.number > 1:
            raise BuildError(f"{self.layer.module} reads two layers, so it cannot be repeated")
        return self.inputs

    def need_list(self) -> None:
        """Refuse a `from` that is no list, or an empty one."""
        if not self.layer.listed or not self.inputs:
            what = "a number" if self.inputs else "an empty list"
            raise BuildError(
                f"{self.layer.module} reads several layers, and its `from` is {what}",
                hint="Write a list, such as [-1, 6].",
            )

    def whole(self, position: int, meaning: str) -> int:
        """The whole number above 0 at a position of args."""
        given = self.args[position : position + 1]
        if given and is_whole(given[0]):
            return int(given[0])
        seen = repr(given[0]) if given else "missing"
        raise BuildError(
            f"args[{position}] of {self.layer.module} is {seen}",
            hint=f"It must be {meaning}, a whole number above 0.",
        )

    def _number(self) -> int:
        number = self.layer.number
        if not isinstance(number, int) or isinstance(number, bool):
            raise BuildError(
                f"the number of {self.layer.module} is {number!r}",
                hint="It says how often the module is repeated: a whole number.",
            )
        if number <= MOST_REPEATS and self.scale.number(number) <= MOST_REPEATS:
            return self.scale.number(number)
        raise BuildError(
            f"the number of {self.layer.module} is {number}, with depth_multiple "
            f"{self.scale.depth:g}",
            hint=f"It says how often the module is repeated: at most {MOST_REPEATS} times, before "
            "and after depth_multiple.",
        )

    def _args(self) -> list[Any]:
        """The args with their strings understood; a mechanism's first one is not looked at."""
        names = {
            "nc": self.scale.nc,
            "anchors": self.scale.anchors,
            "na": self.scale.anchors_per_cell,
            "no": self.scale.outputs,
            "gd": self.scale.depth,
            "gw": self.scale.width,
            "ch": self.seen,
            "c2": self.seen[-1],
            "f": self.spelled,
            "i": self.index,
            "n": self.layer.number,
        }
        skipped = 0 if self.kind in MODULES else 1
        return [
            understand(arg, names, _TAKEN) if isinstance(arg, str) and at >= skipped else arg
            for at, arg in enumerate(self.layer.args)
        ]


_Rule = Callable[[_Row], tuple[Sequence[Any], int]]
"""Row -> (what the constructor gets, the output channels that the parser records)."""


def _scaled(row: _Row) -> tuple[Sequence[Any], int]:
    channels = row.scale.channels(row.whole(0, "the output channels"))
    repeats = [row.number] if row.kind in REPEATING else []
    return [row.input, channels, *repeats, *row.args[1:]], channels


def _concat(row: _Row) -> tuple[Sequence[Any], int]:
    row.need_list()
    return row.args, sum(row.inputs)


def _batch_norm(row: _Row) -> tuple[Sequence[Any], int]:
    # The parser leaves the channels of the row before, whatever this one reads.
    return [row.input], row.seen[-1]


def _head(row: _Row) -> tuple[Sequence[Any], int]:
    row.need_list()
    name, expected = row.layer.module, HEADS[row.layer.module]
    if len(row.args) != len(expected):
        hint = f"It takes [{', '.join(expected)}]."
        raise BuildError(f"{name} has {len(row.args)} args", hint=hint)
    classes, anchors = row.whole(0, "nc, the number of classes"), row.args[1]
    if isinstance(anchors, int):
        anchors = [list(range(row.whole(1, "anchors") * 2))] * len(row.inputs)
    if not is_anchors(anchors):
        raise BuildError(f"anchors are {shorten(str(anchors))}", hint=ANCHORS)
    if len(anchors) != len(row.inputs):
        raise BuildError(
            f"{name} reads {len(row.inputs)} layers, and anchors has {len(anchors)} lists",
            hint="One list of anchors is needed for each layer that it reads.",
        )
    masks = []
    if name == "Segment":
        protos = row.scale.divisible(row.whole(3, "npr, the channels of the protos"))
        masks = [row.whole(2, "nm, the number of masks"), protos]
    # As with a batch norm, the parser records the row before.
    return [classes, anchors, *masks, row.inputs], row.seen[-1]


_RULES: Final[Mapping[str, _Rule]] = {
    **dict.fromkeys(SCALED, _scaled),
    **dict.fromkeys(KEEPING, lambda row: (row.args, row.input)),
    **dict.fromkeys(HEADS, _head),
    "nn.BatchNorm2d": _batch_norm,
    "Concat": _concat,
    "Contract": lambda row: (row.args, row.input * row.whole(0, "the gain") ** 2),
    "Expand": lambda row: (row.args, row.input // row.whole(0, "the gain") ** 2),
}


def _kind(name: str, mechanism: Find) -> str:
    """The module whose rule a row follows: of attention in a block, that block."""
    composed = None if name in _RULES else parse(name, mechanism)
    if composed is None:
        return name
    if not name.isidentifier():
        raise BuildError(
            f"{name} is how the command line spells it", hint=f"Here it is {composed.spelling}."
        )
    if composed.block not in _RULES:
        raise BuildError(f"{name} is {composed}, and {composed.block} is no module of YOLOv5")
    return composed.block


def _attention(name: str, mechanism: Find) -> _Rule:
    """The rule of a bundled mechanism; an error that says what else may have been meant."""
    try:
        inputs = mechanism(name).inputs
    except UnknownModuleError as error:
        names = {known.lower(): known for known in MODULES}
        close = [names[match] for match in get_close_matches(name.lower(), names)]
        guess = f"Did you mean {', '.join(close)} of YOLOv5? " if close else ""
        raise BuildError(
            f"{name} is no module of YOLOv5, and {error.message}",
            hint=guess + (error.hint or ""),
        ) from None
    if inputs == 1:
        return lambda row: ([row.input, *row.args[1:]], row.input)
    return lambda row: ([*row.pair(), *row.args[2:]], row.inputs[0])
