"""A character looks like one of YAML's own and is a letter to it.

Chinese input methods write full-width punctuation (`\uff0c`, `\uff1a`, `\uff3b`), word processors
and PDFs curly quotes and dashes, web pages no-break spaces, which an editor does not show. In
comments and in quoted texts they do no harm.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1\uff0c3, C2f, [64]]  # <-
    head:
      - [[1], 1, Detect, [nc]]

Right:

      - [-1, 3, C2f, [64]]
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.document.diagnosis import Cause

RULE = Rule("YA002", "odd-character", "error")
CAUSE: Final[Cause] = "character"
