"""Mutation testing of the part that edits files: is any change of the code seen by its tests?

    pip install mutmut
    python benchmarks/mutants.py [--into FOLDER] [--files layout,rewrite] [--again]

mutmut 3 changes one thing at a time in each function of `yaml_attn/config` and runs the tests in
`tests/config`, with Hypothesis held to a few fixed examples; a run that takes much longer than
without the change counts as killed. It leaves out module level, and decorated functions other than
class methods. Printed are the counts by file, how many survivors each reason in EQUIVALENT
explains, and each that none does; the exit code is 1 if in one file fewer than 90 % are killed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "yaml_attn/config"
ENOUGH = 0.9

SETTINGS = f"""
[tool.mutmut]
source_paths = ["{PACKAGE}"]
pytest_add_cli_args_test_selection = ["tests/config"]
also_copy = ["yaml_attn", "tests", "templates", "pyproject.toml"]
timeout_multiplier = 2
"""

PROFILE = """

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutants",
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mutants")


def pytest_runtest_setup() -> None:
    from yaml_attn.config import syntax

    syntax._write_text.cache_clear()  # filled before the code was changed
"""

# Why a survivor cannot matter: of which file, and what of its line became what.
EQUIVALENT: dict[str, list[tuple[str, str, str]]] = {
    "`strict=` of a `zip`: what is joined is equally long, or the shorter one is meant": [
        *(
            (file, "strict=True", other)
            for file in ("compare", "document", "rewrite")
            for other in ("strict=None", "strict=False", "")
        ),
        ("compare", "strict=False", "strict=None"),
        ("compare", "strict=False", ""),
    ],
    "`<=` for `<`, between two that are never equal": [
        ("changes", "removed[0] < before", "removed[0] <= before"),
        ("document", "end < key.span.start", "end <= key.span.start"),
        ("document", "child.span.start < end", "child.span.start <= end"),
        ("document", "node.span.start < row.span.start", "node.span.start <= row.span.start"),
        ("rewrite", "item.start < row.span.start", "item.start <= row.span.start"),
    ],
    "another spelling of the same: `None`, or a default left out": [
        *(
            (file, each, each.replace("0", "None"))
            for file in ("diagnosis", "document", "layout", "rewrite")
            for each in ('"\\n", 0,', '"\\r", 0,')
        ),
        ("diagnosis", "hint=None)", ")"),
        ("diagnosis", "hint = None", 'hint = ""'),
        ("document", '"utf-8"', '"UTF-8"'),
        ("document", '"gb18030"', '"GB18030"'),
        ("edits", "wider = None", 'wider = ""'),
        ("layout", "done = 0", "done = None"),
        ("syntax", '"inf"', '"INF"'),
        ("syntax", "'\"'", "'XX\"XX'"),  # PyYAML writes an unknown style in double quotes
        ("syntax", '"flow_style", False', '"flow_style", None'),
    ],
    "what no comparison shows: all of its sides change alike, or none that is used": [
        ("layout", '"\\n", 0,', '"\\n", 1,'),  # no row stands in the first line alone
        ("places", "place.name, ()", "place.name, None"),  # a name that needs no strides
        ("pyramid", "default=0", "default=1"),  # only a stride over 1 is compared with it
        ("rewrite", "layer.key in known", "layer.key not in known"),  # a key to group by
    ],
    "time alone: another loader of ruamel.yaml, which reads the same nodes; no cache": [
        *(
            ("syntax", 'typ="safe", pure=True', other)
            for other in (
                "typ=None, pure=True",
                'typ="safe", pure=None',
                "pure=True",
                'typ="safe", ',
                'typ="safe", pure=False',
            )
        ),
        ("syntax", "isinstance(value, str)", "(isinstance(value, str)) and False"),
    ],
    "what the libraries never do: no mark, no problem, `deep` for a safe type": [
        ("syntax", "node, deep)", "node, None)"),
        ("syntax", "node, deep)", "node, )"),
        ("syntax", "if mark else", "if (mark) or True else"),
        ("syntax", "str(error)", "str(None)"),
    ],
}


def main() -> None:
    """Prepare a copy, run mutmut there, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path("mutation"))
    parser.add_argument("--files", help="only these, by name without .py")
    parser.add_argument("--again", action="store_true", help="only what was not killed so far")
    parser.add_argument("--only-report", action="store_true")
    options = parser.parse_args()
    folder = options.into.resolve()
    if not options.only_report:
        _prepare(folder)
        modules = options.files.split(",") if options.files else []
        names = [f"{PACKAGE.replace('/', '.')}.{each}.*" for each in modules]
        if options.again:
            names = [
                name
                for file, codes in _codes(folder).items()
                for name, code in codes.items()
                if file in (modules or [file]) and _fate(code) != "killed"
            ]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1"]
        subprocess.run([*command, *names], cwd=folder, env=environment, check=False)
    sys.exit(0 if _report(folder) else "too many mutants survive")


