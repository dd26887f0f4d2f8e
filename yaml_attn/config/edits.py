"""Edits of a network: insert a layer, contract it again; each gives a new network.

Edits name layers by key, so any number of them can follow one another in the numbering of the
file as it was: nothing is renumbered before the result is spelled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from yaml_attn.config.network import IMAGE, Layer, Network, Source
from yaml_attn.errors import PlaceError

Consumers = Literal["all", "next"] | Collection[int]
"""Who reads an inserted layer: every reader of the layer it follows, the next row, or these."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """One layer to insert: reads `source`, is read by `readers`, stands before layer `before`.

    All three name layers by key. `section` matters where backbone and head meet.
    """

    module: str
    args: Sequence[Any]
    source: int
    readers: frozenset[int]
    before: int
    section: str

    def apply(self, network: Network, key: int) -> Network:
        """The network with the new layer in it, under this key."""
        at = network.index[self.before]
        directly_behind = network.layers[at - 1].key == self.source
        new = Layer(
            key,
            self.section,
            (Source(self.source, relative=directly_behind),),
            listed=False,
            number=1,
            module=self.module,
            args=self.args,
        )
        layers = [
            _retarget(layer, self.source, key) if layer.key in self.readers else layer
            for layer in network.layers
        ]
        return Network((*layers[:at], new, *layers[at:]))


def plan_after(
    network: Network, source: int, module: str, args: Sequence[Any], consumers: Consumers = "all"
) -> Insertion:
    """An insertion after the layer with key `source`.

    The new row stands directly behind it and reads -1, unless the row that follows keeps reading
    the layer itself: then it stands just before its first reader.

    Raises:
        PlaceError: nobody would read the new layer, or a listed consumer does not read `source`.
    """
    at = network.index[source]
    if at + 1 == len(network):
        raise PlaceError(
            f"nothing can be inserted after layer {at} ({network.layers[at].module}), the last",
            hint="It is the head: no layer reads it.",
        )
    readers = _choose(network, source, consumers)
    following = network.layers[at + 1].key
    raw_next = following not in readers and network.layers[at + 1].reads(source)
    if not raw_next:
        return Insertion(module, args, source, readers, following, network[source].section)
    first = min(readers, key=lambda key: network.index[key])
    return Insertion(module, args, source, readers, first, network[first].section)


def plan_before(
    network: Network, target: int, module: str, args: Sequence[Any], consumers: Consumers = "all"
) -> Insertion:
    """An insertion before the layer with key `target`, on the first of its inputs.

    The new row stands directly above the target; of the other readers of that input it moves
    those that come later in the file (all of them by default).

    Raises:
        PlaceError: the target reads the image or nothing, or nobody would read the new layer.
    """
    at = network.index[target]
    layer = network.layers[at]
    source = layer.sources[0].key if layer.sources else IMAGE
    if source == IMAGE:
        reads = "the image itself" if layer.sources else "no layer that the file names"
        raise PlaceError(
            f"nothing can be inserted before layer {at} ({layer.module}): it reads {reads}"
        )
    if network.layers[at - 1].key == source:
        plan = plan_after(network, source, module, args, consumers)
        return replace(plan, section=network[plan.before].section)
    later = [key for key in network.consumers(source) if network.index[key] >= at]
    if consumers == "all":
        consumers = later
    elif consumers == "next":
        consumers = [target]
    readers = _choose(network, source, consumers)
    early = sorted(network.index[key] for key in readers if key not in later)
    if early:
        raise PlaceError(
            f"layer {early[0]} cannot read a layer inserted before layer {at}: it stands above it"
        )
    return Insertion(module, args, source, readers, target, layer.section)


def _choose(network: Network, source: int, consumers: Consumers) -> frozenset[int]:
    """The readers of `source` that will read the new layer instead."""
    at = network.index[source]
    name = f"layer {at} ({network.layers[at].module})"
    readers = network.consumers(source)
    indexes = ", ".join(str(network.index[key]) for key in readers)
    if not readers:
        raise PlaceError(f"nobody reads {name}, so nobody would read an attention after it")
    if consumers == "all":
        return frozenset(readers)
    if consumers == "next":
        following = network.layers[at + 1]
        if following.key not in readers:
            raise PlaceError(
                f"the row after {name} does not read it, so nobody would read the attention",
                hint=f"{name} is read by: {indexes}. Use --consumers all, or name some of them.",
            )
        return frozenset([following.key])
    strangers = [key for key in consumers if key not in readers]
    if strangers:
        wrong = ", ".join(str(network.index[key]) for key in strangers)
        raise PlaceError(f"layer {wrong} does not read {name}", hint=f"It is read by: {indexes}.")
    if not consumers:
        raise PlaceError("no consumers are named: nobody would read the attention")
    return frozenset(consumers)


def contract(network: Network, keys: Collection[int]) -> Network:
    """The network without these one-input layers: their readers read what they read."""
    layers = network.layers
    for key in keys:
        gone = network[key]
        layers = tuple(
            _retarget(layer, key, gone.sources[0].key) for layer in layers if layer.key != key
        )
        network = Network(layers)
    return network


def _retarget(layer: Layer, old: int, new: int) -> Layer:
    sources = tuple(
        Source(new, source.relative) if source.key == old else source for source in layer.sources
    )
    return replace(layer, sources=sources)
