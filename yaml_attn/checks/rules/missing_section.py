"""The file has a backbone without a head, or a head without a backbone.

The frameworks stop with a `KeyError`. Files with neither key are no model configs and are left
out. What is no YAML file by its name, such as a README that shows a config, is said to be none.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
    Head:
      - [[1], 1, Detect, [nc]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA010", "missing-section", "error")
CAUSE: Final[Cause] = "sections"