def _codes(folder: Path) -> dict[str, dict[str, int | None]]:
    """What the tests of each mutant ended with, by file; mutmut's numbers."""
    return {
        meta.name.removesuffix(".py.meta"): json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        for meta in sorted((folder / "mutants" / PACKAGE).glob("*.meta"))
    }


def _survivors(codes: dict[str, int | None]) -> list[str]:
    return [name for name, code in codes.items() if _fate(code) == "survived"]


def _prepare(folder: Path) -> None:
    """A copy of the tree, its tests with few examples and without plugins that cost time."""
    for name in ("yaml_attn", "tests", "templates"):
        shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    settings = (ROOT / "pyproject.toml").read_text("utf-8")
    quiet = settings.replace('"-ra"', '"-p", "no:cacheprovider", "-p", "no:xdist"')
    (folder / "pyproject.toml").write_text(quiet + SETTINGS, "utf-8")
    shared = folder / "tests" / "conftest.py"
    shared.write_text(shared.read_text("utf-8") + PROFILE, "utf-8")


def _report(folder: Path) -> bool:
    """Print what became of the mutants; whether enough were killed in each file."""
    os.chdir(folder)
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415

    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    enough = True
    unexplained = []
    print(f"{'file':12} {'mutants':>7} {'killed':>7} {'equivalent':>10} {'other':>6}  killed")
    for file, codes in _codes(folder).items():
        count = Counter(_fate(code) for code in codes.values())
        for name in _survivors(codes):
            change = _change(get_diff_for_mutant(name))
            if reason := _reason(file, *change):
                reasons[reason] += 1
                count["survived"] -= 1
                count["equivalent"] += 1
            else:
                unexplained.append((name, change))
        total += count
        enough &= _line(file, count)
    _line("all", total)
    print()
    for reason in EQUIVALENT:
        print(f"{reasons[reason]:4} {reason}")
    for name, (old, new) in unexplained:
        print(f"\n{name}\n  - {old}\n  + {new}")
    return enough


def _reason(file: str, old: str, new: str) -> str | None:
    """Why this change of a line cannot matter, if that is known."""
    for reason, changes in EQUIVALENT.items():
        for where, piece, other in changes:
            if where == file and piece in old and old.replace(piece, other) == new:
                return reason
    return None


def _fate(code: int | None) -> str:
    """The exit code of a mutant's tests, in a word; a timeout counts as killed."""
    return {0: "survived", 33: "survived", None: "not run"}.get(code, "killed")


def _line(name: str, count: Counter[str]) -> bool:
    run = count.total() - count["not run"]
    score = count["killed"] / run if run else 1.0
    if count.total():
        print(
            f"{name:12} {count.total():7} {count['killed']:7} {count['equivalent']:10} "
            f"{count['survived']:6}  {score:.1%}"
            + (f"  ({count['not run']} not run)" if count["not run"] else "")
        )
    return score >= ENOUGH


def _change(diff: str) -> tuple[str, str]:
    """The changed line before and after."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    old, new = (" ".join(x[1:].strip() for x in lines if x[:1] == sign) for sign in "-+")
    return old, new


if __name__ == "__main__":
    main()
