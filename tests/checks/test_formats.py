from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from necks import V8, config

from yaml_attn.checks import RULES
from yaml_attn.checks.formats import as_json, as_sarif, count, github_lines, text_lines
from yaml_attn.checks.run import Checker, Report

CHANGES = {
    4: [V8[4], "[-1, 3, SE, [256]]"],
    15: "[[-1, 11], 1, Concat, [1]]",
    18: "[[-1, 8], 1, Concat, [1]]",
}


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(config(V8))
    Path("a,b%.yaml").write_text(config(V8, CHANGES))
    Path("broken.yaml").write_text("backbone: [\nhead: []\n")
    found = [Checker.of().check(Path(name)) for name in ("base.yaml", "a,b%.yaml", "broken.yaml")]
    return [report for report in found if report]


def test_text_is_a_line_a_finding(reports: list[Report]) -> None:
    lines = list(text_lines(reports))
    assert lines[0].startswith("a,b%.yaml:25:7: YA102 error: layer 21: Detect reads 13 (Concat), ")
    assert lines[3] == (
        "a,b%.yaml:8:10: YA208 warning: layer 5: SE is repeated: its number is 3; "
        "an attention row's number is 1"
    )
    assert lines[-1].startswith("broken.yaml:")
    assert len(lines) == sum(len(report.findings) for report in reports)


def test_github_reads_a_workflow_command(reports: list[Report]) -> None:
    lines = list(github_lines(reports))
    assert lines[0] == (
        "::warning file=a%2Cb%25.yaml,line=8,col=10,endLine=8,endColumn=11,"
        "title=YA208 attention-number::layer 5: SE is repeated: its number is 3; "
        "an attention row's number is 1"
    )
    assert lines[1].startswith("::error file=")


def test_json_has_everything_under_stable_names(reports: list[Report]) -> None:
    found = json.loads(json.dumps(as_json(reports, {})))
    assert (found["errors"], found["warnings"], found["notes"]) == (4, 1, 0)
    base, config_, broken = found["files"]
    assert base["findings"] == broken["fixed"] == []
    assert config_["base"]["file"].endswith("base.yaml")
    assert config_["base"]["inserted"] == [5]
    finding = config_["findings"][1]
    assert set(finding) == {
        *("code", "name", "level", "line", "column", "end_line", "end_column", "layer"),
        *("message", "meant", "fix"),
    }
    assert finding["fix"] == {"layer": 21, "field": "from", "position": 0, "value": 14}
    assert broken["base"] is None


def test_sarif_is_as_the_standard_wants_it(reports: list[Report]) -> None:
    log: dict[str, Any] = json.loads(json.dumps(as_sarif(reports)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(rule["shortDescription"]["text"].endswith(".") for rule in rules)
    assert {rule["defaultConfiguration"]["level"] for rule in rules} == {"error", "warning", "note"}
    assert len(run["results"]) == sum(len(report.findings) for report in reports)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert all(number >= 1 for number in place["region"].values())


def test_sarif_tells_the_repair_at_its_own_place(reports: list[Report]) -> None:
    (run,) = as_sarif(reports)["runs"]
    result = next(each for each in run["results"] if each["ruleId"] == "YA102")
    (change,) = result["fixes"][0]["artifactChanges"]
    (replacement,) = change["replacements"]
    assert replacement["insertedContent"] == {"text": "14"}
    assert replacement["deletedRegion"] == {
        "startLine": 25,
        "startColumn": 7,
        "endLine": 25,
        "endColumn": 9,
    }


def test_an_address_in_sarif_is_a_uri(reports: list[Report]) -> None:
    (run,) = as_sarif(reports)["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%2Cb%25.yaml"


def test_findings_are_counted_by_level(reports: list[Report]) -> None:
    assert [count(reports, "error"), count(reports, "warning"), count(reports, "note")] == [4, 1, 0]
