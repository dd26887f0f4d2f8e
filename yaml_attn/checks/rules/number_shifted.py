"""A reference was shifted by another count than the rows inserted before the layer it reads.

Too far: every number was raised by the number of inserted rows, also those of layers above them.
Not far enough: several rows were inserted and only one was counted. Needs a base: given by
`--base`, or found.

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

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.divergence import findings
from yaml_attn.checks.finding import Finding, Rule

RULE = Rule("YA103", "number-shifted", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every input whose number moved by the wrong count."""
    told = "for the {before} of {base} was shifted by {by}; {rows} inserted before that layer"
    return findings(subject, RULE, "shifted", told)
