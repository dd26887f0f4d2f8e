"""Without PyTorch, which the Action does not install: what needs it says so, the rest works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from yaml_attn.files import templates

RUN = """
import contextlib, io, json, sys
sys.modules["torch"] = None
from yaml_attn.cli import main
results = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["yaml-attn", *words.split()]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
    results.append((words, code, err.getvalue()))
json.dump(results, sys.stdout)
"""

WORK = (
    "insert --base yolov5s --module SE --after 8 --no-build",
    "diff --base yolov5s --module SE --after 8",
    "replace --base yolov5s --at backbone.C3 --module C3[SE] --no-build",
    "remove --base yolov5s_SE.yaml --at SE --no-build --dry-run",
    "check yolov5s_SE.yaml",
    "show yolov5s",
    "places yolov5s",
    "modules CBAM",
    "modules --json",
    "export SE -o attention.py",
    "ablate --base yolov5s --modules SE --at P3 -o configs --no-build",
)
NEED_IT = (
    "insert --base yolov5s --module SE --after 8 -o x.yaml",
    "replace --base yolov5s --at backbone.C3 --module C3[SE] -o x.yaml",
    "remove --base yolov5s_SE.yaml --at SE -o x.yaml",
    "build yolov5s",
    "show yolov5s --build",
    "weights --weights x.pt --base yolov5s.yaml --config yolov5s_SE.yaml -o y.pt",
    "yolo train model=yolov5s_SE.yaml",
    "ablate --base yolov5s --modules SE --at P3 -o other",
)


def test_what_needs_torch_says_so_and_the_rest_works(tmp_path: Path) -> None:
    (tmp_path / "yolov5s.yaml").write_bytes(templates()["yolov5s.yaml"].read_bytes())
    (tmp_path / "x.pt").write_bytes(b"")
    command = [sys.executable, "-c", RUN, json.dumps([*WORK, *NEED_IT])]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    for words, code, said in json.loads(ran.stdout):
        if words in WORK:
            assert (words, code) == (words, 0), said
        else:
            assert (words, code) == (words, 2)
            assert said.startswith("error: PyTorch is not installed")
    assert not (tmp_path / "x.yaml").exists()
