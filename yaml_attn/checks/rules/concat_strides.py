"""A Concat joins maps of different strides.

It cannot run: a Concat needs maps of one height and width. A number in its `from` was not
shifted by the rows inserted above, or shifted once too often.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
      - [-1, 1, SE, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 2], 1, Concat, [1]]  # <-
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 4], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [[7, 10], 1, Detect, [nc]]

Right:

      - [[-1, 1], 1, Concat, [1]]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.intent import kept
from yaml_attn.checks.stages import is_unfinished, nearest
from yaml_attn.checks.strides import IMAGE_STRIDE, Stride
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA201", "concat-strides", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every input of a join whose stride differs from the others'."""
    for index in range(len(subject.network)):
        references = list(subject.references(index))
        if not subject.is_join(index) or not references:
            continue
        strides = [
            IMAGE_STRIDE if each.target == IMAGE else subject.strides[each.target]
            for each in references
        ]
        common = _common(strides, [each.target == index - 1 for each in references])
        for each, stride in zip(references, strides, strict=True):
            if stride.comparable(common) and stride != common:
                near = nearest(subject, each.target, common.power, index)
                fits = partial(_fits, subject, index, common)
                yield RULE.found(
                    subject.place_of(index, each.position),
                    f"{subject.layer(index).module} joins stride {stride}, of "
                    f"{subject.named(each.target)}, with stride {common}",
                    **kept(subject, each, fits, near),
                )


def _fits(subject: Subject, join: int, stride: Stride, other: int) -> bool:
    return subject.strides[other] == stride and not is_unfinished(subject, other, join)


def _common(strides: list[Stride], adjacent: list[bool]) -> Stride:
    """The stride that most inputs have; the row above's where that does not tell."""
    counts = Counter(strides)
    return max(zip(strides, adjacent, strict=True), key=lambda item: (counts[item[0]], item[1]))[0]
