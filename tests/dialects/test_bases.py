"""Which file the name of a base means."""

from __future__ import annotations

import pytest

from yaml_attn.dialects.bases import find_base
from yaml_attn.errors import NoFileError
from yaml_attn.files import templates


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("yolov5s", "yolov5s.yaml"),
        ("yolov8.yaml", "yolov8.yaml"),
        ("yolov8x", "yolov8.yaml"),
        ("yolo11m.yaml", "yolo11.yaml"),
    ],
)
def test_a_name_means_a_template_or_one_of_its_scales(name: str, file: str) -> None:
    assert find_base(name) == templates()[file]


@pytest.mark.parametrize(
    ("asked", "meant"), [("yolov11n.yaml", "yolo11n.yaml"), ("yolo8s", "yolov8s")]
)
def test_a_name_with_a_v_too_much_or_missing_is_answered_by_the_right_one(
    asked: str, meant: str
) -> None:
    with pytest.raises(NoFileError, match=f"Did you mean {meant}\\? yolov8n"):
        find_base(asked)


def test_a_scale_that_the_file_does_not_have_is_no_name() -> None:
    with pytest.raises(NoFileError, match="yolov5sx: no such file, and no template of this name"):
        find_base("yolov5sx")
