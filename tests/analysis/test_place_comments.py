"""Places against what the official YOLOv5 and YOLOv3 configs say in their own comments.

Runs where a folder of real configs is at hand, as tests/test_corpus.py does.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from yaml_attn.analysis.places import resolve
from yaml_attn.dialects.module_specs import strides
from yaml_attn.document.document import Document
from yaml_attn.errors import DocumentError, PlaceError
from yaml_attn.graph.network import Network

FOLDER = os.environ.get("YAML_ATTN_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER, reason="YAML_ATTN_CORPUS names no folder of real configs"),
]
BASE = Path(FOLDER or ".") / "base"
PATHS = (
    sorted([*BASE.glob("ultralytics+yolov5*/*.yaml"), *BASE.glob("ultralytics+yolov3*/*.yaml")])
    if FOLDER
    else []
)

# YOLOv5 v6.0 shipped this one without a comma; every YAML parser refuses it.
INVALID = "ultralytics+yolov5@v6.0/models__hub__yolov5-bifpn.yaml"

# `# 3-P3/8` opens a stage, `# 17 (P3/8-small)` ends a level of the head.
ROW = re.compile(r"#\s*(\d+)(?: \(|-)P(\d)/(\d+)\S*")
# `# Detect(P3, P4, P5)`: what the head reads, in its order.
HEAD = re.compile(r"#\s*\w+\((P\d(?:, P\d)*)\)")
# `... with P3/8 - P5/32 outputs`, `head with (P3, P4) outputs`: all that the head reads.
OUTPUTS = re.compile(r"#.* with .*?\(?(P[\d/P, -]+)\)? outputs")
# `# cat backbone P4`: the row reads the last layer of that stage.
SKIP = re.compile(r"# cat backbone P(\d)")
# `- [10,13, 16,30, 33,23] # P3/8`: one row for each thing that the head reads, in its order.
ANCHORS = re.compile(r"-\s*\[[\d, .]+\]\s*(#\s*P(\d)/(\d+).*)")


class Claim(NamedTuple):
    """A comment that names a level or a stage, and whether the places of the file agree."""

    comment: str
    holds: bool


def claims(document: Document) -> Iterator[Claim]:
    network = document.network
    lines = document.text.splitlines()
    comments = [lines[row.line - 1] for row in document.rows]
    size = sum(row.section == "backbone" for row in document.rows)
    yield from stage_claims(network, comments[:size])
    yield from head_claims(network, comments)
    detect = resolve(network, "detect", ())
    for match in filter(None, map(OUTPUTS.search, lines)):
        powers = [int(power) for power in re.findall(r"P(\d)", match[1])]
        keys = [level(network, power) for power in range(min(powers), max(powers) + 1)]
        yield Claim(match[0], {*detect} == {*itertools.chain(*keys)} and all(keys))
    anchors = [match for match in map(ANCHORS.search, lines) if match]
    for match, key in zip(anchors, detect, strict=bool(anchors)):
        power, stride = int(match[2]), int(match[3])
        yield Claim(match[1], key in level(network, power) and 2**power == stride)


def stage_claims(network: Network, comments: list[str]) -> Iterator[Claim]:
    """Each comment marks the first layer of a stage, which lasts until the next one does.

    A stage of one layer is the stem, which is no place.
    """
    opened = {at: match for at, line in enumerate(comments) if (match := ROW.search(line))}
    ends = [at - 1 for at in [*opened, len(comments)]][1:]
    stages = resolve(network, "stages", strides(network))
    for (at, match), end in zip(opened.items(), ends, strict=True):
        number, power, stride = map(int, match.groups())
        holds = [key for key in stages if at <= key <= end] == [end] * (end > at)
        yield Claim(match[0], holds and number == at and stride == 2**power == strides(network)[at])


def head_claims(network: Network, comments: list[str]) -> Iterator[Claim]:
    detect = resolve(network, "detect", ())
    stages = resolve(network, "stages", strides(network))
    for layer, comment in zip(network.layers, comments, strict=True):
        if layer.section == "backbone":
            continue
        if match := ROW.search(comment):
            number, power, stride = map(int, match.groups())
            holds = number == layer.key in level(network, power)
            yield Claim(match[0], holds and stride == 2**power)
        if match := HEAD.search(comment):
            order = [level(network, int(power)) for power in re.findall(r"\d", match[1])]
            yield Claim(match[0], tuple(itertools.chain(*order)) == detect)
        if match := SKIP.search(comment):
            skipped = [s.key for s in layer.sources if s.key != layer.key - 1 and s.key in stages]
            at = [strides(network)[key] for key in skipped]
            yield Claim(match[0], at == [2 ** int(match[1])])


def level(network: Network, power: int) -> tuple[int, ...]:
    try:
        return resolve(network, f"P{power}", strides(network))
    except PlaceError:
        return ()


def name(path: Path) -> str:
    return path.relative_to(BASE).as_posix()


# Stale or mistaken comments, which no place should follow.
UNREAD = "an inner layer of this level, which the head does not read"
TYPO = "64 is P6's stride"
ORDER = "the head reads the finest level first"
MISTAKEN = {
    "ultralytics+yolov5@v3.1/models__hub__yolov5-panet.yaml": {
        "# Detect(P5, P4, P3)": ORDER,
        "# P5/32": ORDER,
        "# P3/8": ORDER,
    },
    "ultralytics+yolov5@v5.0/models__hub__yolov5-p2.yaml": {
        "# 17 (P3/8-small)": UNREAD,
        "# 21 (P2/4-xsmall)": UNREAD,
    },
    "ultralytics+yolov5@v5.0/models__hub__yolov5-p6.yaml": {"# 32 (P5/64-xlarge)": TYPO},
    "ultralytics+yolov5@v6.0/models__hub__yolov5-p2.yaml": {"# 17 (P3/8-small)": UNREAD},
    "ultralytics+yolov5@v6.0/models__hub__yolov5-p6.yaml": {"# 32 (P5/64-xlarge)": TYPO},
    "ultralytics+yolov5@v7.0/models__hub__yolov5-p2.yaml": {"# 17 (P3/8-small)": UNREAD},
    "ultralytics+yolov5/models__hub__yolov5-p2.yaml": {"# 17 (P3/8-small)": UNREAD},
}


@pytest.mark.parametrize("path", PATHS, ids=name)
def test_places_are_what_the_comments_of_the_file_say(path: Path) -> None:
    try:
        document = Document.load(path)
    except DocumentError:
        assert name(path) == INVALID
        pytest.skip("is not YAML")
    found = list(claims(document))
    assert len(found) > 10
    wrong = {claim.comment for claim in found if not claim.holds}
    assert wrong == set(MISTAKEN.get(name(path), {}))
