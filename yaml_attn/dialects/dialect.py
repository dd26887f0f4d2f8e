"""What every dialect answers about a row: scaling, constructor arguments, channels. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from yaml_attn.dialects.block_attention import Find
from yaml_attn.graph.network import Network

Settings = Mapping[str, Any]
"""The top-level keys of a config other than backbone and head: nc, depth_multiple, anchors, ..."""

Channels: TypeAlias = int | tuple[int, ...]
"""Output channels of a layer; of one that gives several maps (CBLinear) those of each."""


@dataclass(frozen=True, slots=True)
class ResolvedLayer:
    """A layer as its framework would construct it.

    `number` is the count after depth scaling, `args` what the constructor gets (input channels
    included, all strings understood), `copies` how many times the module is repeated in a
    `Sequential` around it (1 when the module repeats itself inside), `channels` the output
    channels that the framework's parser records, `stride` the pixels of the image per pixel of
    the output (None for heads, and where the row does not tell).
    """

    index: int
    module: str
    number: int
    copies: int
    args: tuple[Any, ...]
    channels: Channels
    stride: float | None = None


def scaled_number(number: int, depth: float) -> int:
    """How often a module is repeated when the row says `number`: every framework's rule."""
    return max(round(number * depth), 1) if number > 1 else number


class Resolve(Protocol):
    """How a dialect reads all rows of a config."""

    def __call__(
        self,
        network: Network,
        settings: Settings,
        mechanism: Find,
        *,
        nc: int | None = None,
        scale: str | None = None,
    ) -> tuple[ResolvedLayer, ...]:
        """Every layer as the framework would construct it.

        Args:
            network: the layers.
            settings: the other top-level keys of the config.
            mechanism: finds a bundled mechanism by its name, as `modules.registry.find` does.
            nc: number of classes, in place of the config's own.
            scale: a key of the config's `scales`, where the dialect has them; the first unless
                given.

        Raises:
            ConfigError: a setting is missing, or its value is of no use; or there are no layers.
            BuildError: the framework could not construct a row; its layer is named.
        """


@dataclass(frozen=True, slots=True)
class Dialect:
    """One framework's way to read a config.

    `name` is what `--dialect` takes, `title` what people call it, `builder` what builds a config
    of it unless the user says otherwise (None: nothing but a checkout can).
    """

    name: str
    title: str
    resolve: Resolve
    builder: str | None


def scales_of(settings: Settings) -> tuple[str, ...]:
    """The names of the scales that a config holds; empty if it is of one scale."""
    scales = settings.get("scales")
    return tuple(map(str, scales)) if isinstance(scales, Mapping) else ()


def depth_of(settings: Settings, scale: str | None) -> float:
    """What `number` is multiplied by, at this scale; 1 where the settings do not say."""
    scales = settings.get("scales")
    if isinstance(scales, Mapping):
        multiples = scales.get(scale)
        depth = multiples[0] if isinstance(multiples, list) and multiples else None
    else:
        depth = settings.get("depth_multiple")
    return depth if isinstance(depth, int | float) and not isinstance(depth, bool) else 1.0
