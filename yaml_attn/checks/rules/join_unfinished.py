"""A skip connection reads a layer that is not finished: a Concat, an Upsample, a downsampling Conv.

A Concat takes its far inputs from the ends of stages. Where the number was kept although a row
was inserted above, it reads one row too early: the stage's first layer, at the same stride and
often with the same channels, so that nothing fails.

A row with one input that reads a Concat from afar is a warning, for some designs want that; an
error if it is one of the head's last convolutions, as YOLOv7 has them.

Wrong:

    backbone:
      - [-1, 1, Conv, [32, 3, 2]]
      - [-1, 1, SE, [32]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 2], 1, Concat, [1]]  # <-
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 5], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [[8, 11], 1, Detect, [nc]]

Right:

      - [[-1, 3], 1, Concat, [1]]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from yaml_attn.checks.context import Reference, Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.intent import kept
from yaml_attn.checks.stages import is_resampler, is_unfinished, stage_end
from yaml_attn.dialects.module_specs import enlarges

RULE = Rule("YA204", "join-unfinished", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every far input of a row that opens a stage."""
    for index in range(len(subject.network)):
        if subject.is_head(index):
            continue
        for each in subject.references(index):
            # Relative numbers reach into the block around them: -2 reads its Concat on purpose.
            if not 0 <= each.target == each.written < index - 1:
                continue
            join = subject.is_join(index)
            if not _is_lost(subject, each, join=join):
                continue
            end = stage_end(subject, each.target)
            yield RULE.found(
                subject.place_of(index, each.position),
                f"{subject.layer(index).module} reads {subject.named(each.target)}, "
                "which no block has worked on",
                **kept(subject, each, partial(_fits, subject, each), end),
                level="error" if join or _feeds_head(subject, index) else "warning",
            )


def _is_lost(subject: Subject, reference: Reference, *, join: bool) -> bool:
    if not is_unfinished(subject, reference.target, reference.layer):
        return False
    opening = subject.through(reference.target)
    if subject.is_concat(opening):
        return True
    near = subject.through(reference.layer - 1)
    # A join of two that goes on from a change of size: the skip connection of a neck.
    if not join or len(subject.inputs(reference.layer)) != 2 or not is_resampler(subject, near):
        return False
    layer = subject.layer(opening)
    # Necks that reduce the skip first read the Upsample from afar, but nobody else does.
    shared = len(subject.readers(reference.target)) > 1
    return shared or not enlarges(layer.module, layer.args)


def _fits(subject: Subject, reference: Reference, other: int) -> bool:
    same = subject.strides[other] == subject.strides[reference.target]
    return same and not is_unfinished(subject, other, reference.layer)


def _feeds_head(subject: Subject, index: int) -> bool:
    readers = subject.readers(index)
    return bool(readers) and all(subject.is_head(reader) for reader in readers)
