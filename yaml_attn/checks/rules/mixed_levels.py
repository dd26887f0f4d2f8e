"""The head reads one level with its attention, and another before the attention that refines it.

Whoever refines several levels wants the head to read all of them refined. Some numbers of its
`from` were raised and some were not, or an attention above was not counted. The one behind the
coarsest level is then dead (YA206); those behind finer levels are read by the way back down alone.

A warning, for somebody may want that; an error where the file tells that nobody did: the comment
behind the attention gives it the number that the head reads, or the head reads no level refined
and one attention is dead for it.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 1], 1, Concat, [1]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, SE, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 3], 1, Concat, [1]]
      - [-1, 3, C2f, [128]]
      - [-1, 1, SE, [128]]
      - [[6, 11], 1, Detect, [nc]]  # <-

Right:

      - [[7, 11], 1, Detect, [nc]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.stages import is_unfinished
from yaml_attn.document.document import comment_number
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA210", "mixed-levels", "warning")


def check(subject: Subject) -> Iterator[Finding]:
    """Every level that a head reads before its attention, where another one's is meant or read."""
    lost = {layer for layer, _ in subject.broken}
    for index in range(len(subject.network)):
        if subject.is_head(index) and subject.layer(index).listed and index not in lost:
            yield from _of_head(subject, index)


def _of_head(subject: Subject, head: int) -> Iterator[Finding]:
    levels = list(subject.references(head))
    if any(each.target == IMAGE or is_unfinished(subject, each.target, head) for each in levels):
        return  # a lost number may read an attention by chance
    refined = [each.target for each in levels if each.target in subject.attention]
    ends = [subject.behind(each.target, head) for each in levels]
    early = [(each, end) for each, end in zip(levels, ends, strict=True) if end != each.target]
    dead = [end for _, end in early if not subject.readers(end)]
    for each, end in early:
        if end in dead or not (refined or dead):
            continue
        called = _called(subject, end) == each.written
        if called:
            why = f"the comment behind {subject.named(end)} calls it {each.written}"
        elif not refined:
            why = f"{subject.named(dead[0])} is dead for the same reason: all were to be read"
        else:
            why = f"yet it reads {subject.named(refined[0])}: read all levels refined, or none"
        sure = called or not refined
        yield RULE.found(
            subject.place_of(head, each.position),
            f"{subject.layer(head).module} reads {subject.named(each.target)} before "
            f"{subject.named(end)}, which refines it",
            meant=why,
            fix=subject.repoint(head, each.position, end) if sure else None,
            level="error" if sure else None,
        )


def _called(subject: Subject, index: int) -> int | None:
    """The number that the comment behind a row gives it."""
    text = subject.document.text
    span = comment_number(text, subject.document.rows[index])
    return int(text[slice(*span)]) if span else None
