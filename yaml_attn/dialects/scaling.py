"""The settings that rows depend on in the frameworks of the YOLOv5 family, and what they do.

`depth_multiple` scales how often a module is repeated, `width_multiple` its output channels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yaml_attn.dialects.arguments import TorchCall, shorten, understand
from yaml_attn.dialects.dialect import Settings, scaled_number
from yaml_attn.errors import BuildError, ConfigError

LARGEST: Final = 2**20
"""Of channels and multiples; products of what is beyond it would leave the range of a float."""

ANCHORS: Final = (
    "They must be one list of widths and heights for each output, such as"
    " [10,13, 16,30, 33,23], all equally long, or the number of anchors."
)


@dataclass(frozen=True, slots=True)
class Scale:
    """The settings, read and checked once."""

    nc: int
    anchors: int | list[list[float]]
    depth: float
    width: float
    divisor: int
    image_channels: int

    @classmethod
    def read(cls, settings: Settings, nc: int | None = None, *, multiple: bool = True) -> Scale:
        """The settings of a config.

        Args:
            settings: the top-level keys.
            nc: number of classes, in place of the config's own.
            multiple: whether `channel_multiple` means anything, as it does in YOLOv5 alone.

        Raises:
            ConfigError: a key is missing, or its value is of no use.
        """
        anchors: Any = settings.get("anchors")
        if not (is_anchors(anchors) or is_whole(anchors)):
            what = f"are {shorten(str(anchors))}" if "anchors" in settings else "are missing"
            raise ConfigError(f"anchors {what}", hint=ANCHORS)
        return cls(
            nc=nc or _number(settings, "nc", "the number of classes", whole=True),
            anchors=anchors,
            depth=_number(settings, "depth_multiple", "a number such as 0.33"),
            width=_number(settings, "width_multiple", "a number such as 0.50"),
            divisor=_number(settings, "channel_multiple", "a number of channels", 8, whole=True)
            if multiple
            else 8,
            image_channels=_number(settings, "ch", "the channels of the image", 3, whole=True),
        )

    @property
    def anchors_per_cell(self) -> int:
        """How many boxes each cell of an output predicts."""
        return self.anchors if isinstance(self.anchors, int) else len(self.anchors[0]) // 2

    @property
    def outputs(self) -> int:
        """Channels of a detection output; a row that asks for exactly so many is not scaled."""
        return self.anchors_per_cell * (self.nc + 5)

    @property
    def variables(self) -> Mapping[str, Any]:
        """What the parser calls the settings, for args that name them."""
        return {
            "nc": self.nc,
            "anchors": self.anchors,
            "na": self.anchors_per_cell,
            "no": self.outputs,
            "gd": self.depth,
            "gw": self.width,
        }

    def channels(self, nominal: int) -> int:
        """Output channels of a row that asks for `nominal` ones."""
        return nominal if nominal == self.outputs else self.divisible(nominal)

    def divisible(self, nominal: int) -> int:
        """`nominal * width_multiple`, rounded up to a multiple of `channel_multiple`."""
        return math.ceil(nominal * self.width / self.divisor) * self.divisor

    def number(self, number: int) -> int:
        """How often a module is repeated when the row says `number`."""
        return scaled_number(number, self.depth)


def activation(settings: Settings) -> TorchCall | None:
    """What the key `activation` says: the activation of every Conv; None where SiLU is kept.

    Raises:
        ConfigError: it is no call of an activation of torch.
    """
    text = settings.get("activation")
    if not text:
        return None
    try:
        meant = understand(text, {}) if isinstance(text, str) else None
    except BuildError as error:
        raise ConfigError(f"activation: {error.message}", hint=error.hint) from None
    if isinstance(meant, TorchCall):
        return meant
    raise ConfigError(
        f"activation is {text!r}", hint="It must be a call such as nn.SiLU() or nn.LeakyReLU(0.1)."
    )


def is_whole(value: Any) -> bool:
    """Whether it is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_anchors(value: Any) -> bool:
    """Whether it is a list of equally long lists of pairs of numbers."""
    return (
        isinstance(value, list)
        and all(isinstance(level, list) for level in value)
        and len({len(level) for level in value}) == 1
        and len(value[0]) % 2 == 0 < len(value[0])
        and all(isinstance(size, int | float) for level in value for size in level)
    )


def _number(
    settings: Settings, key: str, meaning: str, default: int | None = None, *, whole: bool = False
) -> Any:
    value: Any = settings.get(key)
    if value is None and default is not None:
        return default
    is_number = is_whole(value) or (not whole and isinstance(value, float))
    if is_number and 0 < value <= LARGEST:
        return value
    problem = f"{key} is {value!r:.60}" if key in settings else f"the key {key} is missing"
    raise ConfigError(problem, hint=f"It must be {meaning}, above 0 and at most {LARGEST}.")
