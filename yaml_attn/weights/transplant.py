"""A checkpoint of a base carried over to an edited config: the layers by number, the rest proved.

Where the dialect's layers are bundled, both networks are built: the checkpoint must be one of the
base, new layers get their initial values, and both networks are run to see what the new layers
change. Elsewhere rows alone tell whose weights these can be and which layers are the same
(`infer.py`); the state dict is renumbered, and the framework initialises what is new.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from yaml_attn.building import bundled
from yaml_attn.building.model import Model
from yaml_attn.dialects.dialect import Dialect, ResolvedLayer, Settings, scales_of
from yaml_attn.dialects.ultralytics import legacy_head
from yaml_attn.errors import BuildError, CheckpointError
from yaml_attn.graph.compare import Comparison, compare
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find
from yaml_attn.weights import infer
from yaml_attn.weights.checkpoint import Checkpoint
from yaml_attn.weights.difference import Level, levels
from yaml_attn.weights.remap import Shape, Transfer, transfer
from yaml_attn.weights.state import split

_WHICH_BASE: Final = "--base must be the config that these weights were trained with."

_LEAST: Final = 1 / 3
"""Share of the checkpoint's tensors that an edit keeps at least. With another block in the place of
every C2f, yolov8n keeps 0.39; of 506 pairs of official networks of Ultralytics 449 have less, and
most of the others are variants of one another: P2, P6, another task."""


class Described(NamedTuple):
    """A network, the other top-level keys of its config, what finds its mechanisms, its scale."""

    network: Network
    settings: Settings
    mechanism: bundled.Find = find
    scale: str | None = None

    def build(self, dialect: Dialect, *, init: bool = True, nc: int | None = None) -> Model:
        """The network with real layers."""
        network, settings, mechanism, _ = self
        return bundled.build(
            network, settings, init=init, nc=nc, mechanism=mechanism, dialect=dialect
        )

    def resolve(
        self, dialect: Dialect, *, nc: int | None = None
    ) -> tuple[ResolvedLayer, ...] | None:
        """Every layer as it would be constructed; None where a row is a stranger's."""
        network, settings, mechanism, scale = self
        try:
            return dialect.resolve(network, settings, mechanism, nc=nc, scale=scale)
        except BuildError:
            return None


@dataclass(frozen=True)
class Carried:
    """The weights of a base in an edited network.

    Attributes:
        transfer: what became of each tensor.
        initial: the initial values of new tensors; empty where the layers are not bundled.
        comparison: how the layers of both configs correspond.
        levels: how far each map that the head reads is from the base's, for random images and
            these weights; None where it was not computed: layers that are not bundled, or heads
            that read other maps.
    """

    transfer: Transfer
    initial: Mapping[str, Tensor]
    comparison: Comparison
    levels: tuple[Level, ...] | None

    @property
    def difference(self) -> float | None:
        """The largest difference of a level, relative to that level's own size."""
        if self.levels is None:
            return None
        return max((level.difference for level in self.levels), default=None)

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
    dialect: Dialect,
    nc: int | None = None,
    seed: int = 0,
) -> Carried:
    """Carry the weights of a base over to an edited config.

    Args:
        checkpoint: weights of the base.
        base: the config that the checkpoint was trained with.
        edited: the config that the weights are wanted for.
        dialect: of both. If its layers are not bundled, the state dict alone is renumbered.
        nc: number of classes of the new network, instead of its config's.
        seed: of the initial values of new layers.

    Raises:
        CheckpointError: the checkpoint is not one of the base, or the config is no edit of it.
        ConfigError: one of the configs cannot be built.
    """
    if checkpoint.layers > len(base.network):
        raise CheckpointError(
            f"has weights of layer {checkpoint.layers - 1}, and the base has "
            f"{len(base.network)} layers",
            path=checkpoint.path,
            hint=_WHICH_BASE,
        )
    if dialect.builder == "bundled":
        carried = _built(checkpoint, base, edited, dialect, nc, seed)
    else:
        carried = _renumbered(checkpoint, base, edited, dialect, nc)
    found, count = carried.transfer.count("transferred"), len(checkpoint.state)
    if found < _LEAST * count:
        raise CheckpointError(
            f"only {found} of its {count} tensors have a place in the config, which is another "
            "network than the base",
            path=checkpoint.path,
            hint="--config must be an edit of --base, at the same scale: most of its layers are "
            "the base's. Another network is trained from weights of its own.",
        )
    return carried


