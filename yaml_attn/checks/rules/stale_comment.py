"""A trailing comment repeats a layer number that the layer no longer has.

`# 17 (P3/8-small)` behind layer 18 is what the next reader will write into a `from`. Only numbers
that surely mean the row are looked at: alone, before P3, (P3/8 and the like or before the row's own
module, or off by just the attention rows above.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]  # 0-P1/2
      - [-1, 3, C2f, [64]]
      - [-1, 1, SE, [64]]
      - [-1, 1, Conv, [128, 3, 2]]  # 2-P2/4  # <-
      - [-1, 3, C2f, [128]]
    head:
      - [[2, 4], 1, Detect, [nc]]

Right:

      - [-1, 1, Conv, [128, 3, 2]]  # 3-P2/4
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.document.document import comment_number

RULE = Rule("YA301", "stale-comment", "warning")

_ROWS_OWN = re.compile(r"[ \t]*(-[ \t]*P\d|\([ \t]*P\d|$|[\r\n])")


def check(subject: Subject) -> Iterator[Finding]:
    """Every comment that opens with another number than its row's."""
    text = subject.document.text
    above = 0
    for index, row in enumerate(subject.document.rows):
        above += index in subject.attention
        span = comment_number(text, row)
        if span is None:
            continue
        number = int(text[slice(*span)])
        if number == index or number >= len(subject.network):
            continue
        own = _ROWS_OWN.match(text, span.end) or _names(text, span.end, subject.layer(index).module)
        if not own and (not above or number != index - above):
            continue
        yield RULE.found(
            subject.place_of_span(span, index),
            f"the comment says {number}",
            meant=f"the row is layer {index}",
            fix=subject.renumber(span, index, "comment", index),
        )


def _names(text: str, offset: int, module: str) -> bool:
    """Whether a comment goes on with a module's name."""
    return bool(re.compile(rf"[ \t]+{re.escape(module)}(?!\w)").match(text, offset))
