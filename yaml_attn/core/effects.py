"""What edits did to a network: the layers they added, and what else changes with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from yaml_attn.core.results import Consumer, Inserted
from yaml_attn.dialects import family
from yaml_attn.graph.changes import LayerChange
from yaml_attn.graph.network import Layer, Network


def inserted(network: Network, changes: Sequence[LayerChange]) -> tuple[Inserted, ...]:
    """The layers that edits added, in the order of the file."""
    found = []
    for change in changes:
        if change.old is None and change.new is not None:
            layer = network.layers[change.new]
            reads, *context = change.after
            found.append(
                Inserted(
                    change.new,
                    layer.section,
                    network.row(layer),
                    reads,
                    _consumers_around(network, layer),
                    tuple(context),
                )
            )
    return tuple(found)


def _consumers_around(network: Network, layer: Layer) -> tuple[Consumer, ...]:
    """Who reads an inserted layer, and who still reads what it reads."""
    new = dict.fromkeys(network.consumers(layer.key), True)
    raw = dict.fromkeys(network.consumers(layer.sources[0].key), False)
    readers = {key: moved for key, moved in {**raw, **new}.items() if key != layer.key}
    return tuple(
        Consumer(network.index[key], network[key].module, moved)
        for key, moved in sorted(readers.items(), key=lambda item: network.index[item[0]])
    )


def side_effects(
    before: Network, after: Network, changes: Sequence[LayerChange], dialect: str
) -> tuple[str, ...]:
    """What edits change beside the layers, in sentences."""
    found = []
    old, new = (
        sum(layer.section == "backbone" for layer in network.layers) for network in (before, after)
    )
    if new != old:
        found.append(
            f"The backbone has {new} layers instead of {old}: where you freeze it with "
            f"{_freeze(dialect, old)}, use {_freeze(dialect, new)}."
        )
    if family(dialect) == "ultralytics":
        found += _other_head(before, after)
    was = {change.new: change.old for change in changes if change.new is not None}
    if any(old not in {None, new} for new, old in was.items()):
        found.append(
            f"A checkpoint of the base fits {_spans(new for new, old in was.items() if old == new)}"
            ", for weights are loaded by layer number; `yaml-attn weights` moves them all."
        )
    return tuple(found)


def _spans(indexes: Iterable[int]) -> str:
    """Indexes in words: `layers 0 to 8 only`."""
    # In a run, each is as far from its place in the list as the one before it.
    runs = [list(run) for _, run in groupby(enumerate(indexes), lambda item: item[1] - item[0])]
    words = [f"{run[0][1]} to {run[-1][1]}" if len(run) > 1 else f"{run[0][1]}" for run in runs]
    if not words:
        return "no layer"
    several = len(words) > 1 or " " in words[0]
    return f"layer{'s' * several} {' and '.join(words)} only"


def _freeze(dialect: str, layers: int) -> str:
    option = "freeze=" if family(dialect) == "ultralytics" else "--freeze "
    return f"{option}{layers}"


def _other_head(before: Network, after: Network) -> list[str]:
    from yaml_attn.dialects.ultralytics import legacy_head  # noqa: PLC0415 (its tables are long)

    if legacy_head(before) == legacy_head(after):
        return []
    form, left = ("older", "no") if legacy_head(after) else ("newer", "a")
    effect = (
        f"Ultralytics builds the {form} form of the head now, as it does wherever {left} C3k2, "
        "A2C2f or C2fCIB is in the file: the head differs from the base's too, and its weights do "
        "not fit."
    )
    return [effect]
