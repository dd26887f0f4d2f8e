"""The other commands, help, version, and what every command has in common."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from configs import SMALL
from conftest import Run

from yaml_attn import __version__, load
from yaml_attn.building import bundled
from yaml_attn.cli import COMMANDS, command_line
from yaml_attn.files import templates

# Their examples need what is not here: a framework, a checkout of one.
TESTED_ELSEWHERE = {"apply": "tests/cli/test_apply.py", "yolo": "tests/cli/test_yolo.py"}


@pytest.fixture(autouse=True)
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_show_lists_the_layers(run: Run) -> None:
    out = run("show", "yolov5s").out
    assert re.search(r"^ 6 +-1 +5 \(Conv\) +3 +C3 +\[512\]$", out, re.MULTILINE)
    assert re.search(r"^24 +\[17, 20, 23\] +17 \(C3\), 20 \(C3\), 23 \(C3\)", out, re.MULTILINE)
    assert out.endswith("25 layers, yolov5.\n")


def test_show_build_adds_shapes_strides_parameters_and_flops(run: Run) -> None:
    out = run("show", "small.yaml", "--build", "--imgsz", 64).out
    assert re.search(r"^2 .* 16x16x16 +4 +", out, re.MULTILINE)
    assert re.search(r"parameters, .* GFLOPs at 64 pixels; strides 4, 8\.$", out)


def test_show_as_json(run: Run) -> None:
    found = json.loads(run("show", "yolov5s", "--json").out)
    assert found["dialect"] == "yolov5"
    assert [layer["number_scaled"] for layer in found["layers"]][:7] == [1, 1, 1, 1, 2, 1, 3]
    assert found["build"] is None


@pytest.mark.parametrize("option", [["--imgsz", 64], ["--nc", 3]])
def test_an_option_of_the_build_asks_for_it(run: Run, option: list[object]) -> None:
    assert "GFLOPs at" in run("show", "small.yaml", *option).out


def test_show_with_a_checkout_builds_with_it(run: Run) -> None:
    result = run("show", "small.yaml", "--repo", "nowhere")
    assert (result.code, "nowhere" in result.err) == (2, True)


def test_build_reports_totals(run: Run) -> None:
    result = run("build", "yolov5s.yaml", "--nc", 3)
    assert result.code == 0
    # A template is called by its name, wherever the package lies.
    assert result.out.startswith("yolov5s.yaml builds: 25 layers, 7,027,720 parameters, ")


def test_build_names_the_failing_line_and_the_likely_cause(run: Run, small: Path) -> None:
    small.write_text(SMALL.replace("[-1, 2], 1, Concat", "[-1, 1, 3], 1, Concat"))
    result = run("build", "small.yaml")
    assert result.code == 1
    assert result.err.startswith("error: small.yaml:14: layer 5: Concat joins maps of different")
    assert "kept its old value" in result.err


def test_build_real_runs_forward_and_backward(run: Run) -> None:
    assert "are finite" in run("build", "small.yaml", "--real", "--imgsz", 32).out


def test_modules_lists_and_shows(run: Run) -> None:
    out = run("modules").out
    assert re.search(r"^CBAM +channel and spatial +2018 ", out, re.MULTILINE)
    one = run("modules", "selayer").out
    assert one.startswith("SE(channels, ratio=16, ")
    assert "arXiv 1709.01507" in one
    assert json.loads(run("modules", "SE", "--json").out)["year"] == 2018
    missing = run("modules", "SEE")
    assert (missing.code, "Did you mean SE" in missing.err) == (2, True)


def test_version_and_completion(run: Run) -> None:
    assert run("--version").out == f"yaml-attn {__version__}\n"
    assert "--install-completion" in run("--help").out


def study_in(docstring: str) -> str:
    """The study file that the help of `ablate` shows."""
    found = re.search(r"^Example:\n((?: {4}.*\n)+)", inspect.cleandoc(docstring), re.MULTILINE)
    return inspect.cleandoc("\n" + found[1]) if found else ""


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_in_the_help_text_run(run: Run, command: str, tmp_path: Path) -> None:
    assert command in run("--help").out
    text = run(command, "--help").out
    (registered,) = command_line([command]).registered_commands
    examples = re.findall(r"yaml-attn .+", registered.callback.__doc__ or "")
    assert examples
    # The examples talk of these two files.
    shutil.copy(templates()["yolov5s.yaml"], tmp_path)
    if command != "insert":
        run("insert", "--base", "yolov5s", "--module", "SE", "--after", 8, "--no-build")
    if command == "weights":
        base = load("yolov5s.yaml")
        model = bundled.build(base.network, base.document.settings, init=False)
        torch.save({"model": model, "ema": None}, tmp_path / "yolov5s.pt")
    if command == "ablate":
        (tmp_path / "study.yaml").write_text(study_in(registered.callback.__doc__ or ""))
    for example in examples:
        assert example.split()[1] == command
        assert example[:40] in " ".join(text.split())
        if command in TESTED_ELSEWHERE:
            continue
        assert run(*shlex.split(example)[1:]).code == 0, example


@pytest.mark.parametrize(
    "command",
    [
        ["insert", "--base", "small.yaml", "--module", "SE", "--after", "2", "--no-build"],
        ["diff", "--base", "small.yaml", "--module", "SE", "--after", "2"],
        ["diff", "small.yaml", "small.yaml"],
        ["show", "small.yaml"],
        ["modules"],
        ["modules", "CBAM"],
        ["--help"],
    ],
)
def test_no_torch_is_imported_without_a_build(command: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from yaml_attn.cli import main\n"
        "try: main()\n"
        "finally: sys.stderr.write('TORCH' if 'torch' in sys.modules else 'LIGHT')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert result.stderr.endswith("LIGHT")
