"""Building a config with a checkout's own parser and layers, in a process of its own.

A checkout of YOLOv5, YOLOv7, YOLOv9 or YOLOv3 has them in `models`, one of Ultralytics in
`ultralytics`; forks as well. Its modules are called `models` and `utils` everywhere, and do to a
process what they like: hence the other process. Nothing is written into the checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import yaml_attn.errors
from yaml_attn.building.report import BuildReport, LayerReport, Shape
from yaml_attn.dialects import family
from yaml_attn.errors import BuildError, UsageError, YamlAttnError
from yaml_attn.files import is_file, is_folder
from yaml_attn.frameworks.imports import full_path

TIMEOUT: Final = 300.0
"""Seconds for each config; YOLOv7-E6E, run forward and backward on one core, takes 40."""

_PARSERS: Final[Mapping[str, str]] = {
    "models": "models/yolo.py",
    "ultralytics": "ultralytics/nn/tasks.py",
}
"""The package that reads rows -> the file that does."""

_EXPECTED: Final = (
    "--repo must be a checkout of YOLOv5, YOLOv7, YOLOv9, YOLOv3 or a fork, which has a "
    "models/yolo.py, or of Ultralytics or a fork, which has an ultralytics/nn/tasks.py."
)

# The folder of this package comes last: from there it may hide nothing that the checkout needs.
_WORKER: Final = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from yaml_attn.frameworks.checkout_worker import main; main()"
)


def package_of(repo: Path, dialect: str) -> str:
    """The package of a checkout that reads configs of a dialect: "models" or "ultralytics".

    Raises:
        UsageError: the folder is no checkout, or one of another framework.
    """
    wanted = "ultralytics" if family(dialect) == "ultralytics" else "models"
    if is_file(repo / _PARSERS[wanted]):
        return wanted
    if not is_folder(repo):
        raise UsageError("is no folder", path=repo, hint=_EXPECTED)
    other = next((file for file in _PARSERS.values() if is_file(repo / file)), None)
    if other:
        raise UsageError(
            f"has a {other}, but no {_PARSERS[wanted]}, which reads configs of {dialect}",
            path=repo,
            hint="Name a checkout of the config's own framework, or its dialect with --dialect.",
        )
    raise UsageError("is no checkout of a framework", path=repo, hint=_EXPECTED)


@dataclass(frozen=True, slots=True)
class Request:
    """A config to build, and how; the fields are the arguments of `build`."""

    text: str
    name: str
    scale: str | None = None
    nc: int | None = None
    imgsz: int = 640
    flops: bool | Collection[int] = True
    real: bool = False
    own: tuple[tuple[str, str], ...] = ()
    trust: bool = False


def build(
    repo: Path,
    text: str,
    name: str,
    *,
    dialect: str,
    nc: int | None = None,
    imgsz: int = 640,
    flops: bool | Collection[int] = True,
    real: bool = False,
    scale: str | None = None,
    own: tuple[tuple[str, str], ...] = (),
    trust: bool = False,
    timeout: float = TIMEOUT,
) -> BuildReport:
    """Build a config and report what each row gives for an image of `imgsz` pixels.

    The mechanisms that the config names, and classes of the user's, are known to the checkout as
    `apply` would make them; where it has been applied, it is used as it is.

    Args:
        repo: the checkout.
        text: the config.
        name: its file's name.
        dialect: what the config is written in.
        nc: number of classes, in place of the config's own.
        imgsz: height and width of the image.
        flops: of which layers to count the FLOPs: all, none, or these indexes.
        real: whether to run forward and backward too.
        scale: one of the config's scales, where it has some.
        own: classes of the user's, each as the name in rows and where it is, from any folder.
        trust: whether the config may run what it says; the checkout's own code runs always.
        timeout: seconds that it may take.

    Raises:
        UsageError: the folder is no checkout of a framework that reads the dialect, something it
            needs is not installed, or the mechanisms cannot be made known to it.
        UntrustedError: the framework would run some of the config.
        BuildError: a row cannot be constructed or run, or it takes too long.
    """
    request = Request(text, name, scale, nc, imgsz, flops, real, own, trust)
    (answer,) = build_all(repo, [request], dialect=dialect, timeout=timeout)
    if isinstance(answer, YamlAttnError):
        raise answer
    return answer


def build_all(
    repo: Path, requests: Sequence[Request], *, dialect: str, timeout: float = TIMEOUT
) -> list[BuildReport | YamlAttnError]:
    """Build several configs in one process: importing a framework takes seconds, a build less.

    Args:
        repo: the checkout.
        requests: the configs.
        dialect: what they are written in.
        timeout: seconds that each may take.

    Returns:
        For each the report, or the error that `build` would raise.

    Raises:
        UsageError: the folder is no checkout of a framework that reads the dialect.
        BuildError: the process dies, or takes too long.
    """
    package_of(repo, dialect)
    question = {
        "dialect": dialect,
        "requests": [_plain(request) for request in requests],
        "path": full_path() if any(each.own for each in requests) else [],
    }
    answers = _ask(repo, json.dumps(question), timeout * len(requests))
    return [
        _error(**each["error"]) if "error" in each else _report(each["report"]) for each in answers
    ]


def _plain(request: Request) -> dict[str, Any]:
    flops = request.flops if isinstance(request.flops, bool) else sorted(request.flops)
    return {**asdict(request), "flops": flops}


def _ask(repo: Path, question: str, timeout: float) -> Any:
    command = [sys.executable, "-c", _WORKER, str(Path(yaml_attn.__file__).parents[1])]
    with TemporaryDirectory(ignore_cleanup_errors=True) as settings:
        _add_font(Path(settings))
        try:
            result = subprocess.run(  # noqa: S603
                command,
                input=question,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd=repo,
                env={**os.environ, **_environment(settings)},
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BuildError(
                f"the checkout did not build it within {timeout:g} seconds", path=repo
            ) from None
    try:
        return json.loads(result.stdout)
    except ValueError:
        raise BuildError(
            f"the checkout's process ended without an answer (exit code {result.returncode})",
            path=repo,
            hint="".join(result.stderr.splitlines()[-1:]) or None,
        ) from None


def _environment(settings: str) -> Mapping[str, str]:
    """What keeps the frameworks from writing, installing and asking the network."""
    return {
        "MPLBACKEND": "agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "WANDB_MODE": "disabled",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": settings,
        "YOLO_OFFLINE": "true",
        "YOLOV5_CONFIG_DIR": settings,
        "YOLOv5_AUTOINSTALL": "false",
    }


def _add_font(settings: Path) -> None:
    """YOLOv5 6.0 downloads a font as it is imported, unless its settings folder has one."""
    matplotlib = find_spec("matplotlib")
    if matplotlib and matplotlib.origin:
        font = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if font.is_file():
            shutil.copyfile(font, settings / "Arial.ttf")


def _error(kind: str, **facts: Any) -> YamlAttnError:
    found: type[YamlAttnError] = getattr(yaml_attn.errors, kind)
    return found(**facts)


def _report(data: Any) -> BuildReport:
    layers = (LayerReport(**{**each, "shape": _shape(each["shape"])}) for each in data["layers"])
    return BuildReport(tuple(layers), data["parameters"], tuple(data["strides"]), data["imgsz"])


def _shape(value: Any) -> Shape:
    return cast("Shape", tuple(each if isinstance(each, int) else _shape(each) for each in value))
