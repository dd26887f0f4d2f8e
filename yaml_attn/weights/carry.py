"""A checkpoint of a base carried over to an edited config: the layers by number, the rest proved.

Where the dialect's layers are bundled, both networks are built: the checkpoint must be one of the
base, new layers get their initial values, and both networks are run to see what the new layers
change. Elsewhere the state dict alone is renumbered, and the framework initialises what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from yaml_attn.building import bundled
from yaml_attn.building.model import Model
from yaml_attn.config.compare import Comparison, compare
from yaml_attn.config.network import Network
from yaml_attn.dialects.base import Dialect, Settings
from yaml_attn.errors import CheckpointError
from yaml_attn.weights.checkpoint import Checkpoint
from yaml_attn.weights.state import split
from yaml_attn.weights.transfer import Shape, Transfer, transfer

SMALL: Final = 64
"""Pixels of the image that both networks are run on, unless a stride is larger."""


class Described(NamedTuple):
    """A network and the other top-level keys of its config."""

    network: Network
    settings: Settings


@dataclass(frozen=True)
class Carried:
    """The weights of a base in an edited network.

    Attributes:
        transfer: what became of each tensor.
        initial: the initial values of new tensors; empty where the layers are not bundled.
        comparison: how the layers of both configs correspond.
        difference: the largest difference between the maps that the heads of both networks read,
            for one image and these weights; None where it was not computed: layers that are not
            bundled, or heads that read other maps.
    """

    transfer: Transfer
    initial: Mapping[str, Tensor]
    comparison: Comparison
    difference: float | None

    @property
    def state(self) -> dict[str, Tensor]:
        """Transferred and new tensors by key, in the order of the new network.

        Tensors whose shape changed (the head, with another number of classes) are not in it:
        frameworks initialise those with more care than is known here.
        """
        values = {**self.transfer.state, **self.initial}
        keys = [each.target for each in self.transfer.moved if each.target in values]
        return {key: values[key] for key in keys if key is not None}


def index_map(base: Network, edited: Network) -> dict[int, int]:
    """Old index -> new index of the layers of two files, replaced ones too.

    An edit of ours knows it by itself: `Config.index_map`.
    """
    return _index_map(compare(base, edited))


def _index_map(found: Comparison) -> dict[int, int]:
    return dict(sorted({**found.index_map, **found.replaced}.items()))


def carry(
    checkpoint: Checkpoint,
    base: Described,
    edited: Described,
    *,
    dialect: Dialect | None,
    nc: int | None = None,
    seed: int = 0,
) -> Carried:
    """Carry the weights of a base over to an edited config.

    Args:
        checkpoint: weights of the base.
        base: the config that the checkpoint was trained with.
        edited: the config that the weights are wanted for.
        dialect: of both, if its layers are bundled; else the state dict alone is renumbered.
        nc: number of classes of the new network, instead of its config's.
        seed: of the initial values of new layers.

    Raises:
        CheckpointError: the checkpoint is not one of the base.
        ConfigError: one of the configs cannot be built.
    """
    if checkpoint.layers > len(base.network):
        raise CheckpointError(
            f"has weights of layer {checkpoint.layers - 1}, and the base has "
            f"{len(base.network)} layers",
            path=checkpoint.path,
            hint="--base must be the config that these weights were trained with.",
        )
    comparison = compare(base.network, edited.network)
    mapping = _index_map(comparison)
    if dialect is None:
        return Carried(transfer(checkpoint.state, mapping), {}, comparison, None)
    before = bundled.build(base.network, base.settings, init=False, dialect=dialect)
    _refuse_foreign(checkpoint, _shapes(before))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        after = bundled.build(edited.network, edited.settings, nc=nc, dialect=dialect)
    found = transfer(checkpoint.state, mapping, _shapes(after))
    new = {each.target for each in found.moved if each.outcome == "new"}
    initial = {key: value for key, value in after.state_dict().items() if key in new}
    _load(before, checkpoint.state)
    _load(after, found.state)
    return Carried(found, initial, comparison, _difference(before, after))


def _refuse_foreign(checkpoint: Checkpoint, base: Mapping[str, Shape]) -> None:
    """Refuse weights of another network. The head may differ, by its number of classes."""
    last = max(split(key)[0] for key in base)
    for key, tensor in checkpoint.state.items():
        shape = tuple(tensor.shape)
        if split(key)[0] != last and base.get(key, shape) != shape:
            raise CheckpointError(
                f"{key} is {list(shape)}, and {list(base[key])} in the base",
                path=checkpoint.path,
                hint="--base must be the config that these weights were trained with.",
            )
    if not base.keys() & checkpoint.state.keys():
        raise CheckpointError(
            f"has no tensor that the base has; it has e.g. {next(iter(checkpoint.state))}",
            path=checkpoint.path,
            hint="--base must be the config that these weights were trained with.",
        )


def _shapes(model: nn.Module) -> dict[str, Shape]:
    return {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}


def _load(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load what fits; of the base's head that may be nothing."""
    own = _shapes(model)
    fits = {key: value for key, value in state.items() if own.get(key) == tuple(value.shape)}
    model.load_state_dict(fits, strict=False)


def _difference(before: Model, after: Model) -> float | None:
    largest = max(layer.stride or 1.0 for layer in (*before.resolved, *after.resolved))
    size = max(SMALL, int(largest))
    noise = torch.Generator().manual_seed(0)
    image = torch.rand(1, before.image_channels, size, size, generator=noise)
    if after.image_channels != before.image_channels:
        return None
    one, other = _read_by_head(before, image), _read_by_head(after, image)
    if [each.shape for each in one] != [each.shape for each in other]:
        return None
    pairs = zip(one, other, strict=True)
    return max((float((a - b).abs().max()) for a, b in pairs), default=None)


def _read_by_head(model: Model, image: Tensor) -> list[Tensor]:
    """The maps that the last layer reads, in evaluation."""
    read: list[Tensor] = []

    def call(at: int, layer: nn.Module, given: Any) -> Any:
        if at == len(model.model) - 1:
            read.extend(given if isinstance(given, list) else [given])
            return None
        return layer(given)

    with torch.no_grad():
        model.eval()(image, call)
    return read
