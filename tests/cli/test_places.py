"""`yaml-attn places`: what it prints, and that what it prints can be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run

SCREEN = """\
name           what it means                                 layers
P2             what the head reads at stride 4               6 (C3)
P3             what the head reads at stride 8               3 (Conv)
detect         all that the head reads                       6 (C3), 3 (Conv)
stages         the last layer of each stage of the backbone  2 (C3), 3 (Conv)
backbone.Conv  the 3 Conv of the backbone                    0, 1, 3 (Conv)
backbone.C3    the C3 of the backbone                        2 (C3)
head.C3        the C3 of the head                            6 (C3)
nn.Upsample    the only nn.Upsample                          4 (nn.Upsample)
Concat         the only Concat                               5 (Concat)
Detect         the only Detect                               7 (Detect)
"""


@pytest.fixture(autouse=True)
def _small(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)


def test_places_are_listed_with_what_they_mean_and_their_layers(run: Run) -> None:
    out = run("places", "small.yaml").out
    assert out.startswith(SCREEN)
    assert out.removeprefix(SCREEN).startswith("Places too: an index (8, -2), ")


def test_places_as_json(run: Run) -> None:
    found = json.loads(run("places", "small.yaml", "--json").out)
    assert found["file"] == "small.yaml"
    assert found["places"][2] == {
        "name": "detect",
        "meaning": "all that the head reads",
        "layers": [{"index": 6, "module": "C3"}, {"index": 3, "module": "Conv"}],
    }


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("nn.Upsample, [None, 2, nearest]", "TorchVision, [512]", {"P2"}),
        ("  - [-1, 1, C3, [16]]\n", "  - [-1, 1, TorchVision, [16]]\n", {"P2", "P3", "stages"}),
    ],
)
def test_keywords_that_need_unknown_strides_are_left_out(
    run: Run, tmp_path: Path, old: str, new: str, missing: set[str]
) -> None:
    text = SMALL.replace(" (P2/4)", "").replace(old, new)  # nor may a comment tell
    (tmp_path / "small.yaml").write_text(text)
    found = json.loads(run("places", "small.yaml", "--json").out)
    names = {place["name"] for place in found["places"]}
    assert names & {"P2", "P3", "detect", "stages"} == {"P2", "P3", "detect", "stages"} - missing
