"""The head reads a layer that is not finished: a Concat, an Upsample, or a downsampling Conv.

These open a stage; what the head wants is the block at its end. The number was kept although
rows were inserted above, or the wrong count was added to it. The model builds and trains, on the
wrong features.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
      - [-1, 1, SE, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 1], 1, Concat, [1]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 4], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [[7, 9], 1, Detect, [nc]]  # <-

Right:

      - [[7, 10], 1, Detect, [nc]]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.intent import kept
from yaml_attn.checks.stages import ends_in, is_unfinished, level_ends, stage_end
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA203", "detect-unfinished", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every input of a head that opens a stage."""
    for index in range(len(subject.network)):
        if not subject.is_head(index) or not subject.layer(index).listed:
            continue
        ends = level_ends(subject, index, len(subject.inputs(index)))
        for each in subject.references(index):
            if each.target == IMAGE or not is_unfinished(subject, each.target, index):
                continue
            end = ends[each.position] if ends else stage_end(subject, each.target)
            yield RULE.found(
                subject.place_of(index, each.position),
                f"{subject.layer(index).module} reads {subject.named(each.target)}, "
                "which no block has worked on",
                **kept(subject, each, partial(ends_in, subject, index, end), end),
            )
