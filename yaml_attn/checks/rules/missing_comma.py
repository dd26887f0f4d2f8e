"""A row of a flow list has no comma behind it.

Where rows stand in one big pair of brackets, as in YOLOv5 and YOLOv7, each but the last ends in a
comma. A new row pasted below the last one leaves that one without.

Wrong:

    backbone:
      [[-1, 1, Conv, [64, 3, 2]],
       [-1, 3, C3, [64]]  # <-
       [-1, 1, SE, [64]],
      ]
    head:
      [[[2], 1, Detect, [nc, anchors]]]

Right:

       [-1, 3, C3, [64]],
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA003", "missing-comma", "error")
CAUSE: Final[Cause] = "comma"
