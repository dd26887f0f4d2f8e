from __future__ import annotations

from pathlib import Path

import pytest

from yaml_attn.checks.settings import Settings, read_settings
from yaml_attn.errors import UsageError


def write(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_the_section_of_the_nearest_file_holds(tmp_path: Path) -> None:
    write(tmp_path, '[tool.yaml-attn]\nselect = ["YA2"]\nignore = ["YA209"]\nbase = "yolov5s"\n')
    deep = tmp_path / "models" / "attention"
    deep.mkdir(parents=True)
    assert read_settings(deep) == Settings(("YA2",), ("YA209",), "yolov5s")
    write(deep, "[project]\nname = 'x'\n")
    assert read_settings(deep) == Settings()


def test_a_base_is_a_file_beside_the_settings_if_there_is_one(tmp_path: Path) -> None:
    write(tmp_path, '[tool.yaml-attn]\nbase = "base.yaml"\n')
    (tmp_path / "base.yaml").write_text("")
    (tmp_path / "below").mkdir()
    assert read_settings(tmp_path / "below").base == str(tmp_path / "base.yaml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.yaml-attn]\nselects = []\n", "no key 'selects'"),
        ('[tool.yaml-attn]\nselect = "YA2"\n', "select is no list"),
        ("[tool.yaml-attn]\nignore = [1]\n", "ignore is no list"),
        ("[tool.yaml-attn]\nbase = 3\n", "base is no string"),
        ("[tool.yaml-attn\n", "cannot be read"),
        ("[tool]\nyaml-attn = 3\n", "no table"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, text)
    with pytest.raises(UsageError, match=told):
        read_settings(tmp_path)
