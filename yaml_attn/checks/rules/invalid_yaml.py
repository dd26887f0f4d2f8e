"""The file is not YAML.

No framework can read it. The place is where the parser gave up, which may be a few rows below the
mistake. The usual causes in YOLO configs have rules of their own.

Wrong:

    nc: 80, names: [cat, dog]  # <-
    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
    head:
      - [[1], 1, Detect, [nc]]

Right:

    nc: 80
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA001", "invalid-yaml", "error")
CAUSE: Final[Cause] = "syntax"
