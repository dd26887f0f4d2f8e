"""Imports run one way, the public names exist, and the pages say what the code does."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import yaml_attn

ROOT = Path(__file__).parent.parent


def test_imports_run_one_way_and_torch_stays_where_it_belongs() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_public_name_can_be_imported() -> None:
    for name in yaml_attn.__all__:
        assert getattr(yaml_attn, name) is not None


def test_nothing_is_ever_evaluated_or_unpickled() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}
    for path in (ROOT / "yaml_attn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno}"
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert "pickle" not in names, f"{path}:{node.lineno}"
