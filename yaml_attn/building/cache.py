"""Reports of many configs that share their layers: what was built and run once is looked up.

The variants of a study differ by a row or two. What a layer has and gives follows from its class,
its arguments and the maps it reads, so that is what it is remembered by; and as numbers, without
a module or a tensor, so that the memory stays flat. Where a layer fails, the network is built as a
whole, for the error is that one's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, TypeAlias, cast

import torch
from torch import Tensor, nn

from yaml_attn.blocks import BLOCKS
from yaml_attn.blocks.composed import ComposedBlock
from yaml_attn.blocks.heads import Detect
from yaml_attn.building.bundled import (
    ACTIVATED,
    Find,
    build,
    construct,
    constructor,
    default_activation,
    inspect,
)
from yaml_attn.building.flops import FlopCount
from yaml_attn.building.probing import count_parameters, parts, shape_of, still, stride_of
from yaml_attn.building.report import BuildReport, LayerReport, Shape
from yaml_attn.building.running import are_levels, strides_read
from yaml_attn.building.shape_only import Unmultiplied
from yaml_attn.building.skip_init import Uninitialised
from yaml_attn.dialects.dialect import Dialect, ResolvedLayer, Settings
from yaml_attn.dialects.scaling import Scale
from yaml_attn.errors import YamlAttnError
from yaml_attn.graph.network import IMAGE, Network
from yaml_attn.mechanisms.registry import find


class Memo:
    """`report` of one network after the other; each layer is built and run once."""

    def __init__(self) -> None:
        self._facts: dict[Hashable, _Facts] = {}

    def report(
        self,
        network: Network,
        settings: Settings,
        *,
        dialect: Dialect,
        nc: int | None = None,
        imgsz: int = 640,
        mechanism: Find = find,
    ) -> BuildReport:
        """What `inspect(build(...), imgsz, flops=True)` gives, field by field.

        Args:
            network: the layers.
            settings: the other top-level keys of the config.
            dialect: how the rows are read, and whose layers they name.
            nc: number of classes, in place of the config's own.
            imgsz: height and width of the image.
            mechanism: finds the mechanism that a row names.

        Raises:
            UsageError, ConfigError, BuildError: as `build` and `inspect`.
        """
        if dialect.name in BLOCKS:
            resolved = dialect.resolve(network, settings, mechanism, nc=nc)
            channels = Scale.read(settings, nc).image_channels
            constructing = _Constructing(settings, dialect, mechanism)
            try:
                facts = self._look_up(network, resolved, constructing, (channels, imgsz, imgsz))
                return _report(network, resolved, facts, imgsz)
            except _UnclearError:
                pass
        model = build(network, settings, nc=nc, init=False, mechanism=mechanism, dialect=dialect)
        return inspect(model, imgsz, flops=True)

    def _look_up(
        self,
        network: Network,
        resolved: Sequence[ResolvedLayer],
        constructing: _Constructing,
        image: tuple[int, int, int],
    ) -> list[_Facts]:
        """The facts of all layers, each found from those before it."""
        found: list[_Facts] = []
        # One more than there are layers: the last, outputs[IMAGE], is what the first ones read.
        outputs: list[_Output] = [_Map.contiguous(image)] * (len(resolved) + 1)
        for at, (layer, row) in enumerate(zip(resolved, network.layers, strict=True)):
            inputs = tuple(
                [outputs[network.index.get(source.key, IMAGE)] for source in row.sources]
            )
            make = constructing.maker(layer.module)
            # As text, 1, 1.0 and True differ: they are different arguments.
            written = repr(layer.args)
            key = (make, written, layer.copies, constructing.activation, row.listed, inputs)
            facts = self._facts.get(key)
            if facts is None:
                facts = self._facts[key] = _learn(layer, make, constructing, inputs, row.listed)
            found.append(facts)
            outputs[at] = facts.output
        return found


class _UnclearError(Exception):
    """A layer fails by itself, or does what layers do not: the whole network tells."""


class _Map(NamedTuple):
    """One tensor of a batch of one, as it lies in memory: some modules depend on that, too."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def contiguous(cls, shape: tuple[int, ...]) -> _Map:
        """A map of this shape, one value behind the other."""
        strides = [1]
        for size in reversed(shape):
            strides.append(strides[-1] * size)
        return cls(shape, tuple(reversed(strides)))

    @classmethod
    def of(cls, output: Any) -> _Output:
        """What a layer gave.

        Raises:
            _UnclearError: the batch is not one image, or the values are no float32.
        """
        if not isinstance(output, Tensor):
            return tuple(cls.of(part) for part in parts(output))
        if output.shape[:1] != (1,) or output.dtype is not torch.float32:
            raise _UnclearError
        return cls(tuple(output.shape[1:]), output.stride())

    def zeros(self) -> Tensor:
        """A tensor like it."""
        shape = (1, *self.shape)
        last = sum((size - 1) * stride for size, stride in zip(shape, self.strides, strict=True))
        return torch.zeros(last + 1).as_strided(shape, self.strides)


