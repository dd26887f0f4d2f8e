"""An attention row's `number` is not 1.

`number` says how often a module is repeated: the frameworks put that many copies one behind the
other (after depth scaling), each with its own parameters. Copied with the row of a C3 or C2f it is
a mistake; no paper stacks its attention at one place.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 3, SE, [64]]  # <-
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [[2, 4], 1, Detect, [nc]]

Right:

      - [-1, 1, SE, [64]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.heuristics import is_mechanism

RULE = Rule("YA208", "attention-number", "warning")


def check(subject: Subject) -> Iterator[Finding]:
    """Every bundled mechanism that is repeated."""
    for index, layer in enumerate(subject.network.layers):
        if layer.number == 1 or not is_mechanism(layer):
            continue
        span = subject.number_span(index)
        yield RULE.found(
            subject.place_of_span(span, index),
            f"{layer.module} is repeated: its number is {layer.number}",
            meant="an attention row's number is 1",
            fix=subject.renumber(span, index, "number", 1),
        )
