"""A reference kept the base's number although rows were inserted before it.

The most frequent mistake of all, and the most expensive: the row above almost always has the same
size, so the model builds, trains and is published, on the wrong features and often with another
number of parameters than the base. Needs a base: given by `--base`, or found.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, SE, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 2], 1, Concat, [1]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 3], 1, Concat, [1]]  # <-
      - [-1, 3, C2f, [128]]
      - [[7, 10], 1, Detect, [nc]]

Right:

      - [[-1, 4], 1, Concat, [1]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.divergence import findings
from yaml_attn.checks.finding import Finding, Rule

RULE = Rule("YA102", "number-kept", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every input that is spelled as in the base and reads another layer."""
    told = "for it kept the {written} of {base} though {rows} inserted before that layer"
    return findings(subject, RULE, "kept", told)
