"""What strides name in a network: the levels that its head reads, the ends of backbone stages.

The head is the last layer. Strides (pixels of the image per pixel of a layer's output, by index,
None where it is not known) come from the caller, who knows the dialect: rows are opaque here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import dropwhile
from typing import TypeAlias

from yaml_attn.errors import PlaceError
from yaml_attn.graph.network import IMAGE, Network

Strides: TypeAlias = Sequence[float | None]


def names(network: Network, keys: Iterable[int]) -> str:
    """The layers in words: `17 (C3), 20 (C3)`."""
    return ", ".join(f"{network.index[key]} ({network[key].module})" for key in keys)


def head_inputs(network: Network) -> tuple[int, ...]:
    """The keys of the layers that the head reads, in its order.

    A head whose `from` is `[]` is one of YOLOv5 v1.0: it reads the outputs, the last one first,
    and those are the layers that nobody else reads.

    Raises:
        PlaceError: it reads no layer.
    """
    *others, head = network.layers
    keys = [source.key for source in head.sources if source.key != IMAGE]
    if not head.sources:
        keys = [layer.key for layer in reversed(others) if not network.consumers(layer.key)]
    if not keys:
        raise PlaceError(f"the last layer, {names(network, [head.key])}, reads no layer")
    return tuple(dict.fromkeys(keys))


def level(network: Network, strides: Strides, power: int) -> tuple[int, ...]:
    """The keys of the layers that the head reads at stride 2**`power`.

    Several in a head with auxiliary inputs (IAuxDetect, DualDetect), which has more than one for
    a stride.

    Raises:
        PlaceError: it reads none at this stride, or none that is known to be at it.
    """
    wanted = 2**power
    levels: dict[float | None, list[int]] = {}
    for key in head_inputs(network):
        levels.setdefault(strides[network.index[key]], []).append(key)
    if wanted in levels:
        return tuple(levels[wanted])
    problem = f"the head reads nothing at stride {wanted}, which P{power} means"
    if None in levels:
        problem = f"the head reads nothing that is known to be at stride {wanted} (P{power})"
    there = "; ".join(
        f"{names(network, keys)} at {'an unknown stride' if stride is None else f'{stride:g}'}"
        for stride, keys in levels.items()
    )
    hint = f"It reads {there}. Name one by its index, or all of them: detect."
    raise PlaceError(problem, hint=hint)


def stage_ends(network: Network, strides: Strides) -> tuple[int, ...]:
    """The keys of the last layer of each backbone stage, in file order.

    A stage ends at the layer that the next downsampling reads; the last one ends at the last
    layer with the backbone's largest stride. Three things end no stage:

    - what keeps the image's own resolution;
    - a layer made from an end alone, at the same stride, although it is read at the next stride
      too: YOLOv7 shrinks in two branches, one of them behind a 1x1 convolution;
    - a lone downsampling before the first stage: that is the stem (layer 0 of YOLOv5). Behind one
      it is a block that shrinks on its own account (ResNetLayer of RT-DETR), and a stage.

    Raises:
        PlaceError: a stride of the backbone is unknown, or the backbone is at most a stem.
    """
    size = sum(layer.section == "backbone" for layer in network.layers)
    known = [stride for stride in strides[:size] if stride is not None]
    if len(known) < size:
        first = network.layers[list(strides).index(None)].key
        raise PlaceError(
            f"the stages are unknown: {names(network, [first])} has a stride that is unknown",
            hint="Name the layers by index.",
        )
    ends: list[int] = []
    passed: set[int] = set()
    alone: set[int] = set()
    for at, layer in enumerate(network.layers[:size]):
        inputs = {network.index[source.key] for source in layer.sources if source.key != IMAGE}
        beside = {other for other in inputs if known[other] == known[at]}
        readers = [network.index[key] for key in network.consumers(layer.key)]
        next_stride = max((known[reader] for reader in readers if reader < size), default=0)
        if not beside:
            alone.add(at)
        if beside and beside <= passed:
            passed.add(at)
        elif 1 < known[at] < next_stride:
            passed.add(at)
            ends.append(at)
    ends += sorted((at for at in range(size) if known[at] > 1), key=known.__getitem__)[-1:]
    found = list(dropwhile(alone.__contains__, ends))
    if not found:
        seen = ", ".join(f"{stride:g}" for stride in dict.fromkeys(known)) or "none"
        raise PlaceError(
            f"the backbone has no stages; its strides are {seen}",
            hint="A stage is what follows a downsampling at its stride. Name layers by index.",
        )
    return tuple(network.layers[at].key for at in found)
