"""The page on studies says what is so: its study, its workflow and its code run as they stand."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Run

from yaml_attn.ablation.study import KEYS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "ablation.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def workflow() -> Any:
    return yaml.safe_load((DOCS / "ablation" / "workflow.yml").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with nothing in it but the page's study."""
    shutil.copy(DOCS / "ablation" / "study.yaml", tmp_path)
    return tmp_path


def test_the_study_and_the_workflow_of_the_page_are_the_files_beside_it() -> None:
    shown = blocks("yaml")
    for name in ("study.yaml", "workflow.yml"):
        assert (DOCS / "ablation" / name).read_text(encoding="utf-8") in shown


def test_every_key_of_a_study_is_on_the_page() -> None:
    assert [key for key in KEYS if f"| `{key}`" not in PAGE and f", `{key}`" not in PAGE] == []


def test_the_first_command_prints_what_the_page_shows(run: Run) -> None:
    [shown] = blocks("console")
    command, _, printed = shown.partition("\n")
    result = run(*shlex.split(command.removeprefix("$ yaml-attn ")))
    assert (result.code, result.out) == (0, printed)


def test_the_code_of_the_page_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [code] = blocks("python")
    (folder / "page.py").write_text(code)
    monkeypatch.chdir(folder)
    runpy.run_path("page.py")
    assert "yolov5s_SE_P3 2048\n" in capsys.readouterr().out
    assert len(list(folder.glob("configs/*.yaml"))) == 42


def test_the_workflow_generates_and_checks_as_it_stands(folder: Path) -> None:
    steps = {step.get("name"): step for step in workflow()["jobs"]["configs"]["steps"]}
    output = folder / "output"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def step(name: str) -> subprocess.CompletedProcess[str]:
        # The shell of GitHub's runners.
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", steps[name]["run"]],
            cwd=folder,
            env={**os.environ, "PATH": path, "GITHUB_OUTPUT": str(output), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    generated = step("Generate")
    assert generated.returncode == 0, generated.stderr
    assert output.read_text() == f"matrix={generated.stdout}"
    checked = step("Check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with (folder / "configs" / "yolov5s_SE_P3.yaml").open("a") as file:
        file.write("# by hand\n")
    checked = step("Check")
    assert checked.returncode == 1
    assert checked.stdout.splitlines()[0] == "changed: configs/yolov5s_SE_P3.yaml"


def test_the_workflow_trains_every_config_of_the_matrix() -> None:
    jobs = workflow()["jobs"]
    assert jobs["configs"]["outputs"] == {"matrix": "${{ steps.generate.outputs.matrix }}"}
    train = jobs["train"]
    assert train["strategy"]["matrix"] == "${{ fromJSON(needs.configs.outputs.matrix) }}"
    assert train["env"] == {"NAME": "${{ matrix.name }}", "CONFIG": "${{ matrix.config }}"}
    [step] = [step for step in train["steps"] if step.get("name") == "Train"]
    assert 'apply --repo yolov5 --config "$CONFIG"' in step["run"]
    assert '--cfg "models/$NAME.yaml"' in step["run"]
