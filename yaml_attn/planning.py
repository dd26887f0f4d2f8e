"""What a user asks for, resolved to edits: names to mechanisms, places to layers, channels."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from yaml_attn.config.edits import (
    Consumers,
    Edit,
    Insertion,
    Removal,
    Replacement,
    plan_after,
    plan_before,
    plan_edge,
    plan_inputs,
)
from yaml_attn.config.network import IMAGE, Network
from yaml_attn.config.places import Given
from yaml_attn.dialects import several_maps
from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.dialects.composed import HOSTS, host, parse
from yaml_attn.dialects.strides import HEADS, halvings
from yaml_attn.errors import PlaceError, UsageError
from yaml_attn.modules.arguments import row_arguments
from yaml_attn.modules.own import (
    OwnMechanism,
    ReadMechanism,
    is_own,
    load_own,
    refuse_row,
    refuse_two,
)
from yaml_attn.modules.registry import NATIVE, finds
from yaml_attn.selecting import Find, Place, out_of, select

Channels: TypeAlias = Literal["nominal", "c2"]
"""What args[0] of an attention row says: the tutorials' number, or `c2`, right at every width."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Insert an attention layer at one or several places.

    Args:
        module: a bundled mechanism or one of its aliases.
        after: the layers whose output the attention refines.
        before: instead: the layers whose first input it refines.
        edge: instead: the layer that is read and the one that reads it, for this connection alone.
        inputs: instead, for a mechanism of two inputs: the layer that it refines, and its context.
        args: the mechanism's own parameters in the order of its signature, without channels.
        parameters: the same by name.
        consumers: who reads the attention: "all" readers of the layer, the "next" row only,
            "detect" for the head only, or the readers at these places.
        name: the row's module name, when it must differ from the bundled one.
        channels: whether args[0] is the "nominal" (unscaled) count or the string "c2".
    """

    module: str
    after: Place | None = None
    before: Place | None = None
    edge: tuple[Place, Place] | None = None
    inputs: tuple[Place, ...] | None = None
    args: Sequence[Any] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    consumers: str | Collection[Place] = "all"
    name: str | None = None
    channels: Channels = "nominal"


@dataclass(frozen=True, slots=True)
class Replace:
    """Put another module in the place of one or several layers; their wiring stays.

    Args:
        at: the layers.
        module: the new module's name; `C3[SE]` is written `C3SE`.
        args: its arguments as the row gives them. Unless given, those of the old row are kept if
            they mean the same to the new module (C3 and C3SE), else its channels alone.
    """

    at: Place
    module: str
    args: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """Take out one or several layers: their readers read what they read.

    Args:
        at: the layers.
    """

    at: Place


Request: TypeAlias = Insert | Replace | Remove


def plan(network: Network, requests: Sequence[Request], find: Find, strides: Given) -> list[Edit]:
    """The edits that the requests mean, all in the numbering of the network as it is.

    Args:
        network: the layers.
        requests: what is asked for.
        find: finds a mechanism by what the user calls it.
        strides: of the layers by index, as far as they are known.

    Raises:
        UnknownModuleError, PlaceError, UsageError: no such module, place or parameter.
    """
    edits: list[Edit] = []
    for request in requests:
        if isinstance(request, Insert):
            edits += _Insertions(network, request, find, strides).plan()
        elif isinstance(request, Replace):
            edits += _replacements(network, request, find, strides)
        else:
            keys = select(network, request.at, find, strides)
            edits += [_removal(network, key, find) for key in keys]
    return edits


def own_mechanisms(
    requests: Sequence[Request], before: Mapping[str, OwnMechanism] = MappingProxyType({})
) -> dict[str, OwnMechanism]:
    """The user's classes that requests name, by what they are called, and by row name; loaded,
    but for those that are known and were only read.

    Args:
        requests: what is asked for.
        before: those that are known already; a row means one class.

    Raises:
        UnknownModuleError, UsageError: there is no such class, or its row would mean another one.
    """
    found: dict[str, OwnMechanism] = {}
    for request in requests:
        if isinstance(request, Insert) and is_own(request.module):
            known = before.get(request.module)
            mechanism = known if isinstance(known, ReadMechanism) else load_own(request.module)
            row = request.name or mechanism.name
            refuse_row(row)
            refuse_two(found.get(row) or before.get(row), mechanism)
            found |= {request.module: mechanism, row: mechanism}
    return found


def refuse_native(requests: Sequence[Request], framework: str) -> None:
    """Refuse rows that name another library's class where the framework does not look for it.

    Raises:
        UsageError: one does.
    """
    for request in requests:
        named = None if isinstance(request, Remove) else request.module
        if named in NATIVE and framework != "ultralytics":
            raise UsageError(
                f"only Ultralytics (8.3.100 and newer) understands {named} in a row",
                hint="Here a bundled mechanism does the same: --module SE",
            )


def _refuse_several(module: str) -> None:
    names = re.split("[,+]", module)
    # C3+SE is one: a block with attention behind it.
    if len(names) > 1 and not (is_own(module) or "[" in module or names[0] in HOSTS):
        each = " ".join(f"--module {name.strip()} --after PLACE" for name in names)
        raise UsageError(
            f"{module} is {len(names)} modules, and each has its own place",
            hint=f"All in one config: {each}\n"
            f"One config for each: yaml-attn ablate --modules "
            f"{shlex.quote(module.replace('+', ','))} --at PLACE",
        )


class _Insertions:
    """One request to insert, place by place."""

    def __init__(self, network: Network, request: Insert, find: Find, strides: Given) -> None:
        self.network = network
        self.request = request
        self.find = find
        self.strides = strides
        _refuse_several(request.module)
        composed = parse(request.module, find)
        if composed:
            raise UsageError(
                f"{request.module} is a block with attention, which takes the place of a block",
                hint=f"E.g. yaml-attn replace --at '{composed.block}[*]' "
                f"--module '{request.module}'",
            )
        mechanism = find(request.module)
        self.args = row_arguments(mechanism, request.args, request.parameters)
        self.name = request.name or mechanism.name
        if (mechanism.inputs > 1) != (request.inputs is not None):
            takes = f"{mechanism.name} takes {mechanism.inputs} input(s)"
            raise UsageError(
                takes,
                hint="Name the layer that it refines and its context: --inputs 8,4."
                if mechanism.inputs > 1
                else "Say where with --after, --before or --edge.",
            )

    def plan(self) -> list[Insertion]:
        """The insertions, their rows spelled."""
        request = self.request
        plans = []
        if request.after is not None:
            plans.append(self._beside(plan_after, request.after))
        if request.before is not None:
            plans.append(self._beside(plan_before, request.before))
        if request.edge is not None:
            plans.append(self._on_edges(*request.edge))
        if request.inputs is not None:
            plans.append([self._of_inputs(request.inputs)])
        name = request.module
        if not plans:
            raise UsageError(
                f"say where {name} goes: after a layer, before one, or on an edge",
                hint="E.g. --after 8, --before SPPF or --edge 4:16; several add up. Of several "
                f"modules, each has its own behind it: --module {name} --after 8 --module ... "
                "--after ...",
            )
        if len(plans) > 1:
            raise UsageError(
                f"{name} is given several places in one insertion",
                hint="Make an insertion for each, and hand all of them to one `edit`.",
            )
        return [self._spelled(each) for each in plans[0]]

    def _keys(self, place: Place) -> tuple[int, ...]:
        return select(self.network, place, self.find, self.strides)

    def _beside(self, planner: Callable[..., Insertion], place: Place) -> list[Insertion]:
        chosen = self._consumers()
        keys: Sequence[int] = self._keys(place)
        if planner is plan_before:
            keys = self._with_inputs_of_their_own(keys)
        return [planner(self.network, key, self.name, (), chosen) for key in keys]

    def _with_inputs_of_their_own(self, keys: Sequence[int]) -> Sequence[int]:
        """The layers whose input is refined; of those that share one, the first in the file.

        Raises:
            PlaceError: one is a head, of whose inputs just the first would be refined.
        """
        first: dict[int, int] = {}
        for key in sorted(keys, key=self.network.index.__getitem__):
            layer = self.network[key]
            if layer.module in HEADS and len(layer.sources) > 1:
                raise PlaceError(
                    f"{layer.module} reads {len(layer.sources)} layers, and `before` refines one",
                    hint="For all that the head reads: --after detect --consumers detect",
                )
            first.setdefault(layer.sources[0].key if layer.sources else IMAGE, key)
        return list(first.values()) if self.request.consumers == "all" else keys

    def _consumers(self) -> Consumers:
        consumers = self.request.consumers
        if consumers == "all" or consumers == "next":  # noqa: PLR1714 (mypy narrows this form)
            return consumers
        if consumers == "detect":
            return [self.network.layers[-1].key]
        places = [consumers] if isinstance(consumers, str) else consumers
        return [key for each in places for key in self._keys(each)]

    def _of_inputs(self, inputs: Sequence[Place]) -> Insertion:
        keys = [key for place in inputs for key in self._keys(place)]
        if len(keys) != 2:
            raise UsageError(f"{len(keys)} layers are named as inputs, not 2", hint="E.g. 8,4")
        return plan_inputs(self.network, keys, self.name, (), self._consumers())

    def _on_edges(self, source: Place, target: Place) -> list[Insertion]:
        if self.request.consumers != "all":
            raise UsageError("an edge names its reader itself: leave out the consumers")
        return [
            plan_edge(self.network, one, other, self.name, ())
            for one in self._keys(source)
            for other in self._keys(target)
        ]

    def _spelled(self, each: Insertion) -> Insertion:
        for key in (each.source, *each.context):
            reason = several_maps(self.network, key)
            if reason:
                name = f"layer {self.network.index[key]} ({self.network[key].module})"
                raise PlaceError(f"nothing can be inserted after {name}: {reason}")
        if each.context:
            # What the stock parsers resolve to all channels so far, and to the numbers of `from`.
            return replace(each, args=("ch", "f", *self.args))
        return replace(each, args=(self._channel_argument(each), *self.args))

    def _channel_argument(self, each: Insertion) -> int | str:
        network = self.network
        at = network.index[each.source]
        native = self.name in NATIVE
        if self.request.channels == "c2" or native:
            if network.index[each.before] != at + 1:
                otherwise = "choose another place" if native else "use --channels nominal"
                raise PlaceError(
                    "`c2` is the channels of the row above, which the attention would not read",
                    hint=f"It would read layer {at} by number; {otherwise}.",
                )
            return "c2"
        nominal = nominal_channels(network, each.source)
        if nominal is None:
            raise PlaceError(
                f"the file does not say how many channels layer {at} "
                f"({network.layers[at].module}) gives",
                hint="Use --channels c2, which the frameworks resolve themselves.",
            )
        return nominal


_ALIKE: Final = (
    frozenset("C3 C3Ghost C3TR C3x BottleneckCSP".split()),  # channels, shortcut, groups, expansion
    frozenset("Conv DWConv GhostConv".split()),  # channels, kernel, stride
)
"""Modules whose rows have the same arguments."""


def _replacements(
    network: Network, request: Replace, find: Find, strides: Given
) -> list[Replacement]:
    composed = parse(request.module, find)
    if composed and not finds(composed.mechanism):
        raise UsageError(
            f"{composed.mechanism} is a class of yours, and frameworks are told of bundled ones in "
            "a block alone",
            hint="Insert it as a row of its own, behind the block.",
        )
    module = composed.spelling if composed else request.module
    found = []
    for key in select(network, request.at, find, strides):
        layer = network[key]
        args = request.args
        if args is None:
            args = layer.args if _takes_the_same(layer.module, module) else layer.args[:1]
        found.append(Replacement(key, module, list(args)))
    return found


def _takes_the_same(old: str, new: str) -> bool:
    """Whether the new module's arguments mean what the old one's do; else the channels alone do."""
    kinds = {host(old) or old, host(new) or new}
    return len(kinds) == 1 or any(kinds <= group for group in _ALIKE)


def _removal(network: Network, key: int, find: Find) -> Removal:
    """A removal that has a meaning.

    Raises:
        PlaceError: the layer joins several, changes channels or stride, or nothing would be left.
    """
    layer = network[key]
    at = network.index[key]
    name = f"layer {at} ({layer.module})"
    reason = several_maps(network, key)
    if reason:
        raise PlaceError(f"{name} cannot be removed: {reason}")
    if len(layer.sources) != 1:
        raise PlaceError(
            f"{name} cannot be removed: it reads {len(layer.sources)} layers, and what reads it "
            "could not read all of them"
        )
    if not finds(layer.module, find):  # attention keeps both, wherever it stands
        _refuse_reshaping(network, key, name, out_of(layer.module, find))
    around = network.layers[max(0, at - 1) : at + 2]  # a section is one piece of the file
    if sum(other.section == layer.section for other in around) == 1:
        raise PlaceError(f"{name} cannot be removed: nothing would be left of the {layer.section}")
    return Removal(key)


def _refuse_reshaping(network: Network, key: int, name: str, hint: str | None) -> None:
    layer = network[key]
    before, after = (nominal_channels(network, each) for each in (layer.sources[0].key, key))
    if None in {before, after} or before != after:
        raise PlaceError(
            f"{name} cannot be removed: it turns {before} channels into {after}", hint=hint
        )
    halved = halvings(layer.module, layer.args)
    if halved != 0:
        does = {
            None: "what it does to height and width is not known",
            1: "it halves height and width",
            -1: "it doubles height and width",
        }
        raise PlaceError(
            f"{name} cannot be removed: {does.get(halved, 'it changes height and width')}",
            hint=hint,
        )
