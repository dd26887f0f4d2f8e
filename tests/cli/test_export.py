from __future__ import annotations

import ast
from pathlib import Path

from conftest import Run

from yaml_attn.modules.registry import MECHANISMS


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
        assert "name the mechanisms to write, or give --all" in result.err
    assert "Did you mean SE" in run("export", "SEE").err
    assert list(tmp_path.iterdir()) == []
