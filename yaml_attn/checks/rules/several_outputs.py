"""A row that the file counts as several layers: a backbone, or a neck, that gives several maps.

Some forks put a whole backbone in one row and count it as five layers; then the head reads beyond
the last row. Or a neck is one row, and the head reads `[-3, -2, -1]`. Neither YOLOv5 nor
Ultralytics counts so. What the numbers mean only the fork knows: no other check looks at them, and
nothing is repaired.

Wrong:

    backbone:
      - [-1, 1, TinyViT, []]  # 4  # <-
      - [-1, 1, SPPF, [128, 5]]  # 5
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]  # 6
      - [[-1, 3], 1, Concat, [1]]  # 7
      - [-1, 3, C2f, [64]]  # 8
      - [[8, 5], 1, Detect, [nc]]

Right:

      - [-1, 1, Conv, [64, 3, 2]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.outputs import several_outputs

RULE = Rule("YA211", "several-outputs", "note")


def check(subject: Subject) -> Iterator[Finding]:
    """The row that stands for several layers."""
    index = several_outputs(subject)
    if index is not None:
        yield RULE.found(
            subject.place(index),
            f"the numbers of this file count the one row {subject.layer(index).module} as several "
            "layers, as some forks do; they are not checked",
        )
