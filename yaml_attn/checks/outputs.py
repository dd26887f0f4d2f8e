"""A row that stands for several layers, as forks count: a whole backbone, or a whole neck, in one.

`[-1, 1, repvit_m0_9, []]  # 4` gives five maps, and the row below it is layer 5 there. Neither
YOLOv5 nor Ultralytics counts so; what the numbers of such a file mean only its fork knows.
"""

from __future__ import annotations

from yaml_attn.checks.context import Subject
from yaml_attn.dialects.module_specs import is_known, plain
from yaml_attn.document.document import comment_number
from yaml_attn.graph.network import IMAGE
from yaml_attn.mechanisms import registry

_MORE = range(3, 5)
"""How many layers more than its one row a backbone is: it gives P2 to P5, or the stem's map too."""
_COMMENTS = 3
"""So many numbered comments tell it too, if all are as far ahead as the head."""


def several_outputs(subject: Subject) -> int | None:
    """The row that the file counts as several layers, if there is one."""
    more = _beyond(subject)
    if more > 0 and _is_foreign(subject, 0) and subject.inputs(0) == (IMAGE,):
        ahead = _ahead(subject)
        if more in _MORE or (len(ahead) >= _COMMENTS and set(ahead) == {more}):
            return 0
    head = len(subject.network) - 1
    above = head - 1
    if above > 0 and _is_foreign(subject, above) and len(subject.inputs(above)) > 1:
        levels = subject.written(head)
        if len(levels) > 1 and levels == list(range(-len(levels), 0)):
            return above
    return None


def _is_foreign(subject: Subject, index: int) -> bool:
    name = plain(subject.layer(index).module)
    return not (is_known(name) or registry.known(name) or subject.is_join(index))


def _ahead(subject: Subject) -> list[int]:
    """How far each numbered comment is ahead of its row."""
    text = subject.document.text
    spans = [comment_number(text, row) for row in subject.document.rows]
    return [int(text[slice(*span)]) - index for index, span in enumerate(spans) if span]


def _beyond(subject: Subject) -> int:
    """How far the last row reads beyond the row above it."""
    head = len(subject.network) - 1
    return max(subject.written(head), default=0) - (head - 1)
