"""Where the real frameworks are for these tests, and running something in their own process.

`YAML_ATTN_ULTRALYTICS` names one or several Pythons that have Ultralytics (by default this one, if
it has it), `YAML_ATTN_YOLOV5`, `..._YOLOV7`, `..._YOLOV9` and `..._YOLOV3` a checkout each; these
run with the first of those Pythons, or with `YAML_ATTN_PYTHON`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def ultralytics_pythons() -> list[str]:
    named = os.environ.get("YAML_ATTN_ULTRALYTICS")
    if named:
        return named.split(os.pathsep)
    return [sys.executable] if importlib.util.find_spec("ultralytics") else []


def need_ultralytics() -> pytest.MarkDecorator:
    """Run the test with each Python that has Ultralytics, or skip it and say why."""
    pythons = ultralytics_pythons()
    skip = pytest.mark.skip(reason="no Ultralytics: install it, or set YAML_ATTN_ULTRALYTICS")
    values = [*pythons] or [pytest.param("", marks=skip)]
    return pytest.mark.parametrize("python", values, ids=lambda path: Path(path).name or "none")


def checkout(name: str) -> Path:
    """The checkout of a framework that an environment variable names; skips without one."""
    variable = f"YAML_ATTN_{name.upper()}"
    if variable not in os.environ:
        pytest.skip(f"{variable} names no checkout of {name}")
    return Path(os.environ[variable])


def checkout_python() -> str:
    return os.environ.get("YAML_ATTN_PYTHON") or (ultralytics_pythons() or [sys.executable])[0]


def run_python(
    python: str,
    *args: object,
    cwd: Path,
    ours: bool = True,
    code: int = 0,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGS` offline in a folder; `ours` says whether yaml-attn can be imported."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT) if ours else "",
        "PYTHONIOENCODING": "utf-8",
        "WANDB_MODE": "disabled",
        "YOLO_OFFLINE": "1",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_CONFIG_DIR": str(_settings(python, cwd)),
        "YOLOV5_CONFIG_DIR": str(_settings(python, cwd)),
        "MPLBACKEND": "agg",
        **(env or {}),
    }
    result = subprocess.run(
        [python, *map(str, args)],
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env=environment,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == code, f"{result.stdout[-2000:]}\n{result.stderr[-4000:]}"
    return result


def _settings(python: str, cwd: Path) -> Path:
    """A folder for the framework's settings, with the font that it would else download."""
    folder = cwd / "settings"
    if not folder.exists():
        folder.mkdir()
        code = (
            "import shutil, sys, pathlib\n"
            "try: import matplotlib\n"
            "except ImportError: sys.exit()\n"
            "fonts = pathlib.Path(matplotlib.get_data_path(), 'fonts', 'ttf')\n"
            "for folder in (sys.argv[1], sys.argv[1] + '/Ultralytics'):\n"
            "    pathlib.Path(folder).mkdir(exist_ok=True)\n"
            "    for name in ('Arial.ttf', 'Arial.Unicode.ttf'):\n"
            "        shutil.copy(fonts / 'DejaVuSans.ttf', pathlib.Path(folder, name))\n"
        )
        subprocess.run([python, "-c", code, str(folder)], check=True)
    return folder
