from __future__ import annotations

import os
from pathlib import Path

import pytest

from yaml_attn.checks.paths import expand
from yaml_attn.errors import UsageError
from yaml_attn.files import MOST_BYTES


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


@pytest.mark.skipif(os.name != "posix", reason="pipes and links")
def test_what_cannot_be_a_config_is_meant_only_by_its_own_name(folder: Path) -> None:
    place = folder / "bad"
    place.mkdir()
    os.mkfifo(place / "pipe.yaml")
    (place / "circle.yaml").symlink_to("circle.yaml")
    (place / "zero.yaml").symlink_to("/dev/zero")
    (place / "up").symlink_to("..")
    with (place / "labels.yaml").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    (place / "good.yaml").touch()
    assert [path.as_posix() for path in expand(["bad", "bad/*.yaml"])] == ["bad/good.yaml"]
    names = ["bad/pipe.yaml", "bad/circle.yaml", "bad/zero.yaml", "bad/labels.yaml"]
    assert [path.as_posix() for path in expand(names)] == names
