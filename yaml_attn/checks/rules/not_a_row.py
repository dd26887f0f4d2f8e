"""An item of `backbone:` or `head:` is no row `[from, number, module, args]`.

The frameworks stop at it (`too many values to unpack`). Most often a bracket closes too early, so
that some args have become items of the row. A `from` written as an alias (`*name`) is refused as
well: an edit could not tell which of its uses is meant.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3], 2]  # <-
      - [-1, 3, C2f, [64]]
    head:
      - [[1], 1, Detect, [nc]]

Right:

      - [-1, 1, Conv, [64, 3, 2]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA009", "not-a-row", "error")
CAUSE: Final[Cause] = "row"
