"""A reference reads another layer than in the base, and no count of inserted rows explains it.

A slip of the hand, or a change of the network that nobody will see in the diff. Needs a base:
given by `--base`, or found.

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
      - [[-1, 2], 1, Concat, [1]]  # <-
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

RULE = Rule("YA104", "other-layer", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every input that reads another layer for no reason that shows."""
    told = "which is not what {base} reads there ({before})"
    return findings(subject, RULE, "other", told)
