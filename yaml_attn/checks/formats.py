"""Reports as text for people and machines: lines, JSON, SARIF 2.1.0, GitHub's annotations.

SARIF: Static Analysis Results Interchange Format, OASIS standard, 2.1.0 (2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from yaml_attn import __version__
from yaml_attn.checks import RULES
from yaml_attn.checks.bases import Match
from yaml_attn.checks.finding import Finding, Fix, Level, Place, gravest_first
from yaml_attn.checks.manual import summary
from yaml_attn.checks.run import Report
from yaml_attn.escaping import github_data, github_property, in_line, uri

_GITHUB: Final[Mapping[Level, str]] = {"error": "error", "warning": "warning", "note": "notice"}


def text_lines(reports: Sequence[Report]) -> Iterator[str]:
    """`file:line:column: CODE level: message`, as compilers print it; of a file errors first."""
    for report in reports:
        for each in gravest_first(report.findings):
            at = f"{report.path}:{each.place.line}:{each.place.column}"
            yield in_line(f"{at}: {each.code} {each.level}: {each.text}")


def github_lines(reports: Sequence[Report]) -> Iterator[str]:
    """Workflow commands: GitHub shows each at its line of a pull request."""
    for report in reports:
        for each in report.findings:
            place = each.place
            properties = {
                "file": report.path.as_posix(),
                "line": place.line,
                "col": place.column,
                "endLine": place.end_line,
                "endColumn": place.end_column,
                "title": f"{each.code} {each.name}",
            }
            told = ",".join(f"{key}={github_property(value)}" for key, value in properties.items())
            yield f"::{_GITHUB[each.level]} {told}::{github_data(each.text)}"


def as_json(reports: Sequence[Report], fixed: Mapping[Path, Sequence[Finding]]) -> dict[str, Any]:
    """All there is to know, under stable names."""
    return {
        "version": __version__,
        "files": [
            {
                "file": str(report.path),
                "base": _base(report.match) if report.match else None,
                "findings": [_finding(each) for each in report.findings],
                "fixed": [_finding(each) for each in fixed.get(report.path, ())],
            }
            for report in reports
        ],
        "errors": count(reports, "error"),
        "warnings": count(reports, "warning"),
        "notes": count(reports, "note"),
    }


def as_sarif(reports: Sequence[Report]) -> dict[str, Any]:
    """A SARIF log with one run: the rules, and a result for each finding."""
    codes = list(RULES)
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "yaml-attn",
                        "version": __version__,
                        "rules": [_sarif_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _sarif_result(report.path, each, codes.index(each.code))
                    for report in reports
                    for each in report.findings
                ],
            }
        ],
    }


def count(reports: Sequence[Report], level: Level) -> int:
    """How many findings of a level there are."""
    return sum(each.level == level for report in reports for each in report.findings)


def _base(match: Match) -> dict[str, Any]:
    return {
        "file": str(match.base.path),
        "origin": match.base.origin,
        "certain": match.certain,
        "inserted": list(match.comparison.inserted),
        "replaced": len(match.comparison.replaced),
        "removed": len(match.comparison.removed),
    }


def _finding(each: Finding) -> dict[str, Any]:
    place = asdict(each.place)
    return {
        "code": each.code,
        "name": each.name,
        "level": each.level,
        **place,
        "message": each.message,
        "meant": each.meant,
        "fix": _fix(each.fix) if each.fix else None,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {"layer": fix.layer, "field": fix.field, "position": fix.position, "value": fix.value}


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES[code].RULE
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": summary(code)},
        "defaultConfiguration": {"level": rule.level},
    }


def _sarif_result(path: Path, each: Finding, index: int) -> dict[str, Any]:
    location = {"uri": uri(path)}
    result: dict[str, Any] = {
        "ruleId": each.code,
        "ruleIndex": index,
        "level": each.level,
        "message": {"text": each.text},
        "locations": [
            {"physicalLocation": {"artifactLocation": location, "region": _region(each.place)}}
        ],
    }
    if each.fix:
        replacement = {
            "deletedRegion": _region(each.fix.place),
            "insertedContent": {"text": each.fix.splice.text},
        }
        change = {"artifactLocation": location, "replacements": [replacement]}
        result["fixes"] = [
            {"description": {"text": each.meant or each.message}, "artifactChanges": [change]}
        ]
    return result


def _region(place: Place) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }
