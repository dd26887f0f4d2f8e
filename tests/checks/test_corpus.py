"""The checks on real configs, where a folder of them is at hand: see `tests/test_corpus.py`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from yaml_attn.checks.fix import repair
from yaml_attn.checks.run import Checker, Report

FOLDER = os.environ.get("YAML_ATTN_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER, reason="YAML_ATTN_CORPUS names no folder of real configs"),
]
CORPUS = Path(FOLDER or ".")
BASES = sorted((CORPUS / "base").rglob("*.yaml")) if FOLDER else []
NASTY = sorted((CORPUS / "nasty").glob("*.yaml")) if FOLDER else []
CASES: list[dict[str, Any]] = (
    json.loads((CORPUS / "cases.json").read_text(encoding="utf-8")) if FOLDER else []
)
INVALID = "ultralytics+yolov5@v6.0/models__hub__yolov5-bifpn.yaml"
ANSWERS = {
    "01": "YA002",
    "02": "YA004",
    "03": "YA005",
    "04": "YA003",
    "05": "YA006",
    "06": "YA007",
    "07": "YA103",  # of the template yolo11.yaml
    "11": "YA201",
    "13": "YA102",  # of the template yolov8.yaml, and 19 too
    "19": "YA103",
}


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker.of()


def check(checker: Checker, path: Path) -> Report:
    report = checker.check(path)
    assert report
    return report


def errors(report: Report) -> list[str]:
    return [each.text for each in report.findings if each.level == "error"]


def test_no_official_config_is_wrong_but_the_one_that_is_no_yaml(checker: Checker) -> None:
    wrong = [path for path in BASES if check(checker, path).failed]
    assert [path.as_posix().endswith(INVALID) for path in wrong] == [True]


@pytest.mark.parametrize("given", [False, True], ids=["found base", "given base"])
def test_every_wrong_one_is_found_and_hardly_a_right_one_flagged(
    checker: Checker, given: bool
) -> None:
    failed = {
        case["file"]: check(
            Checker.of(CORPUS / case["base"]) if given else checker, CORPUS / case["file"]
        ).failed
        for case in CASES
    }
    assert [case["file"] for case in CASES if case["wrong"] and not failed[case["file"]]] == []
    others = [failed[case["file"]] for case in CASES if not case["wrong"]]
    assert sum(others) <= 0.02 * len(others)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["wrong"]], ids=lambda case: case["file"]
)
def test_a_repaired_one_reads_what_was_expected(case: dict[str, Any]) -> None:
    checker = Checker.of(CORPUS / case["base"])
    before = check(checker, CORPUS / case["file"])
    after = repair(checker, before).after
    assert errors(after) == []
    assert before.document
    assert after.document
    inserted = {op["at"] for op in case["ops"]}
    layers = after.document.network.layers
    for finding in case["findings"]:
        old = before.document.network.layers[finding["row"]]
        position = [source.key for source in old.sources].index(finding["reads"])
        reads = layers[finding["row"]].sources[position].key
        while reads in inserted:
            reads = layers[reads].sources[0].key
        assert reads == finding["expected"]
    assert not repair(checker, after).changed


@pytest.mark.parametrize("path", NASTY, ids=lambda path: path.stem)
def test_an_awkward_file_is_answered(checker: Checker, path: Path) -> None:
    report = check(checker, path)
    answer = ANSWERS.get(path.name[:2])
    found = {each.code for each in report.findings if each.level == "error"}
    assert answer in found if answer else found == set()
