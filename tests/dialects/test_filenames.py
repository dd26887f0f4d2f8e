"""Scales in file names: what the versions of Ultralytics read, and what users are told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from frameworks.real import need_ultralytics, run_python
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn.dialects.filenames import (
    lost_scale,
    read_instead,
    scale_of,
    with_scale,
    without_scale,
)

SCALES = ["n", "s", "m", "l", "x"]

NAMES = {
    "yolov8s-cbam": "s",
    "yolov8-cbam": "",
    "yolo11n-l09-se": "n",
    "my_yolov8s": "s",
    "yoloe-v8l-seg": "l",
    "yoloe-11m": "m",
    "yolov8m6": "m",
    "yolov8se": "s",
    "yolov8-yolo11x": "x",
    "cbam": "",
    "yolov8-se_n": "",
    "yolov8_s": "",
    "YOLOv8s": "",
    "yolov10b": "",
    "rtdetr-l": "",
    "exp2n/yolo11-se": "",
    "yolo11n-x/model": "",
}
"""Name -> the scale that Ultralytics reads it at."""

names = st.lists(
    st.sampled_from(
        [*"yolo yoloe- yolov YOLO v 8 11 n s x b - _ . / se 6 yolov8s".split(), "\u0665"]
    ),
    min_size=1,
).map("".join)


@pytest.mark.parametrize(("name", "scale"), NAMES.items())
def test_the_scale_is_told_by_the_name_with_and_without_suffix(name: str, scale: str) -> None:
    assert scale_of(name) == scale_of(f"{name}.yaml") == scale_of(Path(f"in/{name}.yml")) == scale


def test_a_point_in_a_stem_is_no_suffix() -> None:
    assert scale_of("v1.yolov8s") == scale_of("v1.yolov8s.yaml") == "s"


@pytest.mark.parametrize(
    ("asked", "tried"),
    [
        ("yolov8s-seg.yaml", "yolov8-seg.yaml"),
        ("yolov8-seg.yaml", "yolov8-seg.yaml"),
        ("yolo11n-l09s.yaml", "yolo11-l09s.yaml"),
        ("yolo11-l09s.yaml", "yolo11-l09.yaml"),
        ("exp2n/yolo11s.yaml", "exp2/yolo11s.yaml"),
        ("yolov8se.yaml", "yolov8e.yaml"),
        ("yolov8n6.yaml", "yolov8-p6.yaml"),
        ("rtdetr-l.yaml", "rtdetr-l.yaml"),
    ],
)
def test_the_loader_tries_the_path_without_its_first_scale(asked: str, tried: str) -> None:
    assert without_scale(asked) == Path(tried)


@pytest.mark.parametrize(
    ("stem", "scale", "expected"),
    [
        ("yolov8-p2", "s", "yolov8s-p2"),
        ("yolov8n-p2", "s", "yolov8s-p2"),
        ("my_yolo11", "x", "my_yolo11x"),
        ("yoloe-v8-seg", "l", "yoloe-v8l-seg"),
        ("yolov8_se", "m", "yolov8m_se"),
        ("yolov8se", "n", "yolov8n-se"),
        ("yolov8simam", "s", "yolov8s-simam"),
        ("yolov10b", "m", "yolov10m-b"),
        ("yolov10", "b", "yolov10"),
        ("rtdetr-l", "x", "rtdetr-l"),
        ("cbam", "s", "cbam"),
        ("YOLOv8", "s", "YOLOv8"),
    ],
)
def test_a_scale_is_put_where_the_pattern_looks_for_it(
    stem: str, scale: str, expected: str
) -> None:
    assert with_scale(stem, scale) == expected


@given(names, st.sampled_from(SCALES))
def test_a_name_with_a_number_behind_yolo_carries_any_scale(name: str, scale: str) -> None:
    stem = name.replace("/", "-")
    found = with_scale(stem, scale)
    assert with_scale(found, scale) == found
    if re.search(r"yolo(e-)?v?\d", stem):
        assert scale_of(f"{found}.yaml") == scale
    else:
        assert found == stem


@pytest.mark.parametrize(
    ("path", "wanted", "problem", "advice"),
    [
        ("cbam.yaml", "s", "read at n, the first", "Call it yolov8s-cbam.yaml."),
        ("yolov8_s.yaml", "s", "read at n, the first", "or call it yolov8s-custom.yaml."),
        ("yolov8_s-se.yaml", "s", "tells none", "or call it yolov8s-se.yaml."),
        ("YOLOv8s.yaml", "s", "tells none", "Call it yolov8s-custom.yaml."),
        ("YOLO11s-SE.yaml", "s", "tells none", "Call it yolo11s-SE.yaml."),
        ("yolo11n-l09-se.yaml", "l", "is read at n", "Call it yolo11l-l09-se.yaml."),
        ("yolov8se.yaml", "n", "is read at s", "Call it yolov8n-se.yaml."),
        ("yolov8-se.yaml", "x", "tells none", "Load it as yolov8x-se.yaml, or call it so."),
        ("exp2n/yolov8-se.yaml", "x", "tells none", "Call it yolov8x-se.yaml."),
        ("exp2/yolov8-se.yaml", "x", "tells none", "Load it as yolov8x-se.yaml, or call it so."),
        ("yolov8n-x/model.yaml", "x", "tells none", "Call it yolov8x-model.yaml."),
        ("rtdetr.yaml", "x", "tells none", "Call it yolov8x-rtdetr-custom.yaml."),
    ],
)
def test_a_lost_scale_is_told_with_a_better_name(
    path: str, wanted: str, problem: str, advice: str
) -> None:
    told = lost_scale(path, SCALES, wanted)
    assert told is not None
    assert problem in told
    assert told.endswith(advice)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("yolov8s-se.yaml", "s"), ("yolov8-se.yaml", "n"), ("cbam.yaml", "n"), ("cbam.yaml", "z")],
)
def test_nothing_is_said_of_a_scale_that_is_kept_or_that_there_is_not(
    path: str, wanted: str
) -> None:
    assert lost_scale(path, SCALES, wanted) is None


def test_nothing_is_said_of_a_config_without_scales() -> None:
    assert lost_scale("yolov9s.yaml", [], "s") is None


def test_a_scale_that_the_config_has_not_or_no_name_can_tell() -> None:
    assert "asks for n, which" in str(lost_scale("yolo11n-se.yaml", ["l"], "l"))
    assert "make it the first" in str(lost_scale("yolov10-se.yaml", ["n", "b"], "b"))


@given(names, st.sampled_from(SCALES))
def test_a_better_name_is_read_at_the_wanted_scale(name: str, wanted: str) -> None:
    path = f"{name}.yaml"
    told = lost_scale(path, SCALES, wanted)
    if told is not None:
        *_, better = told.removesuffix(", or call it so.").removesuffix(".").rpartition(" ")
        better = better.rpartition(" ")[2]
        assert scale_of(better) == wanted
        assert lost_scale(better, SCALES, wanted) is None


@pytest.mark.parametrize(
    ("path", "stock", "better"),
    [
        ("yolov8s.yaml", "yolov8.yaml", "yolov8s-custom.yaml"),
        ("yolov8m-p2.yaml", "yolov8-p2.yaml", "yolov8m-p2-custom.yaml"),
        ("yolo11n.yaml", "yolo11.yaml", "yolo11n-custom.yaml"),
        ("yoloe-v8l-seg.yaml", "yoloe-v8-seg.yaml", "yoloe-v8l-seg-custom.yaml"),
    ],
)
def test_a_name_for_which_ultralytics_opens_its_own_file(
    path: str, stock: str, better: str
) -> None:
    told = read_instead(path)
    assert told is not None
    assert stock in told
    assert told.endswith(f"Call it {better}.")
    assert read_instead(better) is None


@pytest.mark.parametrize(
    "path", ["yolov8.yaml", "yolov8s-se.yaml", "in/yolov8s.yaml", "yolov9s.yaml", "cbam.yaml"]
)
def test_a_name_for_which_the_file_itself_is_opened(path: str) -> None:
    assert read_instead(path) is None


LOAD = """
import json, sys
from pathlib import Path
import ultralytics
from ultralytics.nn.tasks import yaml_model_load
found = []
for file, asked in json.loads(sys.argv[1]):
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text("mine: true")
    read = yaml_model_load(asked)
    found.append([read["scale"], "mine" in read])
    Path(file).unlink()
print("FOUND", json.dumps([ultralytics.__version__, found]))
"""


@pytest.mark.frameworks
@need_ultralytics()
def test_the_real_loader_reads_these_scales_and_files(python: str, tmp_path: Path) -> None:
    paths = [f"{name}.yaml" for name in NAMES if name != "yolov8m6"]  # which is renamed first
    asked = [(path, path) for path in [*paths, "yolov8s.yaml", "yolov8m-p2.yaml"]]
    general = [(str(without_scale(path)), path) for path in paths]
    run = run_python(python, "-c", LOAD, json.dumps([*asked, *general]), cwd=tmp_path)
    version, found = json.loads(run.stdout.rpartition("FOUND ")[2])
    for (file, path), (scale, mine) in zip([*asked, *general], found, strict=True):
        # 8.0 knows no name without a v.
        assert scale == scale_of(path) or (version.startswith("8.0.") and scale == "")
        assert mine or (file == path and read_instead(path))
