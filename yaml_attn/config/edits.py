"""Edits of a network: insert, replace, remove layers; any number at once, in one numbering.

An edit names layers by key, so all edits of one call speak of the network as it was before: nothing
is renumbered until the result is spelled. Their order does not matter, except that layers inserted
on the same connections follow one another as given.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from yaml_attn.config.network import IMAGE, Layer, Network, Source
from yaml_attn.errors import PlaceError

Consumers: TypeAlias = Literal["all", "next"] | Collection[int]
"""Who reads an inserted layer: every reader of the layer it follows, the next row, or these."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """A layer to insert: reads `source`, is read by `readers`, stands before the layer `before`.

    All name layers by key. `section` matters where backbone and head meet; `context` are the
    further inputs of a layer that reads several.
    """

    module: str
    args: Sequence[Any]
    source: int
    readers: frozenset[int]
    before: int
    section: str
    context: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Replacement:
    """Another module, with other arguments, in the place of a layer; its wiring stays."""

    key: int
    module: str
    args: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Removal:
    """A layer to take out: its readers read what it read."""

    key: int


Edit: TypeAlias = Insertion | Replacement | Removal


def apply(network: Network, edits: Sequence[Edit]) -> Network:
    """The network with all these edits made at once.

    Inserted layers get new keys, in the order of `edits`.

    Raises:
        PlaceError: a layer is edited twice, two insertions share some connections but not all, or
            a layer other than the first would read the image.
    """
    _refuse_twice(network, edits)
    base = network
    network = _replaced(network, [edit for edit in edits if isinstance(edit, Replacement)])
    network = _inserted(network, [edit for edit in edits if isinstance(edit, Insertion)])
    edited = contract(network, [edit.key for edit in edits if isinstance(edit, Removal)])
    for layer in edited.layers[1:]:
        if layer.reads(IMAGE):
            name = f"layer {base.index[layer.key]}" if layer.key in base.index else "the new layer"
            raise PlaceError(
                f"{name} ({layer.module}) would have to read the image, "
                "which only the first row of a file can"
            )
    return edited


def contract(network: Network, keys: Collection[int]) -> Network:
    """The network without these layers: their readers read what they read (first)."""
    if not keys:
        return network
    gone = set(keys)
    stands: dict[int, int] = {}  # a layer that is gone -> what it read that is not
    layers = []
    for layer in network.layers:  # what a layer reads stands above it
        if layer.key in gone:
            source = layer.sources[0].key if layer.sources else IMAGE
            stands[layer.key] = stands.get(source, source)
        else:
            layers.append(_retargeted(layer, stands))
    return Network(tuple(layers))


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
    if following in readers or not network.layers[at + 1].reads(source):
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


def plan_edge(
    network: Network, source: int, target: int, module: str, args: Sequence[Any]
) -> Insertion:
    """An insertion on the connection from `source` to `target` alone, just before the target.

    Raises:
        PlaceError: the target does not read the source.
    """
    readers = _choose(network, source, [target])
    return Insertion(module, args, source, readers, target, network[target].section)


def plan_inputs(
    network: Network,
    inputs: Sequence[int],
    module: str,
    args: Sequence[Any],
    consumers: Consumers = "all",
) -> Insertion:
    """An insertion of a layer that reads several: the first is refined, the others are its context.

    The new row stands behind all of them; of the readers of the first it moves those that come
    later (all of them by default).

    Raises:
        PlaceError: nobody later in the file would read the new layer.
    """
    source, *context = inputs
    last = max(network.index[key] for key in inputs)
    later = [key for key in network.consumers(source) if network.index[key] > last]
    if consumers == "all":
        consumers = later
    if not later:
        name = f"layer {network.index[source]} ({network[source].module})"
        raise PlaceError(f"nobody reads {name} behind layer {last}, so nobody would read the layer")
    plan = plan_after(network, source, module, args, consumers)
    early = sorted(network.index[key] for key in plan.readers if key not in later)
    if early:
        raise PlaceError(f"layer {early[0]} stands before layer {last}, which the new layer reads")
    before = max(plan.before, network.layers[last + 1].key, key=network.index.__getitem__)
    section = network.layers[network.index[before] - 1].section
    return replace(plan, before=before, section=section, context=tuple(context))


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


def _in_order(network: Network, insertions: Sequence[Insertion]) -> list[tuple[int, Insertion]]:
    """The insertions with their new keys, in the order in which they can be made one by one.

    On one layer's connections, the insertion with more readers stands nearer to the layer, and
    those with fewer read it.
    """
    fresh = 1 + max(layer.key for layer in network.layers)
    keyed = list(enumerate(insertions, start=fresh))
    nearest_first = sorted(keyed, key=lambda item: -len(item[1].readers))
    made: list[tuple[int, Insertion]] = []
    beside: dict[int, list[tuple[int, Insertion]]] = {}  # by the layer that they lead back to
    for key, insertion in nearest_first:
        wider = None
        others = beside.setdefault(insertion.source, [])
        for other_key, other in others:
            shared = insertion.readers & other.readers
            if not shared:
                continue
            if shared != insertion.readers:
                raise _overlap(network, insertion, other)
            wider = other_key, other
        if wider:
            first = max(insertion.before, wider[1].before, key=network.index.__getitem__)
            insertion = replace(insertion, source=wider[0], before=first)  # noqa: PLW2901
        others.append((key, insertion))
        made.append((key, insertion))

    def place(item: tuple[int, Insertion]) -> tuple[int, int]:
        source = _origin(insertions, fresh, item[1].source)
        return network.index[item[1].before], network.index[source]

    return sorted(made, key=place)


def _origin(insertions: Sequence[Insertion], fresh: int, source: int) -> int:
    """The layer of the network as it was that an insertion's source leads back to."""
    return insertions[source - fresh].source if source >= fresh else source