def _built(
    checkpoint: Checkpoint,
    base: Described,
    edited: Described,
    dialect: Dialect,
    nc: int | None,
    seed: int,
) -> Carried:
    """Carried by the shapes of both networks, which are built and run."""
    before = base.build(dialect, init=False)
    _refuse_other_shapes(checkpoint, _shapes(before))
    _refuse_foreign(checkpoint, base, dialect)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        after = edited.build(dialect, nc=nc)
    comparison = compare(base.network, edited.network)
    found = transfer(checkpoint.state, _index_map(comparison), _shapes(after))
    new = {each.target for each in found.moved if each.outcome == "new"}
    initial = {key: value for key, value in after.state_dict().items() if key in new}
    _load(before, checkpoint.state)
    _load(after, found.state)
    return Carried(found, initial, comparison, _levels(before, after, found.index_map))


def _renumbered(
    checkpoint: Checkpoint,
    base: Described,
    edited: Described,
    dialect: Dialect,
    nc: int | None,
) -> Carried:
    """Carried by what the rows tell: a layer of the same block keeps its tensors."""
    _refuse_foreign(checkpoint, base, dialect)
    comparison = compare(base.network, edited.network)
    old, new = base.network.layers, edited.network.layers
    mapping = {
        i: j
        for i, j in _index_map(comparison).items()
        if infer.same_block(old[i].module, new[j].module, edited.mechanism)
    }
    trained = infer.classes(checkpoint.state, old[-1].module, len(old) - 1)
    before, after = base.resolve(dialect, nc=trained), edited.resolve(dialect, nc=nc)
    if before and after:
        unsure = {i for i, j in mapping.items() if not infer.alike(before[i], after[j])}
    else:
        unsure = set(comparison.changed).intersection(mapping)
    if legacy_head(base.network) != legacy_head(edited.network):
        unsure.add(len(old) - 1)
    return Carried(transfer(checkpoint.state, mapping, unsure=unsure), {}, comparison, None)


def _refuse_foreign(checkpoint: Checkpoint, base: Described, dialect: Dialect) -> None:
    """Refuse weights that cannot be the base's, as its rows tell, at the scale that it has."""
    layers = base.resolve(dialect)
    where = f"in the base at scale {base.scale}" if base.scale else "in the base"
    # Where shapes are compared, a block of another name with the same tensors is as good.
    modules = {} if dialect.builder == "bundled" else checkpoint.modules
    problem = infer.foreign(checkpoint.state, layers, where, modules) if layers else None
    if problem is None:
        return
    fitting = (
        f" They fit scale {scale}: --scale {scale}."
        for scale in scales_of(base.settings)
        if not infer.foreign(checkpoint.state, base._replace(scale=scale).resolve(dialect) or ())
    )
    raise CheckpointError(problem, path=checkpoint.path, hint=_WHICH_BASE + next(fitting, ""))


def _refuse_other_shapes(checkpoint: Checkpoint, base: Mapping[str, Shape]) -> None:
    """Refuse weights of another network. The head may differ, by its number of classes."""
    last = max(split(key)[0] for key in base)
    for key, tensor in checkpoint.state.items():
        shape = tuple(tensor.shape)
        if split(key)[0] != last and base.get(key, shape) != shape:
            raise CheckpointError(
                f"{key} is {list(shape)}, and {list(base[key])} in the base",
                path=checkpoint.path,
                hint=_WHICH_BASE,
            )
    if not base.keys() & checkpoint.state.keys():
        raise CheckpointError(
            f"has no tensor that the base has; it has e.g. {next(iter(checkpoint.state))}",
            path=checkpoint.path,
            hint=_WHICH_BASE,
        )


def _shapes(model: nn.Module) -> dict[str, Shape]:
    return {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}


def _load(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load what fits; of the base's head that may be nothing."""
    own = _shapes(model)
    fits = {key: value for key, value in state.items() if own.get(key) == tuple(value.shape)}
    model.load_state_dict(fits, strict=False)


def _levels(before: Model, after: Model, index_map: Mapping[int, int]) -> tuple[Level, ...] | None:
    if after.image_channels != before.image_channels:
        return None
    stride = max(layer.stride or 1.0 for layer in (*before.resolved, *after.resolved))
    return levels(
        before, after, index_map, channels=before.image_channels, stride=math.ceil(stride)
    )
