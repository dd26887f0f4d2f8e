from __future__ import annotations

from pathlib import Path

import pytest

from yaml_attn.checks.paths import expand
from yaml_attn.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yml", "c.txt", "d/e.YAML", "d/f/g.yaml", ".git/h.yaml", "d/.i.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["a.yaml"], ["a.yaml"]),
        (["c.txt"], ["c.txt"]),
        (["."], ["a.yaml", "b.yml", "d/e.YAML", "d/f/g.yaml"]),
        (["d"], ["d/e.YAML", "d/f/g.yaml"]),
        (["*.y*ml"], ["a.yaml", "b.yml"]),
        (["**/*.yaml"], ["a.yaml", "d/f/g.yaml"]),
        (["d/*"], ["d/e.YAML", "d/f/g.yaml"]),
        (["a.yaml", ".", "a.yaml"], ["a.yaml", "b.yml", "d/e.YAML", "d/f/g.yaml"]),
        ([".git/h.yaml"], [".git/h.yaml"]),
    ],
)
def test_names_mean_files_each_once(names: list[str], files: list[str]) -> None:
    assert [path.as_posix() for path in expand(names)] == files


def test_an_empty_folder_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert expand(["empty"]) == []


@pytest.mark.parametrize("name", ["none.yaml", "*.toml", "d/none/*.yaml"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        expand([name])
