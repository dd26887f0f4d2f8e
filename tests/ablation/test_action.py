"""The GitHub Action's `command: ablate` runs, and an unknown command does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ablation.studies import Write
from configs import SMALL

ACTION = yaml.safe_load((Path(__file__).parents[2] / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, Any] = {step.get("name"): step for step in ACTION["runs"]["steps"]}


def run_step(name: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("command", "code"), [("check", 0), ("ablate", 0), ("train", 2), ("", 2)])
def test_the_action_knows_two_commands(tmp_path: Path, command: str, code: int) -> None:
    assert run_step("Read the command", tmp_path, COMMAND=command).returncode == code


def test_one_step_is_for_each_command() -> None:
    assert ACTION["inputs"]["command"]["default"] == "check"
    for name, command in (("Check", "check"), ("Ablate", "ablate"), ("Install torch", "ablate")):
        assert STEPS[name]["if"] == f"inputs.command == '{command}'"


@pytest.fixture
def runner(tmp_path: Path) -> str:
    """A folder in which the command is installed as the action does it."""
    scripts = tmp_path / "runner" / "yaml-attn" / "bin"
    scripts.mkdir(parents=True)
    program = scripts / "yaml-attn"
    code = "from yaml_attn.cli import main; main()"
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n")
    program.chmod(0o755)
    return str(tmp_path / "runner")


def test_no_file_s_name_is_an_option_of_the_action(tmp_path: Path, runner: str) -> None:
    configs = tmp_path / "configs"
    configs.mkdir()
    wrong = SMALL.replace("[-1, 2], 1, Concat", "[-1, 99], 1, Concat")
    for name in ("--explain=YA101", "-q", "wrong.yaml"):
        (configs / name).write_text(wrong)
    for files in ("*", "*.yaml", ". --explain=YA101", "--explain=YA101"):
        result = run_step("Check", configs, RUNNER_TEMP=runner, FILES=files, ARGS="--ignore YA3")
        assert result.returncode == 1, result.stderr
        assert "::error file=" in result.stdout
    result = run_step("Ablate", configs, RUNNER_TEMP=runner, FILES="--version", ARGS="-o out")
    assert result.returncode == 2
    assert "--version" in result.stderr


def test_a_command_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    result = run_step("Read the command", tmp_path, COMMAND="x\n::stop-commands::y")
    assert result.stdout.count("\n") == 1


def test_the_action_generates_a_study_and_sets_the_matrix(
    write: Write, tmp_path: Path, runner: str
) -> None:
    write("bases: small.yaml\nmodules: [SE]\nplaces: [2]\n")
    output = tmp_path / "output"
    result = run_step(
        "Ablate",
        tmp_path,
        RUNNER_TEMP=runner,
        GITHUB_OUTPUT=str(output),
        FILES="study.yaml",
        ARGS="-o configs --no-build",
    )
    assert result.returncode == 0, result.stderr
    name, _, matrix = output.read_text().partition("=")
    assert ACTION["outputs"][name]["value"] == "${{ steps.ablate.outputs.matrix }}"
    assert STEPS["Ablate"]["id"] == "ablate"
    configs = [tmp_path / job["config"] for job in json.loads(matrix)["include"]]
    assert [path.name for path in configs] == ["small_baseline.yaml", "small_SE_2.yaml"]
    assert all(path.exists() for path in configs)