_Output: TypeAlias = "_Map | tuple[_Output, ...]"
"""What a layer gives: a map; a head, several, nested as it returns them."""


class _Facts(NamedTuple):
    """What a layer has and gives.

    Of its `parameters`, `shared` ones belong to the activation that all layers share. `levels` are
    those of the maps that a head reads, None for other layers.
    """

    output: _Output
    shape: Shape
    parameters: int
    shared: int
    flops: int
    levels: int | None


class _Constructing:
    """What the layers of one network are made with."""

    def __init__(self, settings: Settings, dialect: Dialect, mechanism: Find) -> None:
        self.settings = settings
        self.dialect = dialect
        self.mechanism = mechanism
        self.blocks = BLOCKS[dialect.name]
        activated = dialect.name in ACTIVATED
        self.activation = repr(settings.get("activation")) if activated else ""

    def maker(self, name: str) -> Callable[..., nn.Module]:
        """What makes the module that a row names.

        Raises:
            _UnclearError: nothing at hand does.
        """
        try:
            return constructor(name, self.mechanism, self.blocks)
        except YamlAttnError:
            raise _UnclearError from None

    def made(self, layer: ResolvedLayer) -> tuple[nn.Module, nn.Module | None]:
        """The layer, not initialised, and the activation that was handed to it."""
        act = default_activation(self.settings) if self.activation else None
        with Uninitialised():
            return construct(layer, act, self.mechanism, self.dialect), act


def _learn(
    layer: ResolvedLayer,
    make: Callable[..., nn.Module],
    constructing: _Constructing,
    inputs: Sequence[_Output],
    listed: bool,
) -> _Facts:
    """Build the layer and run it once, on zeros.

    Raises:
        _UnclearError: it cannot be built, or fails on them.
    """
    try:
        module, act = constructing.made(layer)
        given = [cast("_Map", each).zeros() for each in inputs]
        # Of our own convolutions the shape is known; a class of the user's may refuse to multiply.
        quick = Unmultiplied() if _is_ours(make) else nullcontext()
        with still(module), quick, FlopCount() as flops:
            output = module(given if listed else given[0])
    except Exception:  # noqa: BLE001  # whatever it is, the whole network fails of it
        raise _UnclearError from None
    return _Facts(
        output=_Map.of(output),
        shape=shape_of(output),
        parameters=count_parameters(module),
        shared=count_parameters(act) if act is not None and act in module.modules() else 0,
        flops=flops.total,
        levels=module.levels if isinstance(module, Detect) else None,
    )


def _report(
    network: Network, resolved: Sequence[ResolvedLayer], found: Sequence[_Facts], imgsz: int
) -> BuildReport:
    layers = tuple(
        [
            LayerReport(
                layer.index,
                layer.module,
                layer.number,
                facts.parameters,
                facts.shape,
                layer.stride or stride_of(facts.shape, imgsz),
                facts.flops,
            )
            for layer, facts in zip(resolved, found, strict=True)
        ]
    )
    own = sum([facts.parameters - facts.shared for facts in found])
    shared = max([facts.shared for facts in found])
    return BuildReport(layers, own + shared, _head_strides(network, found, imgsz), imgsz)


def _head_strides(network: Network, found: Sequence[_Facts], imgsz: int) -> tuple[float, ...]:
    """The strides of the maps that the head reads.

    Raises:
        _UnclearError: they are out of order.
    """
    head, levels = network.layers[-1], found[-1].levels
    if levels is None or not head.listed:
        return ()
    reads = [network.index.get(source.key, IMAGE) for source in head.sources]
    strides = strides_read(reads, [facts.shape for facts in found], imgsz)
    if not are_levels(strides, levels):
        raise _UnclearError
    return tuple(strides[:levels])


def _is_ours(make: Callable[..., nn.Module]) -> bool:
    attention = make.mechanism if isinstance(make, ComposedBlock) else make
    return attention.__module__.startswith(("torch.", "yaml_attn."))
