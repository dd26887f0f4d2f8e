"""How far an edit disturbs a network before any training: the maps that the head reads, compared.

Each map by its own size, for a tenth is little at one level and everything at another. Statistics
of batch norms are those of the images that both networks are run on: with a new network's, or with
those of a training on other images, maps fade from layer to layer, and every difference with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from yaml_attn.weights.remap import renamed

_BATCHES: Final = 3
_IMAGES: Final = 4


class Level(NamedTuple):
    """A map that the head reads: its stride, and how far it is from the base's.

    `difference` is the largest difference over the largest value of the base's map.
    """

    stride: int
    difference: float

    @property
    def name(self) -> str:
        """What people call it: P3 at stride 8."""
        power = math.log2(self.stride)
        return f"P{int(power)}" if power.is_integer() else f"stride {self.stride}"


def levels(
    before: nn.Module,
    after: nn.Module,
    index_map: Mapping[int, int],
    *,
    channels: int = 3,
    stride: int = 32,
) -> tuple[Level, ...] | None:
    """What the head reads in both networks, level by level; None if it reads other maps.

    Both have their weights, and `model`, the layers, of which the last is the head; it is not run.
    Their statistics are overwritten.

    Args:
        before: the base.
        after: the edited network.
        index_map: old index -> new index of every layer that survived or was replaced.
        channels: of an image.
        stride: the largest.
    """
    size = max(2 * stride, 64)
    noise = torch.Generator().manual_seed(0)
    batches = torch.rand(_BATCHES + 1, _IMAGES, channels, size, size, generator=noise)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        _measure(before, batches[:-1])
        _take_statistics(after, before, index_map)
        one, other = (_read_by_head(each.eval(), batches[-1]) for each in (before, after))
    if [each.shape for each in one] != [each.shape for each in other]:
        return None
    return tuple(
        Level(round(size / a.shape[-1]), _relative(a, b)) for a, b in zip(one, other, strict=True)
    )


def _measure(network: nn.Module, batches: Tensor) -> None:
    """Give the batch norms the statistics of these images."""
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    network.train()
    for batch in batches:
        _read_by_head(network, batch)


def _take_statistics(after: nn.Module, before: nn.Module, index_map: Mapping[int, int]) -> None:
    own = after.state_dict()
    moved = {
        renamed(key, index_map): value
        for key, value in before.state_dict().items()
        if key.startswith("model.") and ".running_" in key
    }
    fits = {key: value for key, value in moved.items() if key and _alike(own.get(key), value)}
    after.load_state_dict(fits, strict=False)


def _alike(one: Tensor | None, other: Tensor) -> bool:
    return one is not None and one.shape == other.shape


class _HeadReachedError(Exception):
    """The maps are there; the head itself may want targets."""


def _read_by_head(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The maps that the last layer reads."""
    read: list[Tensor] = []

    def stop(_: nn.Module, given: tuple[Any, ...]) -> None:
        maps = given[0]
        read.extend(maps if isinstance(maps, list | tuple) else [maps])
        raise _HeadReachedError

    layers: Any = network.model
    hook = layers[-1].register_forward_pre_hook(stop)
    try:
        network(images)
    except _HeadReachedError:
        pass
    finally:
        hook.remove()
    return read


def _relative(one: Tensor, other: Tensor) -> float:
    size = float(one.abs().max())
    difference = float((one - other).abs().max())
    return difference / size if size else difference
