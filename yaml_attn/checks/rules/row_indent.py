"""A row is not indented like the rows around it.

In a block list every dash stands in the same column. One blank more or less, and the file is no
YAML.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
     - [-1, 1, SE, [64]]  # <-
    head:
      - [[2], 1, Detect, [nc]]

Right:

      - [-1, 1, SE, [64]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA005", "row-indent", "error")
CAUSE: Final[Cause] = "indent"
