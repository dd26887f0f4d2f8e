"""A module that no framework has, and that is no bundled attention mechanism.

Your own code must define it, or the framework stops at the name. A note, because forks bring
modules of their own; a close name says what may have been meant.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2ff, [64]]  # <-
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [[1, 3], 1, Detect, [nc]]

Right:

      - [-1, 3, C2f, [64]]
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.subject import Subject
from yaml_attn.dialects.composed import parse
from yaml_attn.dialects.strides import MODULES, is_known
from yaml_attn.errors import UnknownModuleError
from yaml_attn.modules.registry import MECHANISMS, find, known

RULE = Rule("YA209", "unknown-module", "note")


def check(subject: Subject) -> Iterator[Finding]:
    """The first row of every unknown module."""
    seen: set[str] = set()
    for index, layer in enumerate(subject.network.layers):
        name = layer.module
        if name in seen or is_known(name) or known(name) or _is_composed(name):
            continue
        seen.add(name)
        close = get_close_matches(name, [*MODULES, *MECHANISMS], n=2, cutoff=0.8)
        yield RULE.found(
            subject.place_of_span(subject.document.rows[index].module, index),
            f"{name} is no module of YOLOv5, YOLOv7, YOLOv9 or Ultralytics, and no bundled "
            "mechanism",
            meant=f"did you mean {' or '.join(close)}?" if close else None,
        )


def _is_composed(name: str) -> bool:
    """Whether it is a framework's block with a bundled mechanism in it: C3SE."""
    try:
        return parse(name, find) is not None
    except UnknownModuleError:
        return False
