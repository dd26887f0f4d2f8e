"""The settings that rows depend on in Ultralytics, at one of a config's scales.

`scales` has for each name [depth, width, max_channels]; a config of a fixed size has
`depth_multiple` and `width_multiple` in their place, or nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from yaml_attn.dialects.dialect import Settings, scales_of
from yaml_attn.dialects.scaling import LARGEST, Scale, is_whole
from yaml_attn.errors import ConfigError, UsageError


class _Size(NamedTuple):
    """How large a model is at one of the scales."""

    depth: float
    width: float
    max_channels: float


@dataclass(frozen=True, slots=True)
class Scaling(Scale):
    """The settings, read and checked once.

    `name` is the scale. `anchors` is 1, as each cell predicts one box. What only the heads are
    told, `reg_max` and what follows it, is as the config has it.
    """

    name: str | None
    max_channels: float
    reg_max: Any
    end2end: Any
    kpt_shape: Any

    @classmethod
    def at(cls, settings: Settings, scale: str | None, nc: int | None = None) -> Scaling:
        """The settings of a config at a scale, by default the first.

        Without `scales` in the config, the scale tells C3k2 and A2C2f whether the model is a large
        one, and nothing else.

        Raises:
            UsageError: the config has scales, and this is none of them.
            ConfigError: a setting is missing, or its value is of no use.
        """
        # What the loader makes of this string.
        settings = {key: None if value == "None" else value for key, value in settings.items()}
        name = scale or next(iter(scales_of(settings)), None)
        size = _size(settings, name)
        if not nc and "nc" not in settings:
            raise ConfigError("the key nc is missing", hint="It is the number of classes.")
        image = "ch" if "ch" in settings and "channels" not in settings else "channels"
        return cls(
            nc=nc or _positive("nc", settings["nc"], whole=True),
            anchors=1,
            depth=size.depth,
            width=size.width,
            divisor=8,
            image_channels=_positive(image, settings.get(image, 3), whole=True),
            name=name,
            max_channels=size.max_channels,
            reg_max=settings.get("reg_max", 16),
            end2end=settings.get("end2end"),
            kpt_shape=settings.get("kpt_shape", 1.0),
        )

    @property
    def variables(self) -> Mapping[str, Any]:
        """What the parser calls the settings, for args that name them."""
        return {
            "nc": self.nc,
            "scale": self.name,
            "depth": self.depth,
            "width": self.width,
            "max_channels": self.max_channels,
            "reg_max": self.reg_max,
            "end2end": self.end2end,
            "kpt_shape": self.kpt_shape,
        }

    def channels(self, nominal: int) -> int:
        """Output channels of a row that asks for `nominal` ones."""
        return self.divisible(nominal)

    def divisible(self, nominal: int) -> int:
        """`nominal`, but at most `max_channels`, times the width, rounded up to a multiple of 8."""
        return math.ceil(min(nominal, self.max_channels) * self.width / self.divisor) * self.divisor


def _size(settings: Settings, scale: str | None) -> _Size:
    scales = settings.get("scales")
    if not scales:
        depth, width = (
            _positive(key, settings.get(key, 1.0)) for key in ("depth_multiple", "width_multiple")
        )
        return _Size(depth, width, math.inf)
    named = scales_of(settings)
    if not isinstance(scales, Mapping):
        raise ConfigError(f"scales is {scales!r}", hint="It must give each scale a name.")
    if scale not in named:
        raise UsageError(f"the config has no scale {scale}", hint=f"It has {', '.join(named)}.")
    given = next(value for key, value in scales.items() if str(key) == scale)
    if not isinstance(given, list) or len(given) != len(_Size._fields):
        raise ConfigError(
            f"scale {scale} is {given!r}",
            hint="It must be [depth, width, max_channels], such as [0.50, 0.25, 1024].",
        )
    limits = (LARGEST, LARGEST, math.inf)
    return _Size(
        *(
            _positive(f"{field} of scale {scale}", value, most=most)
            for field, value, most in zip(_Size._fields, given, limits, strict=True)
        )
    )


def _positive(what: str, value: Any, *, whole: bool = False, most: float = LARGEST) -> Any:
    if (is_whole(value) or (isinstance(value, float) and not whole)) and 0 < value <= most:
        return value
    kind = "whole number" if whole else "number"
    raise ConfigError(
        f"{what} is {value!r:.60}", hint=f"It must be a {kind} above 0, at most {most}."
    )
