"""A reference reads no layer: out of range, or a layer further down.

The frameworks stop with `IndexError: list index out of range`. Rows were inserted or taken out and
the number was not adjusted, or adjusted too much.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [[1, 6], 1, Detect, [nc]]  # <-

Right:

      - [[1, 3], 1, Detect, [nc]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.divergence import expected
from yaml_attn.checks.finding import Finding, Rule

RULE = Rule("YA101", "reference-range", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every reference that cannot be read."""
    for (layer, position), error in subject.broken.items():
        right = expected(subject, layer, position)
        place = subject.place_of(layer, position)
        message = f"{subject.layer(layer).module} {error.message}"
        if right is None:
            yield RULE.found(place, message)
            continue
        right = subject.behind(right, layer)
        yield RULE.found(
            place,
            message,
            meant=f"the base reads what is now {subject.named(right)}",
            fix=subject.repoint(layer, position, right),
        )
