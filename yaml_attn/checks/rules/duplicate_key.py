"""A key stands twice.

YAML forbids it, and the frameworks' parser takes the last one without a word: the head that was
edited may not be the head that is trained.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
    head:
      - [[1], 1, Detect, [nc]]
    head:  # <-
      - [[0], 1, Detect, [nc]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA007", "duplicate-key", "error")
CAUSE: Final[Cause] = "duplicate key"
