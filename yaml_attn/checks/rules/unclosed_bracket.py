"""A row opens more brackets than it closes.

The row runs on into the next one, and the parser stumbles much further down.

Wrong:

    backbone:
      [[-1, 1, Conv, [64, 3, 2]],
       [-1, 3, C3, [64],  # <-
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

RULE = Rule("YA004", "unclosed-bracket", "error")
CAUSE: Final[Cause] = "bracket"
