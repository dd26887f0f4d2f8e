"""Whole networks for tests of the wiring, and changes of them row by row.

The usual necks: one that sends up what it reads again on the way down (v8), one that reduces it
first (v5), and one whose Concats come behind a lateral convolution (v7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

V8 = """\
[-1, 1, Conv, [64, 3, 2]]
[-1, 1, Conv, [128, 3, 2]]
[-1, 3, C2f, [128, True]]
[-1, 1, Conv, [256, 3, 2]]
[-1, 6, C2f, [256, True]]
[-1, 1, Conv, [512, 3, 2]]
[-1, 6, C2f, [512, True]]
[-1, 1, SPPF, [512, 5]]
[-1, 1, nn.Upsample, [None, 2, nearest]]
[[-1, 4], 1, Concat, [1]]
[-1, 3, C2f, [256]]
[-1, 1, nn.Upsample, [None, 2, nearest]]
[[-1, 2], 1, Concat, [1]]
[-1, 3, C2f, [128]]
[-1, 1, Conv, [128, 3, 2]]
[[-1, 10], 1, Concat, [1]]
[-1, 3, C2f, [256]]
[-1, 1, Conv, [256, 3, 2]]
[[-1, 7], 1, Concat, [1]]
[-1, 3, C2f, [512]]
[[13, 16, 19], 1, Detect, [nc]]""".split("\n")

V5 = """\
[-1, 1, Conv, [64, 6, 2, 2]]
[-1, 1, Conv, [128, 3, 2]]
[-1, 3, C3, [128]]
[-1, 1, Conv, [256, 3, 2]]
[-1, 6, C3, [256]]
[-1, 1, Conv, [512, 3, 2]]
[-1, 9, C3, [512]]
[-1, 1, SPPF, [512, 5]]
[-1, 1, Conv, [256, 1, 1]]
[-1, 1, nn.Upsample, [None, 2, nearest]]
[[-1, 4], 1, Concat, [1]]
[-1, 3, C3, [256, False]]
[-1, 1, Conv, [128, 1, 1]]
[-1, 1, nn.Upsample, [None, 2, nearest]]
[[-1, 2], 1, Concat, [1]]
[-1, 3, C3, [128, False]]
[-1, 1, Conv, [128, 3, 2]]
[[-1, 12], 1, Concat, [1]]
[-1, 3, C3, [256, False]]
[-1, 1, Conv, [256, 3, 2]]
[[-1, 8], 1, Concat, [1]]
[-1, 3, C3, [512, False]]
[[15, 18, 21], 1, Detect, [nc, anchors]]""".split("\n")

V7 = """\
[-1, 1, Conv, [32, 3, 2]]
[-1, 1, Conv, [64, 1, 1]]
[-2, 1, Conv, [64, 1, 1]]
[-1, 1, Conv, [64, 3, 1]]
[[-1, -2, -3], 1, Concat, [1]]
[-1, 1, Conv, [128, 1, 1]]
[-1, 1, MP, []]
[-1, 1, Conv, [64, 1, 1]]
[-3, 1, Conv, [64, 1, 1]]
[-1, 1, Conv, [64, 3, 2]]
[[-1, -3], 1, Concat, [1]]
[-1, 1, SPPCSPC, [128]]
[-1, 1, Conv, [64, 1, 1]]
[-1, 1, nn.Upsample, [None, 2, nearest]]
[5, 1, Conv, [64, 1, 1]]
[[-1, -2], 1, Concat, [1]]
[-1, 1, Conv, [64, 1, 1]]
[-1, 1, Conv, [128, 3, 2]]
[[-1, 11], 1, Concat, [1]]
[-1, 1, Conv, [128, 1, 1]]
[16, 1, RepConv, [128, 3, 1]]
[19, 1, RepConv, [256, 3, 1]]
[[20, 21], 1, IDetect, [nc, anchors]]""".split("\n")

# Two cameras: what they see is joined at each stride, and the neck reads the joined.
STREAMS = """\
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 3, C2f, [64]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128]]
  - [0, 3, C2f, [64]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128]]
  - [[1, 4], 1, Concat, [1]]
  - [[3, 6], 1, Concat, [1]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 7], 1, Concat, [1]]
  - [-1, 3, C2f, [64]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [[-1, 8], 1, Concat, [1]]
  - [-1, 3, C2f, [128]]
  - [[11, 14], 1, Detect, [nc]]
"""

HEAD_AT = {id(V8): 8, id(V5): 8, id(V7): 11}
ANCHORS = "anchors: [[10, 13], [30, 61], [116, 90]]"


def config(rows: Sequence[str], changes: Mapping[int, str | Sequence[str]] | None = None) -> str:
    """The file of a network: `changes` puts other rows, or several, or none, in a row's place.

    The indexes are those of the network; a row in the place of another keeps its section.
    """
    head_at = HEAD_AT[id(rows)]
    changes = changes or {}
    lines = ["nc: 2", *([] if rows is V8 else [ANCHORS]), "backbone:"]
    for index, row in enumerate(rows):
        if index == head_at:
            lines.append("head:")
        new = changes.get(index, row)
        lines += [f"  - {each}" for each in ([new] if isinstance(new, str) else new)]
    return "\n".join(lines) + "\n"
