from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

from conftest import Run

from yaml_attn.mechanisms.registry import MECHANISMS


def test_it_writes_one_file_and_says_what_is_in_it(run: Run, tmp_path: Path) -> None:
    result = run("export", "CBAM", "selayer", "-o", "attention.py")
    text = (tmp_path / "attention.py").read_text()
    assert result.code == 0
    assert result.out == f"Wrote attention.py: SE, CBAM; {len(text.splitlines())} lines.\n"
    classes = {each.name for each in ast.parse(text).body if isinstance(each, ast.ClassDef)}
    assert {"SE", "CBAM", "ChannelAttention", "SpatialAttention"} <= classes
    assert "ECA" not in classes


def test_a_file_that_is_there_is_kept_without_force(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "attention.py"
    target.write_text("mine\n")
    result = run("export", "SE")
    assert (result.code, target.read_text()) == (2, "mine\n")
    assert result.err.startswith("error: attention.py: exists already\n")
    assert "--force" in result.err
    assert run("export", "SE", "--force").code == 0
    assert "class SE" in target.read_text()


def test_a_folder_gets_attention_py(run: Run, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    assert run("export", "SE", "-o", "models").code == 0
    assert (tmp_path / "models/attention.py").exists()


def test_a_dash_prints_the_file_and_nothing_else(run: Run, tmp_path: Path) -> None:
    run("export", "SE", "-o", "file.py")
    assert run("export", "SE", "-o", "-").out == (tmp_path / "file.py").read_text()


def test_all_are_all(run: Run) -> None:
    tree = ast.parse(run("export", "--all", "-o", "-").out)
    classes = {each.name for each in tree.body if isinstance(each, ast.ClassDef)}
    assert set(MECHANISMS) <= classes


def test_names_or_all_of_them_must_be_given(run: Run, tmp_path: Path) -> None:
    for command in (["export"], ["export", "SE", "--all"]):
        result = run(*command)
        assert result.code == 2
        assert "name the mechanisms to write, or give --all\nE.g. yaml-attn export" in result.err
    assert "Did you mean SE" in run("export", "SEE").err
    assert list(tmp_path.iterdir()) == []


def test_json_tells_what_was_written(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("export", "SE", "-o", "one.py", "--json").out)
    lines = len((tmp_path / "one.py").read_text().splitlines())
    assert found == {"output": "one.py", "mechanisms": ["SE"], "lines": lines}
    assert run("export", "SE", "-o", "-", "--json").code == 2


def test_a_class_of_the_users_own_is_exported_with_the_rest(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Mine."""\n\nfrom __future__ import annotations\n\nfrom torch import nn\n\n\n'
        "class Mine(nn.Module):\n    def __init__(self, c1: int) -> None:\n"
        "        super().__init__()\n        self.conv = nn.Conv2d(c1, c1, 1)\n\n"
        "    def forward(self, x):\n        return x * self.conv(x).sigmoid()\n"
    )
    result = run("export", "SE", "./mine.py:Mine", "-o", "both.py")
    assert result.code == 0, result.err
    script = "import torch, both; print([c.__name__ for c in both.YAML_ATTN_MODULES])\n"
    script += "print(both.Mine(8)(torch.ones(1, 8, 4, 4)).shape)"
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert shown.stdout.splitlines() == ["['SE', 'Mine']", "torch.Size([1, 8, 4, 4])"]


def test_a_class_whose_file_needs_more_than_torch_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import yaml\nfrom torch import nn\n\n\nclass Mine(nn.Module):\n"
        "    def __init__(self, c1):\n        super().__init__()\n"
    )
    result = run("export", "./mine.py:Mine")
    assert (result.code, "mine.py:1: imports yaml; " in result.err) == (2, True)
    assert not (tmp_path / "attention.py").exists()
