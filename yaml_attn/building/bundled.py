"""The builder that needs no framework: the layers of `blocks/` and the bundled mechanisms.

Mechanisms stand alone, or inside a block (`blocks/composed.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from inspect import Signature, signature
from typing import Any, Final, TypeAlias

from torch import nn

from yaml_attn.blocks import BLOCKS, NOT_BUNDLED
from yaml_attn.blocks.composed import ComposedBlock
from yaml_attn.blocks.conv import settle
from yaml_attn.blocks.heads import Detect
from yaml_attn.building.failures import first_line
from yaml_attn.building.model import Model
from yaml_attn.building.running import inspect, run_real
from yaml_attn.building.skip_init import Uninitialised
from yaml_attn.dialects.arguments import TorchCall, TorchClass
from yaml_attn.dialects.block_attention import parse
from yaml_attn.dialects.dialect import Dialect, ResolvedLayer, Settings
from yaml_attn.dialects.scaling import Scale, activation
from yaml_attn.dialects.yolov5 import DIALECT
from yaml_attn.errors import BuildError, ConfigError, UsageError
from yaml_attn.graph.network import IMAGE, Network
from yaml_attn.mechanisms.registry import AnyMechanism, find

__all__ = ["build", "inspect", "run_real"]


Find: TypeAlias = Callable[[str], AnyMechanism]

ACTIVATED: Final = frozenset(["yolov3", "yolov5"])
"""Dialects whose configs have a key `activation`, which every Conv follows."""

_REPO: Final = "With a checkout of the framework, `--repo` builds it."


def build(
    network: Network,
    settings: Settings,
    *,
    nc: int | None = None,
    init: bool = True,
    mechanism: Find = find,
    dialect: Dialect = DIALECT,
) -> Model:
    """The network of a config as a torch module, in training mode on the CPU.

    Args:
        network: the layers.
        settings: the other top-level keys of the config.
        nc: number of classes, in place of the config's own.
        init: give the parameters their random initial values; without, they are 0, which is all
            that shapes and counts need, and many times faster.
        mechanism: finds the mechanism that a row names.
        dialect: how the rows are read, and whose layers they name.

    Raises:
        UsageError: the layers of the dialect are not bundled.
        ConfigError: a setting is missing, or its value is of no use.
        BuildError: a layer cannot be constructed; it is named.
    """
    if dialect.name not in BLOCKS:
        raise UsageError(f"the layers of {dialect.title} are not bundled", hint=_REPO)
    resolved = dialect.resolve(network, settings, mechanism, nc=nc)
    act = default_activation(settings) if dialect.name in ACTIVATED else None
    with nullcontext() if init else Uninitialised():
        layers = [construct(layer, act, mechanism, dialect) for layer in resolved]
    model = Model(network, layers, resolved, Scale.read(settings, nc).image_channels, dialect)
    head, reads = layers[-1], model.reads[-1]
    if isinstance(head, Detect) and isinstance(reads, list):
        strides = [resolved[at].stride if at != IMAGE else 1.0 for at in reads[: head.levels]]
        known = [stride for stride in strides if stride is not None]
        if len(known) == len(strides):
            head.set_stride(known)
    return model


def construct(
    layer: ResolvedLayer, act: nn.Module | None, mechanism: Find, dialect: Dialect
) -> nn.Module:
    """One layer of a dialect's; `act` is the activation of its convolutions, None for their own.

    Raises:
        BuildError: it cannot be constructed.
    """
    name = layer.module
    if name in NOT_BUNDLED.get(dialect.name, ()):
        raise BuildError(f"{name} of {dialect.title} is not bundled", layer=layer.index, hint=_REPO)
    make = constructor(name, mechanism, BLOCKS[dialect.name])
    written = f"{name}({', '.join(map(str, layer.args))})"
    try:
        args = [_torch_value(arg) for arg in layer.args]
        signature(make).bind(*args)
        copies = [make(*args) for _ in range(layer.copies)]
    except Exception as error:  # noqa: BLE001  # whatever torch makes of an impossible argument
        takes = f"It takes {name}{_signature(make)}. " if isinstance(error, TypeError) else ""
        raise BuildError(
            f"{written} cannot be constructed: {first_line(error)}",
            layer=layer.index,
            hint=f"{takes}The arguments are those after scaling, input channels first.",
        ) from None
    made = copies[0] if layer.copies == 1 else nn.Sequential(*copies)
    settle(made, act)
    return made


def constructor(
    name: str, mechanism: Find, blocks: Mapping[str, type[nn.Module]]
) -> Callable[..., nn.Module]:
    """What constructs the layers of a name: a block, a mechanism, or one inside the other."""
    if name in blocks:
        return blocks[name]
    composed = parse(name, mechanism)
    if composed is None:
        return mechanism(name).load()
    attention = mechanism(composed.mechanism).load()
    return ComposedBlock(blocks[composed.block], attention, composed.where)


def default_activation(settings: Settings) -> nn.Module | None:
    """The activation that a config's key `activation` gives its convolutions; None without one."""
    call = activation(settings)
    try:
        return None if call is None else _torch_value(call)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"activation is {settings['activation']!r}: {first_line(error)}"
        ) from None


def _torch_value(arg: Any) -> Any:
    if isinstance(arg, TorchClass):
        return getattr(nn, arg.name)
    if isinstance(arg, TorchCall):
        return getattr(nn, arg.name)(*arg.args, **dict(arg.keywords))
    return arg


def _signature(make: Callable[..., nn.Module]) -> str:
    parameters = list(signature(make).parameters.values())
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    return str(Signature(bare))
