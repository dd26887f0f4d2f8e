"""Mutation testing of the part that edits files: is any change of the code seen by its tests?

    pip install mutmut
    python benchmarks/mutants.py [--into FOLDER] [--files layout,rewrite] [--again]

mutmut 3 changes one thing at a time in each function of `yaml_attn/config` and runs the tests in
`tests/config`, with Hypothesis held to a few fixed examples. It leaves out module level, and
decorated functions other than class methods. Printed are the counts by file, and each survivor
that EQUIVALENT does not explain; the exit code is 1 if in one file fewer than 90 % of the others
are killed.
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

EQUIVALENT: list[tuple[str, str, str]] = []


def main() -> None:
    """Prepare a copy, run mutmut there, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path("mutation"))
    parser.add_argument("--files", help="only these, by name without .py")
    parser.add_argument("--again", action="store_true", help="only what survived so far")
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
                for codes in _codes(folder).values()
                for name, code in codes.items()
                if _fate(code) != "killed"
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

    known = {(old, new): reason for old, new, reason in EQUIVALENT}
    used: set[tuple[str, str]] = set()
    total: Counter[str] = Counter()
    enough = True
    unexplained = []
    print(f"{'file':12} {'mutants':>7} {'killed':>7} {'survived':>8} {'equivalent':>10}  score")
    for file, codes in _codes(folder).items():
        count = Counter(_fate(code) for code in codes.values())
        for name in _survivors(codes):
            change = _change(get_diff_for_mutant(name))
            if change in known:
                used.add(change)
                count["survived"] -= 1
                count["equivalent"] += 1
            else:
                unexplained.append((name, change))
        total += count
        enough &= _line(file, count)
    _line("all", total)
    for name, (old, new) in unexplained:
        print(f"\n{name}\n  - {old}\n  + {new}")
    for old, new in known.keys() - used:
        print(f"\nno mutant any more:\n  - {old}\n  + {new}")
    return enough


def _fate(code: int | None) -> str:
    """The exit code of a mutant's tests, in a word; a timeout counts as killed."""
    return {0: "survived", 33: "survived", None: "not run"}.get(code, "killed")


def _line(name: str, count: Counter[str]) -> bool:
    others = count["killed"] + count["survived"]
    score = count["killed"] / others if others else 1.0
    if count.total():
        print(
            f"{name:12} {count.total():7} {count['killed']:7} {count['survived']:8} "
            f"{count['equivalent']:10}  {score:.1%}"
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