def _overlap(network: Network, one: Insertion, other: Insertion) -> PlaceError:
    at = network.index[one.source]
    return PlaceError(
        f"{one.module} and {other.module} are inserted after layer {at} for different readers, "
        "some of them the same",
        hint="Give both the same --consumers, or insert one of them in a second command.",
    )


def _inserted(network: Network, insertions: Sequence[Insertion]) -> Network:
    above: dict[int, list[Layer]] = {}  # the new layers that stand above one, in order
    moves: dict[int, dict[int, int]] = {}  # of each reader: what it read -> what it reads now
    for key, insertion in _in_order(network, insertions):
        new = above.setdefault(insertion.before, [])
        before = new[-1] if new else network.layers[network.index[insertion.before] - 1]
        sources = (
            Source(insertion.source, relative=before.key == insertion.source),
            *(Source(each, relative=False) for each in insertion.context),
        )
        new.append(
            Layer(
                key,
                insertion.section,
                sources,
                listed=bool(insertion.context),
                number=1,
                module=insertion.module,
                args=insertion.args,
            )
        )
        for reader in insertion.readers:
            moved = moves.setdefault(reader, {})
            # Who reads a new layer on the same connection reads the newer one behind it.
            for source, now in moved.items():
                if now == insertion.source:
                    moved[source] = key
            moved[insertion.source] = key
    layers: list[Layer] = []
    for layer in network.layers:
        layers += above.get(layer.key, ())
        layers.append(_retargeted(layer, moves.get(layer.key, {})))
    return Network(tuple(layers))


def _replaced(network: Network, edits: Sequence[Replacement]) -> Network:
    new = {edit.key: edit for edit in edits}
    return Network(
        tuple(
            replace(layer, module=new[layer.key].module, args=new[layer.key].args)
            if layer.key in new
            else layer
            for layer in network.layers
        )
    )


def _retargeted(layer: Layer, now: Mapping[int, int]) -> Layer:
    """The layer, reading others instead of those that have one."""
    if not any(source.key in now for source in layer.sources):
        return layer
    sources = (Source(now.get(each.key, each.key), each.relative) for each in layer.sources)
    return replace(layer, sources=tuple(sources))


def _refuse_twice(network: Network, edits: Sequence[Edit]) -> None:
    seen: set[int] = set()
    for edit in edits:
        if isinstance(edit, Insertion):
            continue
        if edit.key in seen:
            at = network.index[edit.key]
            raise PlaceError(
                f"layer {at} ({network[edit.key].module}) is replaced or removed twice"
            )
        seen.add(edit.key)
