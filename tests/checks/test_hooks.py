"""The pre-commit hooks and the GitHub Action run what there is, and install what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from yaml_attn.checks.settings import tomllib
from yaml_attn.cli import command_line

ROOT = Path(__file__).parents[2]
COMMAND: Any = get_command(command_line())


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_hooks_run_options_that_check_has() -> None:
    options = {name for each in COMMAND.commands["check"].params for name in each.opts}
    for hook in load(".pre-commit-hooks.yaml"):
        program, command, *given = hook["entry"].split()
        assert (program, command) == ("yaml-attn", "check")
        assert set(given) <= options
        assert hook["args"] == ["--"]  # behind it no file's name is an option
        assert hook["types"] == ["yaml"]


def test_the_page_about_checks_names_hooks_and_inputs_that_there_are() -> None:
    page = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    examples = [yaml.safe_load(part.partition("```")[0]) for part in page.split("```yaml\n")[1:3]]
    published, local = (repo["hooks"] for repo in examples[0]["repos"])
    hooks = {hook["id"]: hook for hook in load(".pre-commit-hooks.yaml")}
    assert {hook["id"] for hook in published} <= set(hooks)
    assert "yaml-attn-fix" in hooks
    for hook in local:
        same = hooks[hook["id"]]
        assert all(hook[key] == same[key] for key in ("entry", "types", "args"))
    action = next(step for step in examples[1]["steps"] if "<version>" in step.get("uses", ""))
    assert set(action["with"]) <= set(load("action.yml")["inputs"])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the action runs a newer Python")
def test_the_action_installs_every_dependency_but_torch() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install = next(
        step["run"] for step in load("action.yml")["runs"]["steps"] if "pip" in str(step)
    )
    script = install.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    printed = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"SOURCE": str(ROOT)},
    )
    light = [each for each in project["dependencies"] if not each.startswith("torch")]
    assert printed.stdout.splitlines() == light
    assert "--no-deps" in install


def test_the_action_puts_annotations_into_the_pull_request() -> None:
    check = load("action.yml")["runs"]["steps"][-1]
    assert 'yaml-attn" check --format github $ARGS -- $FILES' in check["run"]
    assert set(check["env"]) == {"FILES", "ARGS"}
