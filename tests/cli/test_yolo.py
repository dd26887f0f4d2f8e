"""`yaml-attn yolo` hands everything to the framework's own command and keeps its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run
from frameworks.lookalikes import write_ultralytics
from frameworks.real import ROOT
from own_class import write_own


def test_it_runs_the_frameworks_command_with_the_mechanisms_registered(tmp_path: Path) -> None:
    write_ultralytics(tmp_path)
    args = ["train", "model=yolo11n_SE.yaml", "--half", "-x", "epochs=3"]
    result = subprocess.run(
        [sys.executable, "-m", "yaml_attn", "yolo", *args],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert result.stdout == f"yolo {' '.join(args)} SE\n"
    assert result.returncode == 3


def test_a_class_of_the_users_is_known_too_and_the_word_for_it_is_not_handed_on(
    tmp_path: Path,
) -> None:
    write_ultralytics(tmp_path)
    write_own(tmp_path)
    cfg = tmp_path / "ultralytics/cfg/__init__.py"
    cfg.write_text(cfg.read_text().replace("tasks.SE", "tasks.Mine"))
    command = [sys.executable, "-m", "yaml_attn", "yolo", "--own", "./mine.py:Mine", "train", "x=1"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env
    )
    assert result.stdout == "yolo train x=1 Mine\n", result.stderr


def test_what_stops_the_framework_is_said_in_a_line(tmp_path: Path) -> None:
    write_ultralytics(tmp_path)
    cfg = tmp_path / "ultralytics/cfg/__init__.py"
    cfg.write_text("def entrypoint(*_):\n    raise FileNotFoundError('no\\ndata')\n")
    command = [sys.executable, "-m", "yaml_attn", "yolo", "train", "data=none.yaml"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "YAML_ATTN_DEBUG": ""}
    result = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env=env
    )
    said = "error: Ultralytics stopped: FileNotFoundError: no data\n"
    assert (result.returncode, result.stderr.startswith(said)) == (1, True), result.stderr
    assert "Traceback" not in result.stderr


class Absent:
    def find_spec(self, name: str, *_: object) -> None:
        if name == "ultralytics":
            raise ModuleNotFoundError(name=name)


def test_without_the_framework_it_says_how_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == "ultralytics" or name == "yaml_attn.frameworks.ultralytics":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(), *sys.meta_path])
    result = run("yolo", "train")
    assert result.code == 2
    assert "pip install ultralytics" in result.err


def test_its_help_shows_an_example(run: Run) -> None:
    assert "yaml-attn yolo train model=yolo11n_SE.yaml" in run("yolo", "--help").out


def test_a_row_of_a_class_that_nobody_has_named_says_how(tmp_path: Path) -> None:
    write_ultralytics(tmp_path)
    cfg = tmp_path / "ultralytics/cfg/__init__.py"
    build = 'tasks.Model({"backbone": [[-1, 1, "Mine", [8]]], "head": []})'
    cfg.write_text(cfg.read_text().replace("sys.exit(3)", build))
    result = subprocess.run(
        [sys.executable, "-m", "yaml_attn", "yolo", "train", "model=x.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )
    assert result.returncode == 2
    assert "yaml-attn yolo --own ./FILE.py:Mine" in result.stderr
    assert "Traceback" not in result.stderr
