"""What YOLOv3, YOLOv5, YOLOv7 and YOLOv9 do with a row, told once for modules that they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yaml_attn.dialects.arguments import ACTIVATIONS, shorten
from yaml_attn.dialects.parser import Made, Row, Rule
from yaml_attn.dialects.scaling import ANCHORS, is_anchors
from yaml_attn.errors import BuildError

TORCH_LAYERS: Final = frozenset(
    "nn.AdaptiveAvgPool2d nn.AvgPool2d nn.Dropout nn.Dropout2d nn.MaxPool2d nn.ReflectionPad2d"
    " nn.ReplicationPad2d nn.Upsample nn.ZeroPad2d".split()
).union(f"nn.{activation}" for activation in ACTIVATIONS)
"""Layers of torch that none of the parsers knows: read as `kept` says."""


def scaled(row: Row) -> Made:
    """args[0] is the output channels, scaled by `width_multiple`."""
    channels = row.scale.channels(row.whole(0, "the output channels"))
    return Made([row.input, channels, *row.args[1:]], channels)


def repeating(row: Row) -> Made:
    """As `scaled`; the module gets `number` as an argument and repeats its inside."""
    channels = row.scale.channels(row.whole(0, "the output channels"))
    return Made([row.input, channels, row.number, *row.args[1:]], channels, repeats_inside=True)


def kept(row: Row) -> Made:
    """The args are the constructor's as they are; the channels are taken to be the input's."""
    return Made(row.args, row.input)


def joined(row: Row) -> Made:
    """The channels of all inputs, one behind the other."""
    return Made(row.args, sum(row.several()))


def added(row: Row) -> Made:
    """Two maps, added."""
    inputs = row.several()
    if len(inputs) != 2:
        raise BuildError(
            f"{row.name} adds two layers, and its `from` is {row.spelled}",
            hint="Write both of them, such as [-1, -3].",
        )
    return Made(row.args, inputs[0])


def reorganised(row: Row) -> Made:
    """Each 2x2 pixels as four times the channels."""
    return Made(row.args, row.input * 4)


def _batch_norm(row: Row) -> Made:
    # The parsers leave the channels of the row before, whatever this one reads.
    return Made([row.input], row.seen[-1])


def _contract(row: Row) -> Made:
    return Made(row.args, row.input * row.whole(0, "the gain") ** 2)


def _expand(row: Row) -> Made:
    return Made(row.args, row.input // row.whole(0, "the gain") ** 2)


SHARED: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(TORCH_LAYERS, kept),
    "Concat": joined,
    "Contract": _contract,
    "Expand": _expand,
    "nn.BatchNorm2d": _batch_norm,
}
"""What all four do alike."""

MEANINGS: Final[Mapping[str, str]] = {
    "nc": "nc, the number of classes",
    "nm": "nm, the number of masks",
    "npr": "npr, the channels of the protos",
    "nkpt": "nkpt, the number of keypoints",
    "sem_nc": "sem_nc, the number of semantic classes",
}
"""What a head's row says with a whole number, in words."""


@dataclass(frozen=True, slots=True)
class Head:
    """The rule of a head.

    `args` names what its row has, `scaled` the position among them that `width_multiple` applies
    to. It reads `per_level` layers for each level of the pyramid, and `more` behind them.
    """

    args: tuple[str, ...]
    scaled: int | None = None
    per_level: int = 1
    more: int = 0

    def __call__(self, row: Row) -> Made:
        """The args, and behind them the channels of all layers that it reads."""
        inputs = row.several()
        if len(row.args) != len(self.args):
            raise BuildError(
                f"{row.name} has {len(row.args)} args", hint=f"It takes [{', '.join(self.args)}]."
            )
        args = [self._understood(row, position) for position in range(len(self.args))]
        if self.scaled is not None:
            args[self.scaled] = row.scale.divisible(args[self.scaled])
        levels, over = divmod(len(inputs) - self.more, self.per_level)
        if over or levels < 1:
            raise BuildError(f"{row.name} reads {len(inputs)} layers", hint=self._reads())
        # As with a batch norm, the parsers record the row before.
        return Made([*args, inputs], row.seen[-1])

    def _understood(self, row: Row, position: int) -> Any:
        name = self.args[position]
        if name != "anchors":
            return row.whole(position, MEANINGS[name])
        anchors = row.args[position]
        if isinstance(anchors, int):
            anchors = [list(range(row.whole(position, "anchors") * 2))] * len(row.reads)
        if not is_anchors(anchors):
            raise BuildError(f"anchors are {shorten(str(anchors))}", hint=ANCHORS)
        if len(anchors) * self.per_level != len(row.reads):
            raise BuildError(
                f"{row.name} reads {len(row.reads)} layers, and anchors has {len(anchors)} lists",
                hint=f"One list of anchors is needed for each level. {self._reads()}",
            )
        return anchors

    def _reads(self) -> str:
        """How many layers it reads, in words."""
        each = "one layer" if self.per_level == 1 else f"{self.per_level} layers"
        more = f", and {self.more} more" if self.more else ""
        return f"It reads {each} for each level{more}."
