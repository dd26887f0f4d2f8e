from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL

from yaml_attn.document.document import Document
from yaml_attn.frameworks.checkout.train_command import config_target, train_command

# What each framework's checkout has of the files that matter here.
YOLOV5 = (
    "models/yolov5s.yaml data/coco128.yaml data/coco128-seg.yaml data/hyps/hyp.scratch-low.yaml"
)
YOLOV7 = "cfg/training/yolov7.yaml data/coco.yaml data/hyp.scratch.p5.yaml"
YOLOV9 = "models/detect/gelan-s.yaml data/coco.yaml data/hyps/hyp.scratch-high.yaml"


def checkout(folder: Path, files: str) -> Path:
    for name in files.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def document(folder: Path, head: str = "Detect") -> Document:
    path = folder / "small_SE.yaml"
    path.write_text(SMALL.replace("Detect", head))
    assert head in path.read_text()
    return Document.load(path)


@pytest.mark.parametrize(
    ("files", "head", "command"),
    [
        (
            YOLOV5,
            "Detect",
            'python train.py --cfg models/small_SE.yaml --weights "" --data data/coco128.yaml',
        ),
        (
            YOLOV5,
            "Segment",
            (
                'python segment/train.py --cfg models/small_SE.yaml --weights "" '
                "--data data/coco128-seg.yaml"
            ),
        ),
        (
            YOLOV7,
            "IDetect",
            'python train.py --cfg cfg/training/small_SE.yaml --weights "" --data data/coco.yaml',
        ),
        (
            YOLOV7,
            "IAuxDetect",
            (
                'python train_aux.py --cfg cfg/training/small_SE.yaml --weights "" '
                "--data data/coco.yaml"
            ),
        ),
        (
            YOLOV9,
            "DualDDetect",
            (
                'python train_dual.py --cfg models/detect/small_SE.yaml --weights "" '
                "--data data/coco.yaml --hyp data/hyps/hyp.scratch-high.yaml"
            ),
        ),
        ("", "Detect", 'python train.py --cfg models/small_SE.yaml --weights ""'),
    ],
)
def test_the_command_is_that_of_the_checkout_and_the_head(
    tmp_path: Path, files: str, head: str, command: str
) -> None:
    root = checkout(tmp_path / "repo", files)
    config = document(tmp_path, head)
    assert config.path
    assert train_command(config, config_target(config.path, root), root) == command


def test_the_weights_of_the_config_are_where_training_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = checkout(tmp_path / "repo", YOLOV5)
    config = document(checkout(tmp_path / "beside", "small_SE.pt"))
    assert config.path
    target = config_target(config.path, root)
    for weights, said in (
        (tmp_path / "beside/small_SE.pt", (tmp_path / "beside/small_SE.pt").as_posix()),
        (tmp_path / "small_SE.pt", (tmp_path / "small_SE.pt").as_posix()),
    ):
        weights.touch()
        assert f"--cfg models/small_SE.yaml --weights {said} " in train_command(
            config, target, root
        )


def test_a_config_in_the_checkout_stays_where_it_is(tmp_path: Path) -> None:
    root = checkout(tmp_path / "repo", YOLOV7)
    path = root / "mine.yaml"
    assert config_target(path, root) == path
