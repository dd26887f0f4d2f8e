"""The head's inputs are not at increasing, distinct strides.

A head reads one map a level, from fine to coarse. Two inputs of one stride mean that a level is
missing and another is there twice; the model trains all the same.

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
      - [-1, 1, SE, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 3], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [[6, 7], 1, Detect, [nc]]  # <-

Right:

      - [[7, 10], 1, Detect, [nc]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import pairwise

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.intent import Told, kept
from yaml_attn.checks.stages import ends_in, level_ends
from yaml_attn.checks.strides import Stride
from yaml_attn.dialects.module_specs import LEVEL_HEADS, plain
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA202", "detect-strides", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """The first input of a head that does not follow from fine to coarse."""
    for index in range(len(subject.network)):
        levels = list(subject.references(index))
        if not _reads_levels(subject, index) or any(each.target == IMAGE for each in levels):
            continue
        strides = [subject.strides[each.target] for each in levels]
        wrong = _first_wrong(strides)
        if wrong is None:
            continue
        written = ", ".join(str(stride) for stride in strides)
        ends = level_ends(subject, index, len(levels))
        # Of two levels at one stride, the one that belongs to another is wrong.
        misplaced = [at for at, end in enumerate(ends) if strides[at] != subject.strides[end]]
        wrong = misplaced[0] if misplaced else wrong
        told: Told = {"meant": None, "fix": None}
        if ends:
            fits = partial(ends_in, subject, index, ends[wrong])
            names = ", ".join(subject.named(end) for end in ends)
            told = kept(subject, levels[wrong], fits, None)
            told["meant"] = told["meant"] or f"the levels end in {names}"
        yield RULE.found(
            subject.place_of(index, levels[wrong].position),
            f"{subject.layer(index).module} reads strides {written}, not one map a level from "
            "fine to coarse",
            **told,
            # From coarse to fine throughout was somebody's decision.
            level="warning" if all(map(_falls, strides, strides[1:])) else "error",
        )


def _reads_levels(subject: Subject, index: int) -> bool:
    name = plain(subject.layer(index).module)
    return name in LEVEL_HEADS or (subject.is_head(index) and name.endswith("Detect"))


def _first_wrong(strides: Sequence[Stride]) -> int | None:
    """Where the strides do not rise, unless they rise several times over: auxiliary levels."""
    pairs = list(pairwise(strides))
    steps = [at for at, (a, b) in enumerate(pairs, 1) if a == b or _falls(a, b)]
    if not steps:
        return None
    runs = {end - start for start, end in pairwise([0, *steps, len(strides)])}
    again = len(runs) == 1 and min(runs) > 1 and all(_falls(*pairs[at - 1]) for at in steps)
    return None if again else steps[0]


def _falls(fine: Stride, coarse: Stride) -> bool:
    return fine.comparable(coarse) and fine.power > coarse.power
