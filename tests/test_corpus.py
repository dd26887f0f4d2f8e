"""Real configs, where a folder of them is at hand: `YAML_ATTN_CORPUS=dir pytest -m corpus`.

The folder holds `base/` (official configs), `published/` (configs that people made from them) and
`cases.json` (which rows were inserted where). It is not part of the project: the files belong to
others.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from yaml_attn.document.document import Document, encode
from yaml_attn.document.rewrite import prove, rewrite
from yaml_attn.errors import DocumentError, PlaceError
from yaml_attn.graph.edits import apply, contract, plan_after

FOLDER = os.environ.get("YAML_ATTN_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER, reason="YAML_ATTN_CORPUS names no folder of real configs"),
]
CORPUS = Path(FOLDER or ".")
BASES = sorted((CORPUS / "base").rglob("*.yaml")) if FOLDER else []
CASES: list[dict[str, Any]] = (
    json.loads((CORPUS / "cases.json").read_text(encoding="utf-8")) if FOLDER else []
)
MOVED = [case for case in CASES if case["reproduced_by"] in {"move", "move or keep"}]

# YOLOv5 v6.0 shipped this one without a comma; every YAML parser refuses it.
INVALID = "ultralytics+yolov5@v6.0/models__hub__yolov5-bifpn.yaml"


def load(path: Path) -> Document:
    try:
        return Document.load(path)
    except DocumentError:
        assert path.as_posix().endswith(INVALID)
        pytest.skip("is not YAML")


def name(path: Path) -> str:
    return path.relative_to(CORPUS / "base").as_posix()


NUMBERED = re.compile(r"\][ ,]*#[ \t]*\d+(?![\w.+*/%])")


def has_stale_comments(document: Document) -> bool:
    """Whether a comment starts with a number that is not its row's own (in 11 files).

    Such a number is never touched; but a moved row may come to stand where it is right by chance,
    and then it is taken for an index when the row moves back.
    """
    own = {row.line for row in document.rows if row.comment_index}
    lines = enumerate(document.text.splitlines(), start=1)
    return any(NUMBERED.search(line) and at not in own for at, line in lines)


@pytest.mark.parametrize("path", BASES, ids=name)
def test_a_base_is_written_back_byte_for_byte(path: Path) -> None:
    document = load(path)
    assert document.data == path.read_bytes()
    assert rewrite(document, document.network) == document.text


@pytest.mark.parametrize("path", BASES, ids=name)
def test_an_insertion_after_any_layer_changes_the_expected_lines_only(path: Path) -> None:
    document = load(path)
    network = document.network
    rows = len(document.rows)
    lines = document.text.splitlines()
    starts = [row.line - 1 for row in document.rows]
    for layer in network.layers[:-1]:
        try:
            plan = plan_after(network, layer.key, "SE", [64])
        except PlaceError:
            assert not network.consumers(layer.key)
            continue
        edited = apply(network, [plan])
        text = rewrite(document, edited)
        prove(document, edited, text)

        new = Document.parse(encode(text, bom=document.bom))
        at = edited.index[rows]
        new_lines = text.splitlines()
        del new_lines[new.rows[at].line - 1]
        differing = {
            number
            for number, (old, now) in enumerate(zip(lines, new_lines, strict=True))
            if old != now
        }
        respelled = {
            starts[other.key]
            for other in network.layers
            if edited.spell(edited[other.key]) != network.spell(other)
            or (document.rows[other.key].comment_index and edited.index[other.key] != other.key)
        }
        assert differing == respelled
        undone = rewrite(new, contract(new.network, [at]))
        if undone != document.text:
            assert has_stale_comments(document)
            assert NUMBERED.sub("", undone) == NUMBERED.sub("", document.text)


@pytest.mark.parametrize("case", MOVED, ids=lambda case: case["file"].removeprefix("published/"))
def test_a_published_insertion_is_reproduced_row_for_row(case: dict[str, Any]) -> None:
    network = Document.load(CORPUS / case["base"]).network
    for op in case["ops"]:
        source = network.layers[op["after"]].key
        network = apply(network, [plan_after(network, source, op["module"], op["args"])])
    published = Document.load(CORPUS / case["file"]).network
    assert [network.spell(layer) for layer in network.layers] == [
        published.spell(layer) for layer in published.layers
    ]


@pytest.mark.parametrize(
    "case",
    [case for case in MOVED if len(case["ops"]) > 1],
    ids=lambda case: case["file"].removeprefix("published/"),
)
def test_several_published_insertions_are_reproduced_as_one_edit(case: dict[str, Any]) -> None:
    base = Document.load(CORPUS / case["base"]).network
    growing, edits = base, []
    for op in case["ops"]:
        key = growing.layers[op["after"]].key
        # A row inserted behind an inserted row follows it on the same connections.
        source = key if key < len(base) else edits[key - len(base)].source
        edits.append(plan_after(base, source, op["module"], op["args"]))
        growing = apply(growing, [plan_after(growing, key, op["module"], op["args"])])
    network = apply(base, edits)
    published = Document.load(CORPUS / case["file"]).network
    assert [network.spell(layer) for layer in network.layers] == [
        published.spell(layer) for layer in published.layers
    ]
