"""The READMEs say what happens: every `$ yaml-attn` in them is run and its output compared."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import Run

from yaml_attn.checks import RULES
from yaml_attn.modules import MECHANISMS

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def screens(name: str) -> list[tuple[str, str]]:
    """The commands shown with a `$` and the output below each, in the order of the page."""
    text = (ROOT / name).read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


@pytest.mark.parametrize("name", READMES)
def test_the_screens_are_what_the_commands_print(run: Run, name: str) -> None:
    shown = screens(name)
    assert shown
    for command, output in shown:
        result = run(*shlex.split(command)[1:])
        assert result.out + result.err == output, command


def test_both_languages_show_the_same_commands() -> None:
    blocks = [
        re.findall(
            r"```(?:console|sh|python|yaml)\n.*?```", (ROOT / name).read_text("utf-8"), re.DOTALL
        )
        for name in READMES
    ]
    assert blocks[0] == blocks[1]


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102 (our own page)


def test_what_is_counted_is_there() -> None:
    english, chinese = ((ROOT / name).read_text("utf-8") for name in READMES)
    found = re.search(r"\[all (\d+)\]\(docs/modules.md\)", english)
    assert found
    assert int(found[1]) == len(MECHANISMS)
    found = re.search(r"\[(\d+) checks\]\(docs/checks.md\)", english)
    assert found
    assert int(found[1]) == len(RULES)
    assert f"{len(MECHANISMS)} 种" in chinese
    assert f"{len(RULES)} 项" in chinese
