"""How well `check` tells wrong configs from right ones, on a folder of labelled real ones.

    YAML_ATTN_CORPUS=dir python benchmarks/check_corpus.py
    python benchmarks/check_corpus.py dir

The folder holds `cases.json` (which files are wired wrongly, which base each was made from) and
the files. Printed is the confusion table three times: with the base that `check` finds itself,
with the right base given, and without any, by structure alone; then how many official configs
are flagged, what the repairs come to, and the time.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from yaml_attn.checks.base_match import Library
from yaml_attn.checks.fix import Repair, repair
from yaml_attn.checks.run import Checker, Report
from yaml_attn.checks.selection import Selection

Case = dict[str, Any]


class NoBase(Library):
    """Compares with nothing."""

    def match(self, *_: object) -> None:
        """No base."""


def main() -> None:
    """Print the tables."""
    name = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("YAML_ATTN_CORPUS")
    if not name:
        sys.exit(__doc__)
    folder = Path(name)
    cases: list[Case] = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    found, alone = Checker.of(), Checker(NoBase(), Selection())
    ways: dict[str, Callable[[Case], Checker]] = {
        "base found by itself": lambda _: found,
        "base given": lambda case: Checker.of(folder / case["base"]),
        "no base, structure alone": lambda _: alone,
    }
    for title, checker in ways.items():
        _confusion(title, folder, cases, checker)
    for title, checker in ways.items():
        _repairs(title, folder, cases, checker)
    _official(folder, found)


def _confusion(
    title: str, folder: Path, cases: Sequence[Case], checker: Callable[[Case], Checker]
) -> None:
    start = time.perf_counter()
    reports = {case["file"]: _check(checker(case), folder / case["file"]) for case in cases}
    seconds = time.perf_counter() - start
    table = Counter((bool(case["wrong"]), reports[case["file"]].failed) for case in cases)
    matched = sum(report.match is not None for report in reports.values())
    wrong, others = (table[kind, True] + table[kind, False] for kind in (True, False))
    print(f"{title}: {len(cases)} files in {seconds:.1f} s, {matched} with a base")
    print("             error  no error")
    print(f"  wrong      {table[True, True]:5}  {table[True, False]:8}")
    print(f"  not wrong  {table[False, True]:5}  {table[False, False]:8}")
    print(f"  recall {table[True, True] / wrong:.1%}, flagged {table[False, True] / others:.1%}")
    for case in cases:
        report = reports[case["file"]]
        if case["wrong"] != report.failed:
            print(f"  {'missed' if case['wrong'] else 'flagged'}: {case['file']}")
    codes = Counter(
        code
        for case in cases
        if case["wrong"]
        for code in {each.code for each in reports[case["file"]].findings if each.level == "error"}
    )
    print(f"  wrong files by code: {', '.join(f'{k} {v}' for k, v in sorted(codes.items()))}\n")


def _repairs(
    title: str, folder: Path, cases: Sequence[Case], checker: Callable[[Case], Checker]
) -> None:
    wrong = [case for case in cases if case["wrong"]]
    clean = expected = stable = 0
    for case in wrong:
        its = checker(case)
        found = repair(its, _check(its, folder / case["file"]))
        clean += not found.after.failed
        expected += _as_expected(case, found)
        stable += not repair(its, found.after).changed
    print(f"{title}: repaired, of {len(wrong)} wrong files:")
    print(
        f"  {clean} pass the check, {expected} read what was expected, {stable} stay as they are\n"
    )


def _as_expected(case: Case, found: Repair) -> bool:
    before, after = found.before.document, found.after.document
    if before is None or after is None:
        return False
    inserted = {op["at"] for op in case["ops"]}
    layers = after.network.layers
    for finding in case["findings"]:
        old = [source.key for source in before.network.layers[finding["row"]].sources]
        reads = layers[finding["row"]].sources[old.index(finding["reads"])].key
        while reads in inserted:
            reads = layers[reads].sources[0].key
        if reads != finding["expected"]:
            return False
    return True


def _official(folder: Path, checker: Checker) -> None:
    files = sorted((folder / "base").rglob("*.yaml"))
    start = time.perf_counter()
    wrong = [path for path in files if _check(checker, path).failed]
    seconds = time.perf_counter() - start
    print(f"official configs: {len(wrong)} of {len(files)} with an error, in {seconds:.1f} s")
    for path in wrong:
        print(f"  {path.relative_to(folder)}")


def _check(checker: Checker, path: Path) -> Report:
    report = checker.check(path)
    if report is None:
        sys.exit(f"{path} is no config")
    return report


if __name__ == "__main__":
    main()
