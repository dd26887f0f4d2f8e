"""A module that no framework has, and that is no bundled attention mechanism.

Your own code must define it, or the framework stops at the name. A note, because forks bring
modules of their own; a name that is one slip away, or the same but for its case, may be meant.

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

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.dialects.block_attention import parse
from yaml_attn.dialects.module_specs import MODULES, is_known, plain
from yaml_attn.errors import UnknownModuleError
from yaml_attn.mechanisms.registry import MECHANISMS, find, known

RULE = Rule("YA209", "unknown-module", "note")


def check(subject: Subject) -> Iterator[Finding]:
    """The first row of every unknown module."""
    seen: set[str] = set()
    for index, layer in enumerate(subject.network.layers):
        name = layer.module
        if name in seen or is_known(name) or known(name) or _is_composed(name):
            continue
        seen.add(name)
        close = _close(name)
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


def _close(name: str) -> list[str]:
    """The names that may be meant: forks' own are often alike, so a slip is one letter."""
    names = sorted({*MODULES, *MECHANISMS})
    same = [each for each in names if _bare(each) == _bare(name)]
    # Of three letters, one that is another makes another name.
    return same or [each for each in names if len(name) > 3 and _is_slip(name, each)][:2]


def _bare(name: str) -> str:
    """A name whatever its case, and without the package before it."""
    return plain(name).rpartition(".")[2].casefold()


def _is_slip(word: str, other: str) -> bool:
    """Whether one letter is too many, missing or another, or two neighbours are swapped."""
    differ = (at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b)
    start = next(differ, min(len(word), len(other)))
    word, other = word[start:], other[start:]
    swapped = word[:2] == other[1::-1] and word[2:] == other[2:]
    return swapped or word[1:] in {other, other[1:]} or word == other[1:]
