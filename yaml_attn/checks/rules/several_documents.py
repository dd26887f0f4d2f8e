"""The file holds more than one YAML document.

A line `---` or `...` ends a document; the frameworks read files with one only and refuse the rest.

Wrong:

    nc: 80
    ...
    nc: 2  # <-
    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
    head:
      - [[1], 1, Detect, [nc]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA006", "several-documents", "error")
CAUSE: Final[Cause] = "documents"
