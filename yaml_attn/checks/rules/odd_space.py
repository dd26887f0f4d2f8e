"""A line is indented with something that looks like a space and is none.

Text copied from a web page brings no-break spaces (U+00A0) and full-width ones (U+3000). YAML
takes them for letters. An editor shows nothing.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
     \u00a0- [-1, 3, C2f, [64]]  # <-
    head:
      - [[1], 1, Detect, [nc]]

Right:

      - [-1, 3, C2f, [64]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.config.diagnosis import Cause

RULE = Rule("YA002", "odd-space", "error")
CAUSE: Final[Cause] = "space"
