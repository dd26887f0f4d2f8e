"""What Ultralytics reads from a file's name: the scale, and which file it opens.

`yolov8s-se.yaml` is read at scale s. No key in the file can say that: the loader overwrites it with
what the name tells, nothing included, and nothing means the first scale. A file for all scales is
called `yolov8-se.yaml` and loaded by the name `yolov8s-se.yaml`, for which the loader also tries
the path without the scale.

Facts: `yaml_model_load` and `guess_model_scale` in `nn/tasks.py`, 8.0.200 to 8.4.190. 8.0.200 takes
the scale from names with a v alone, such as yolov8s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_TELLS: Final = re.compile(r"yolo(e-)?v?\d+([nslmx])")
_FIRST_IN_PATH: Final = re.compile(r"(\d+)([nslmx])(.+)?$")
_OLD_P6: Final = re.compile(r"(yolov[58][nslmx])6")

# A letter that begins a word is no scale to people, though Ultralytics takes it for one.
_CARRIES: Final = re.compile(r"(yolo(?:e-)?v?\d+)(?:[nslmx](?![A-Za-z]))?(?P<word>(?=[A-Za-z]))?")
_APART: Final = re.compile(r"(yolo(?:e-)?v?\d+)[-_ ]([nslmx])(?![A-Za-z0-9])")

_STOCK: Final = frozenset(
    [f"yolov8-{tag}" for tag in "cls cls-resnet50 cls-resnet101 ghost ghost-p2 ghost-p6".split()]
    + [f"yolov8-{tag}" for tag in "obb p2 p6 pose pose-p6 rtdetr seg seg-p6 world".split()]
    + [f"yolo{n}-{tag}" for n in (11, 12, 26) for tag in "cls obb pose seg".split()]
    + [f"yoloe-{n}{tag}" for n in ("v8", 11, 26) for tag in ("", "-seg")]
    + "yolov5 yolov5-p6 yolov6 yolov8 yolov8-worldv2 yolo11 yolo11-cls-resnet18 yolo12".split()
    + "yolo26 yolo26-depth yolo26-p2 yolo26-p6 yolo26-sem".split()
)
"""The configs for all scales that come with some version."""


def scale_of(path: str | Path) -> str:
    """The scale that Ultralytics reads a file of this name at: n, s, m, l or x; "" for the first.

    Args:
        path: the file, or its name without the suffix.
    """
    told = _TELLS.search(_stem(path))
    return told[2] if told else ""


def without_scale(path: str | Path) -> Path:
    """The file that the loader tries beside the one asked for: yolov8-seg for yolov8s-seg.

    It takes out the first letter that stands behind a digit and could be a scale, in the name of a
    folder just as well: `exp2n/yolo11s.yaml` becomes `exp2/yolo11s.yaml`.
    """
    path = Path(path)
    old = _OLD_P6.fullmatch(path.stem)
    if old:
        path = path.with_name(f"{old[1]}-p6{path.suffix}")
    return Path(_FIRST_IN_PATH.sub(r"\1\3", str(path)))


def with_scale(stem: str, scale: str) -> str:
    """A file's name, without the suffix, with this scale in it: yolov8s-p2 for yolov8-p2 and s.

    One that has a scale gets this one in its place. A name or a scale that the pattern has no place
    for leaves the name unchanged, such as rtdetr-l.
    """
    if not re.fullmatch("[nslmx]", scale):
        return stem
    return _CARRIES.sub(
        lambda found: f"{found[1]}{scale}{'' if found['word'] is None else '-'}", stem, count=1
    )


def lost_scale(
    path: str | Path, scales: Sequence[str], wanted: str, like: str = "yolov8"
) -> str | None:
    """What to tell a user who wants a scale that a file of this name is not read at; else None.

    Args:
        path: the file.
        scales: the config's scales, in their order.
        wanted: one of them.
        like: the base, whose name begins the advice where the file's own cannot carry a scale.
    """
    path = Path(path)
    told = scale_of(path)
    if wanted not in scales or (told or scales[0]) == wanted:
        return None
    if not told:
        problem = f"tells none, so that it is read at {scales[0]}, the first"
    elif told in scales:
        problem = f"is read at {told}"
    else:
        problem = f"asks for {told}, which this config does not have"
    named = path.with_name(with_scale(path.stem, wanted) + path.suffix)
    better = path.with_name(_clear_name(path.stem, wanted, like) + path.suffix)
    if scale_of(better) != wanted:
        advice = f"No name can tell {wanted}: make it the first of the config's scales."
    elif named == path or without_scale(named) != path:
        advice = f"Call it {better.name}."
    elif named == better:
        advice = f"Load it as {named.name}, or call it so."
    else:
        advice = f"Load it as {named.name}, or call it {better.name}."
    return f"Ultralytics takes the scale from a file's name, and {path.name} {problem}. {advice}"


def read_instead(path: str | Path) -> str | None:
    """What to tell a user about a name for which Ultralytics opens a file of its own; else None.

    Up to 8.4.130 at least, the loader looks for the file without the scale first, also among the
    package's configs. A `yolov8s.yaml` of the user's is never opened then.
    """
    path = Path(path)
    stock = without_scale(path)
    if path.parent != Path() or stock == path or stock.stem not in _STOCK:
        return None
    return (
        f"Most versions of Ultralytics take {path.name} for their own {stock.name} at scale "
        f"{scale_of(path)}, and never open this file. "
        f"Call it {_clear_name(path.stem, scale_of(path))}{path.suffix}."
    )


def _clear_name(stem: str, scale: str, like: str = "yolov8") -> str:
    """A name close to the given one that is read at this scale, and is none of Ultralytics' own.

    The pattern knows small letters alone, and the scale right behind the number.
    """
    lower = re.sub("(?i)yolo(e-)?v?(?=[0-9])", lambda found: found[0].lower(), stem)
    stem = with_scale(_APART.sub(r"\1\2", lower), scale)
    if scale_of(stem) != scale:
        begins = _CARRIES.match(like)
        stem = f"{with_scale(begins[1] if begins else 'yolov8', scale)}-{stem}"
    return f"{stem}-custom" if without_scale(f"{stem}.yaml").stem in _STOCK else stem


def _stem(path: str | Path) -> str:
    path = Path(path)
    return path.stem if path.suffix in {".yaml", ".yml"} else path.name
