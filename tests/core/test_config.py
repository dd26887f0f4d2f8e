"""A config in Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run

import yaml_attn
from yaml_attn.files import templates


def test_a_config_is_shown_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    config = yaml_attn.load("small.yaml")
    assert repr(config) == "<Config small.yaml, yolov5, 8 layers>"
    assert repr(config.document) == "<Document small.yaml, 8 rows>"
    edited = config.insert("SE", after=2).replace(0, "Focus").remove(3)
    assert repr(edited) == "<Config small.yaml, yolov5, 8 layers, 0 (Focus) replaced>"
    inserted = config.insert("SE", after=2)
    assert repr(inserted) == "<Config small.yaml, yolov5, 9 layers, 3 (SE) inserted>"
    Path("small_SE.yaml").write_bytes(inserted.data)
    removed = yaml_attn.load("small_SE.yaml").remove("SE")
    assert repr(removed) == "<Config small_SE.yaml, yolov5, 8 layers, 3 (SE) removed>"


def test_a_template_is_shown_by_its_name() -> None:
    assert repr(yaml_attn.load("yolov8s")) == "<Config yolov8s, ultralytics, scale s, 23 layers>"


def test_the_configs_of_an_installed_ultralytics_have_names_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "site" / "ultralytics" / "cfg" / "models"
    for name in ("10/yolov10n.yaml", "12/yolo12.yaml"):
        (models / name).parent.mkdir(parents=True)
        (models / name).write_bytes(templates()["yolov8.yaml"].read_bytes())
    (tmp_path / "site" / "ultralytics" / "__init__.py").touch()  # before one that is installed
    monkeypatch.delitem(sys.modules, "ultralytics", raising=False)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert yaml_attn.load("yolov10n").path == models / "10" / "yolov10n.yaml"
    twelve = yaml_attn.load("yolo12s.yaml")
    assert (twelve.path, twelve.scale) == (models / "12" / "yolo12.yaml", "s")
    assert yaml_attn.load("yolov8n.yaml").is_template
    edit = ("insert", "--base", "yolo12s", "--module", "SE", "--after", "SPPF", "--no-build")
    said = f"The base is that of the installed Ultralytics: {twelve.path}\n"
    assert said in run(*edit, "--dry-run").out
    refused = run(*edit, "--in-place")
    assert (refused.code, "is Ultralytics' own file: it is never" in refused.err) == (2, True)


def test_where_rows_do_not_tell_a_stride_the_comment_of_that_row_does(tmp_path: Path) -> None:
    path = tmp_path / "fork.yaml"
    # The stem halves twice, which its comment does not say: no other stride may follow from it.
    path.write_text(SMALL.replace("Conv, [8, 3, 2]", "MyStem, [8]", 1), encoding="utf-8")
    config = yaml_attn.load(path)
    assert config.strides == [None, None, None, None, None, None, 4, None]
    assert [place.keys for place in config.places if place.name == "P2"] == [(6,)]
    assert "P3" not in {place.name for place in config.places}
