"""Hostile configs and the real frameworks: by every command that hands one over, nothing runs."""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

import facts
import hostile
import pytest
from frameworks.real import checkout, checkout_python, need_ultralytics, run_python

pytestmark = pytest.mark.frameworks

SCRIPT = """
    import contextlib, io, json, sys
    from pathlib import Path
    from yaml_attn.cli import main

    def call(*args):
        sys.argv = ["yaml-attn", *args]
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                main()
        except SystemExit as stop:
            return [int(stop.code or 0), said.getvalue()]
        except Exception as error:  # the framework's own, of `yolo`
            return [1, repr(error)]
        return [0, said.getvalue()]

    asked = json.loads(Path(sys.argv[1]).read_text())
    answers = []
    for args in asked:
        code, said = call(*args)
        answers.append([code, said, Path("canary").exists()])
        Path("canary").unlink(missing_ok=True)
    Path("answers.json").write_text(json.dumps(answers))
"""

ALL = """
    import json, sys
    from pathlib import Path
    from yaml_attn.building.report import BuildReport
    from yaml_attn.frameworks.checkout.build import Request, build_all

    texts = json.loads(Path(sys.argv[1]).read_text())
    asked = [Request(text, "any.yaml", imgsz=64) for text in texts]
    answers = build_all(Path("repo"), asked, dialect=sys.argv[2], timeout=60)
    built = [isinstance(each, BuildReport) for each in answers]
    Path("built.json").write_text(json.dumps(built))
"""

COMMANDS = {
    "build": ["build", "FILE"],
    "show": ["show", "FILE", "--build"],
    "insert": ["insert", "--base", "FILE", "--module", "SE", "--after", "0", "-o", "out.yaml"],
    "insert --dry-run": ["insert", "--base", "FILE", "-m", "SE", "--after", "0", "--dry-run"],
    "replace": ["replace", "--base", "FILE", "--at", "0", "--module", "Focus", "--dry-run"],
    "remove": ["remove", "--base", "FILE", "--at", "SE", "--dry-run"],
    "ablate": ["ablate", "--base", "FILE", "-m", "SE", "--at", "0", "--dry-run", "--strict"],
}
"""Every command that builds what a file says."""


def small(framework: str, name: str) -> dict[str, Any]:
    """A config of the framework, with a row of SE."""
    rows = facts.network(framework, name).rows()
    rows["backbone"].insert(0, [-1, 1, "SE", [3]])
    for row in [*rows["backbone"], *rows["head"]]:
        references = row[0] if isinstance(row[0], list) else [row[0]]
        moved = [each + (each >= 0) for each in references]
        row[0] = moved if isinstance(row[0], list) else moved[0]
    return {**facts.settings(framework, name), **rows}


def tried(python: str, base: dict[str, Any], cwd: Path, asked: dict[str, list[list[str]]]) -> None:
    """Run each command line on a file of each shape: all are refused, and none has run."""
    hostile.lay_traps(cwd)
    lines = []
    for at, (name, commands) in enumerate(asked.items()):
        file = f"hostile{at}.yaml"
        (cwd / file).write_text(hostile.config(base, name), encoding="utf-8")
        lines += [[word.replace("FILE", file) for word in command] for command in commands]
    (cwd / "asked.json").write_text(json.dumps(lines))
    run_python(python, "-c", textwrap.dedent(SCRIPT), "asked.json", cwd=cwd, timeout=1800)
    answers = json.loads((cwd / "answers.json").read_text())
    for line, (code, said, ran) in zip(lines, answers, strict=True):
        assert not ran, (line, said)
        assert code != 0, (line, said)
        assert "Traceback" not in said, (line, said)


@need_ultralytics()
def test_nothing_of_a_config_runs_in_ultralytics(python: str, tmp_path: Path) -> None:
    commands = [
        *COMMANDS.values(),
        [*COMMANDS["ablate"], "--builder", "ultralytics"],
        ["yolo", "train", "model=FILE", "data=coco8.yaml", "epochs=1"],
    ]
    commands.remove(COMMANDS["ablate"])  # it builds the new layers alone, and refuses nothing
    base = small("ultralytics", "v8/yolov8@n")
    tried(python, base, tmp_path, dict.fromkeys(hostile.shapes(), commands))


@pytest.mark.parametrize(
    ("framework", "name"),
    [
        ("yolov5", "yolov5n"),
        ("yolov7", "cfg/training/yolov7-tiny"),
        ("yolov9", "models/detect/gelan-s"),
        ("yolov3", "models/yolov3-tiny"),
    ],
)
def test_nothing_of_a_config_runs_in_a_checkout(framework: str, name: str, tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(checkout(framework), repo, ignore=shutil.ignore_patterns(".git", "figure"))
    hostile.lay_traps(repo)
    base = small(framework, name)
    texts = [hostile.config(base, each) for each in hostile.shapes()]
    (tmp_path / "texts.json").write_text(json.dumps(texts))
    python = checkout_python()
    run_python(python, "-c", textwrap.dedent(ALL), "texts.json", framework, cwd=tmp_path)
    built = json.loads((tmp_path / "built.json").read_text())
    assert [each for each, done in zip(hostile.shapes(), built, strict=True) if done] == []
    # Each of these starts a process of its own: a setting, a module and an argument will do.
    some = ["setting activation: a call", "module open", "argument a call"]
    ways = [[*command, "--repo", "repo"] for command in COMMANDS.values()]
    tried(python, base, tmp_path, dict.fromkeys(some, ways))
    assert not (repo / hostile.CANARY).exists()
