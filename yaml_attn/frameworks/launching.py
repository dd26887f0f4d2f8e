"""Where a checkout wants its configs, and the command that trains one there."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from yaml_attn.config.document import Document
from yaml_attn.files import is_file, real_path

CONFIG_FOLDERS: Final = ("models/detect", "cfg/training", "models")
"""Of YOLOv9, of YOLOv7, of YOLOv5 and YOLOv3: the first that has configs is the checkout's."""

SCRIPTS: Final = {
    "DualDetect": "train_dual.py",
    "DualDDetect": "train_dual.py",
    "TripleDetect": "train_triple.py",
    "TripleDDetect": "train_triple.py",
    "IAuxDetect": "train_aux.py",
    "Segment": "segment/train.py",
    "DSegment": "segment/train.py",
    "DualDSegment": "segment/train_dual.py",
    "Panoptic": "panoptic/train.py",
}
"""The head of a config -> what trains it; `train.py` trains the others."""

_DATA: Final = ("data/coco128.yaml", "data/coco.yaml")
_SEGMENTS: Final = ("data/coco128-seg.yaml", "data/coco.yaml")
# What `--hyp` is by default; YOLOv9's train.py names the first, which that checkout does not have.
_HYP: Final = ("data/hyps/hyp.scratch-low.yaml", "data/hyp.scratch.p5.yaml")
_OTHER_HYP: Final = "data/hyps/hyp.scratch-high.yaml"


def config_target(config: Path, root: Path) -> Path:
    """Where a config goes in the checkout; where it is, if that is in the checkout."""
    if real_path(config).is_relative_to(real_path(root)):
        return config
    for name in CONFIG_FOLDERS:
        if any((root / name).glob("*.yaml")):
            return root / name / config.name
    return root / "models" / config.name


def weights_places(config: Path) -> tuple[Path, Path]:
    """Where the weights of a config are looked for: under its name, in this folder and beside it.

    The former is where `yaml-attn weights` writes them unless it is told where.
    """
    return Path(f"{config.stem}.pt"), config.with_suffix(".pt")


def train_command(config: Document, target: Path, root: Path) -> str:
    """The command to run in the checkout, on the data that the checkout brings.

    It trains from scratch, or from the weights of the config where they are found.
    """
    head = config.network.layers[-1].module
    script = SCRIPTS.get(head, "train.py")
    places = weights_places(config.path) if config.path else ()
    start = next((_seen_from(root, each) for each in places if is_file(each)), "")
    words = ["python", script, "--cfg", _seen_from(root, target), "--weights", start]
    data = _first(root, _SEGMENTS if "Segment" in head else _DATA)
    if data:
        words += ["--data", data]
    if not _first(root, _HYP) and is_file(root / _OTHER_HYP):
        words += ["--hyp", _OTHER_HYP]
    # Not shlex.join, whose '' is no empty word on Windows.
    return " ".join('""' if word == "" else shlex.quote(word) for word in words)


def _seen_from(root: Path, path: Path) -> str:
    """A path that works in the checkout."""
    path, root = real_path(path), real_path(root)
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _first(root: Path, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if is_file(root / name)), None)
