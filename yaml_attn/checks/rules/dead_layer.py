"""A layer that nobody reads: a dead attention above all.

An attention in front of Detect does nothing as long as Detect reads the layer before it. The
model builds, trains and reports the base's accuracy; the attention's parameters get no gradient.

A dead layer of the framework's own is a warning: what is left of a head that was taken out.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 1], 1, Concat, [1]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 3], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [-1, 1, SE, [128]]  # <-
      - [[6, 9], 1, Detect, [nc]]

Right:

      - [-1, 1, SE, [128]]
      - [[6, 10], 1, Detect, [nc]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.divergence import misread
from yaml_attn.checks.finding import Finding, Fix, Rule
from yaml_attn.dialects.module_specs import is_known, plain
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA206", "dead-layer", "error")

# World models read it by name; YOLOv5 v1 and v2 collect its outputs for a Detect without `from`.
_READ_OTHERWISE = frozenset(["ImagePoolingAttn", "nn.Conv2d"])


def check(subject: Subject) -> Iterator[Finding]:
    """Every layer without a reader, but for heads and the last row."""
    missed = _missed(subject)
    for index, layer in enumerate(subject.network.layers[:-1]):
        if subject.readers(index) or subject.is_head(index):
            continue
        if plain(layer.module) in _READ_OTHERWISE or index in missed:
            continue
        added = index in subject.attention or (
            not is_known(layer.module) and len(layer.sources) == 1
        )
        reader = _sure_reader(subject, index) if added else None
        yield RULE.found(
            subject.place(index),
            f"nobody reads this {layer.module}" + (": it is dead" if added else ""),
            meant=_meant(subject, index) if added else None,
            fix=reader,
            level="error" if added or _replaced(subject, index) else "warning",
        )


def _replaced(subject: Subject, index: int) -> bool:
    """Whether a head or a join below reads the layer above the dead one in its stead."""
    sources = set(map(subject.through, subject.inputs(index))) - {IMAGE}
    return any(
        reader > index and subject.through(target) in sources
        for source in sources
        for reader in subject.readers(source)
        if subject.is_head(reader)
        for target in subject.inputs(reader)
    )


def _missed(subject: Subject) -> set[int]:
    """The layers that a wrong reference may have meant: those are findings of other rules."""
    lost = max((layer for layer, _ in subject.broken), default=0)
    if subject.match is None or not subject.match.certain:
        return set(range(lost))
    meant = [(each.expected, each.reference.layer) for each in misread(subject)]
    return {*range(lost), *(subject.behind(right, reader) for right, reader in meant)}


def _later_readers(subject: Subject, index: int) -> list[tuple[int, int]]:
    """Where rows below read what this layer reads: (layer, position)."""
    (source,) = subject.inputs(index)
    return [
        (reader, position)
        for reader in subject.readers(source)
        if reader > index and source != IMAGE
        for position, target in enumerate(subject.inputs(reader))
        if target == source
    ]


def _sure_reader(subject: Subject, index: int) -> Fix | None:
    """The edit that brings it to life, if only one input below can be meant to read it."""
    readers = _later_readers(subject, index)
    (source,) = subject.inputs(index)
    if len(readers) != 1 or subject.strides[source] != subject.strides[index]:
        return None
    return subject.repoint(*readers[0], index)


def _meant(subject: Subject, index: int) -> str:
    (source,) = subject.inputs(index)
    readers = dict.fromkeys(subject.named(reader) for reader, _ in _later_readers(subject, index))
    if not readers:
        return f"no row below reads {subject.named(source)}, which it refines"
    return f"{' or '.join(readers)} still reads {subject.named(source)}, which it refines"
