"""Where a stage of the network ends: the layer that a lost reference most likely meant."""

from __future__ import annotations

import re

from yaml_attn.checks.context import Subject
from yaml_attn.dialects.module_specs import enlarges, is_known, plain, shrinks
from yaml_attn.graph.network import IMAGE

_RESIZES = re.compile(r"up|down|sampl|carafe|pool|merg", re.IGNORECASE)


def stage_end(subject: Subject, index: int) -> int:
    """The last layer of the chain of rows, each reading the one above, that keeps this stride."""
    stride = subject.strides[index]
    while (
        index + 1 < len(subject.network)
        and subject.inputs(index + 1) == (index,)
        and subject.strides[index + 1] == stride
    ):
        index += 1
    return index


def level_ends(subject: Subject, head: int, count: int) -> tuple[int, ...]:
    """The last layer of each of the `count` coarsest strides above the head, finest first.

    Nothing where there are fewer, or where some are unknown.
    """
    last = {subject.strides[index]: index for index in range(head)}
    if len({stride.unknown for stride in last}) > 1 or len(last) < count:
        return ()
    return tuple(last[stride] for stride in sorted(last)[-count:])


def ends_in(subject: Subject, head: int, end: int, index: int) -> bool:
    """Whether a layer, with the attention right behind it, is the end of a level."""
    return end in {index, subject.behind(index, head)}


def nearest(subject: Subject, index: int, stride: int, reader: int) -> int | None:
    """The layer nearest to `index` above `reader` with this stride that ends or forms a block."""
    ends = [
        other
        for other in range(reader - 1)
        if subject.strides[other].power == stride
        and not subject.is_join(other)
        and not is_resampler(subject, other)
    ]
    return min(ends, key=lambda other: abs(other - index), default=None)


def is_resampler(subject: Subject, index: int) -> bool:
    """Whether a layer does nothing but change the size of its map."""
    layer = subject.layer(index)
    return enlarges(layer.module, layer.args) or shrinks(layer.module, layer.args)


def is_fusion(subject: Subject, concat: int) -> bool:
    """Whether all that a Concat joins is finished, as where the streams of two cameras meet.

    A neck's Concat joins what was brought to another size on the way, and an ELAN's the
    convolutions of one block.
    """
    return not any(
        source == IMAGE
        or is_resampler(subject, subject.through(source))
        or _is_amidst(subject, source)
        for source in subject.inputs(concat)
    )


def _is_amidst(subject: Subject, index: int) -> bool:
    """Whether the next row goes on with a convolution at its size, or a fork's row may resize."""
    layer = subject.layer(index)
    name = plain(layer.module)
    if not is_known(name) and _RESIZES.search(name):
        return True
    same = subject.strides[index + 1] == subject.strides[index]
    return "Conv" in name and same and subject.inputs(index + 1) == (index,)


def is_unfinished(subject: Subject, index: int, reader: int) -> bool:
    """Whether a layer, or what the attention here refines, is a Concat or only changes the size.

    An Upsample is unfinished in any case, and a Concat that is no fusion; a downsampling or an
    attention only where rows other than `reader` go on with it at that size: small networks have
    stages of one row.
    """
    opening = subject.through(index)
    layer = subject.layer(opening)
    if subject.is_concat(opening):
        # A network may have an attention where others have the block behind a Concat.
        openly = opening == index or stage_end(subject, index) > index
        return openly and not is_fusion(subject, opening)
    if enlarges(layer.module, layer.args) and opening == index:
        return True
    if not is_resampler(subject, opening):
        return False
    others = set(subject.readers(index)) - {reader}
    return any(subject.strides[each] == subject.strides[index] for each in others)
