"""One bad neighbour breaks, slows or hangs nothing, and the right one is found among many."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from necks import V5, V8, config

from yaml_attn.checks import candidates
from yaml_attn.checks.candidates import Candidates, Outline, glance
from yaml_attn.checks.run import Checker
from yaml_attn.document.document import Document, network_of
from yaml_attn.files import MOST_BYTES, templates

MINE = config(V8, {4: [V8[4], "[-1, 1, SE, [256]]"]})

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and bytes in names")


def base_of(path: Path) -> str | None:
    report = Checker.of().check(path)
    assert report
    return report.match.base.name if report.match else None


def labels(path: Path) -> None:
    """As many labels as no config has rows; with the words that a config needs, to be sure."""
    path.write_text("backbone: head\n" + "- [0, 0.5, 0.5, 0.1]\n" * (MOST_BYTES // 20))


BAD: dict[str, Callable[[Path], object]] = {
    "a number": lambda path: path.write_text(config(V8, {3: "[-1, 1, 7, [64]]"})),
    "null": lambda path: path.write_text(config(V8, {3: "[-1, 1, null, [64]]"})),
    "a list": lambda path: path.write_text(config(V8, {3: "[-1, 1, [Conv], [64]]"})),
    "a mapping": lambda path: path.write_text(config(V8, {3: "[-1, 1, {Conv: 1}, [64]]"})),
    "a date": lambda path: path.write_text(config(V8, {3: "[-1, 1, 2001-01-01, [64]]"})),
    "no args": lambda path: path.write_text(config(V8, {3: "[-1, 1, Conv]"})),
    "args that are a number": lambda path: path.write_text(config(V8, {3: "[-1, 1, Conv, 64]"})),
    "a row that is a text": lambda path: path.write_text(config(V8, {3: "Conv"})),
    "`from` that is a text": lambda path: path.write_text(config(V8, {3: "[x, 1, Conv, [64]]"})),
    "rows that are none": lambda path: path.write_text("backbone: 1\nhead: null\n"),
    "a list of both words": lambda path: path.write_text("- backbone\n- head\n"),
    "deep args": lambda path: path.write_text(
        config(V8, {3: f"[-1, 1, Conv, {'[' * 900}{']' * 900}]"})
    ),
    "no text": lambda path: path.write_bytes(b"backbone: \xff\xfe head: \x00"),
    "labels": labels,
    "a folder": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@posix
@pytest.mark.parametrize("bad", BAD)
def test_a_bad_neighbour_does_no_harm(bad: str, tmp_path: Path) -> None:
    BAD[bad](tmp_path / "bad.yaml")
    (tmp_path / "base.yaml").write_text(config(V8))
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE)
    assert base_of(mine) == "base.yaml"


@posix
def test_a_neighbour_whose_name_is_no_text_is_no_base(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.yaml")).write_text(config(V8))
    except OSError:
        pytest.skip("this file system has no such names")
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINE)
    assert base_of(mine) is None


def test_of_many_neighbours_few_are_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        wider = {7: f"[-1, 1, Conv, [{512 + number}, 3, 2]]"}
        (tmp_path / f"{number}.yaml").write_text(config(V8 if number % 2 else V5, wider))
    read = []
    monkeypatch.setattr(
        candidates, "network_of", lambda text: (read.append(text), network_of(text))[1]
    )
    found = Candidates.beside(tmp_path)
    assert not read
    mine = Document.parse(MINE.encode()).network
    for _ in range(3):
        near = found.near(mine, lambda _: True)
    assert {each.network.layers[7].module for each in near} == {"Conv"}
    assert len(read) <= 60


def test_among_very_many_designs_the_right_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_MOST_KINDS", 2)
    blocks = ["C2f", "C3", "C3k2", "C3x", "RepC3"]
    for number in range(25):
        rows = {2: blocks[number % 5], 4: blocks[number // 5]}
        design = {at: f"[-1, 3, {block}, [64]]" for at, block in rows.items()}
        (tmp_path / f"{number}.yaml").write_text(config(V8, design))
    found = Candidates.beside(tmp_path)
    for number, added in ((7, "[-1, 1, SE, [64]]"), (18, "[-1, 1, MyAttention, []]")):
        row = f"[-1, 3, {blocks[number // 5]}, [64]]"
        text = config(V8, {2: f"[-1, 3, {blocks[number % 5]}, [64]]", 4: [row, added]})
        near = found.near(Document.parse(text.encode()).network, lambda _: True)
        assert near[0].name == f"{number}.yaml"


@pytest.mark.parametrize("name", sorted(templates()))
def test_a_glance_tells_what_reading_tells(name: str) -> None:
    text = templates()[name].read_text(encoding="utf-8")
    assert glance(text) == Outline.of_layers(network_of(text)[0].layers)


@pytest.mark.parametrize(
    "text",
    [
        "backbone: []\nhead: []\n",
        "head:\n - [-1, 1, Conv, [8]]\nbackbone:\n - [-1, 1, Conv, [8]]\n",
        "backbone:\n - [-1, 1, Conv, [8]]\nhead:\n - - -1\n   - 1\n   - Conv\n   - [8]\n",
        "backbone:\n - [-1, 1, Conv, &a [8]]\nhead:\n - [-1, 1, Conv, *a]\n",
        "backbone:\n - [-1, 1, nn. Upsample, [8]]\nhead:\n - [-1, 1, Conv, [8]]\n",
        "x:\n - [-1, 1, Conv, [8]]\nbackbone:\n - [-1, 1, Conv, [8]]\nhead:\n - [-1, 1, Conv, [8]]",
        "backbone:\n - [-1, 1, Conv, [8]]\nhead:\n - [-1, 1, Conv, [8]]\nx: 1\n",
        "nc: 80\n",
    ],
)
def test_where_a_glance_is_not_sure_it_says_nothing(text: str) -> None:
    assert glance(text) is None
