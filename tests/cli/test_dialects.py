"""Configs of every framework: dialects, scales, file names, what is and is not verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run

from yaml_attn import dialects, load
from yaml_attn.errors import UsageError

pytestmark = pytest.mark.usefixtures("without_ultralytics")


def insert(*options: object) -> list[object]:
    return ["insert", "--module", "SE", "--after", "SPPF", *options]


@pytest.mark.parametrize(
    ("template", "dialect"),
    [
        ("yolov3", "yolov3"),
        ("yolov5s", "yolov5"),
        ("yolov7-tiny", "yolov7"),
        ("yolov8", "ultralytics"),
        ("yolo11", "ultralytics"),
    ],
)
def test_the_dialect_is_told_from_the_content(run: Run, template: str, dialect: str) -> None:
    assert json.loads(run("show", template, "--json").out)["dialect"] == dialect


@pytest.mark.parametrize("command", ["insert", "diff", "show", "build", "replace", "remove"])
def test_the_dialect_can_be_forced_and_a_wrong_one_is_said(run: Run, command: str) -> None:
    edits = {
        "insert": ["--base", "yolov5s", "--module", "SE", "--after", 8],
        "diff": ["--base", "yolov5s", "--module", "SE", "--after", 8],
        "replace": ["--base", "yolov5s", "--at", "SPPF", "--module", "SPP"],
        "remove": ["--base", "yolov5s", "--at", 8],
    }
    result = run(command, *edits.get(command, ["yolov5s"]), "--dialect", "yolo5")
    assert result.code == 2
    assert "there is no dialect yolo5\nDid you mean yolov5? There are yolov3, " in result.err


def test_the_help_text_names_every_dialect(run: Run) -> None:
    words = set(run("insert", "--help").out.replace(",", " ").replace(".", " ").split())
    assert words.issuperset(dialects.NAMES)


def test_another_dialect_reads_the_rows_its_own_way(run: Run) -> None:
    assert "24 layers" not in run("build", "yolov3", "--dialect", "yolov5").err
    result = run("build", "yolov7-tiny", "--dialect", "yolov5")
    assert result.code == 1
    assert "is no module of YOLOv5" in result.err


def test_a_scale_in_the_name_is_that_of_the_file_for_all_scales(run: Run) -> None:
    shown = json.loads(run("show", "yolov8x.yaml", "--json").out)
    assert (shown["scale"], shown["layers"][4]["number_scaled"]) == ("x", 6)
    shown = json.loads(run("show", "yolov8.yaml", "--json").out)
    assert (shown["scale"], shown["layers"][4]["number_scaled"]) == ("n", 2)
    assert "scale m of n, s, m, l, x" in run("show", "yolo11", "--scale", "m").out


@pytest.mark.parametrize(
    ("base", "options", "written"),
    [
        ("yolov8s.yaml", [], "yolov8s_SE.yaml"),
        ("yolov8.yaml", ["--scale", "m"], "yolov8m_SE.yaml"),
        ("yolov8s.yaml", ["--scale", "m"], "yolov8m_SE.yaml"),
        ("yolov8.yaml", [], "yolov8_SE.yaml"),
        ("yolo11x", [], "yolo11x_SE.yaml"),
    ],
)
def test_the_written_file_keeps_its_scale_in_its_name(
    run: Run, tmp_path: Path, base: str, options: list[str], written: str
) -> None:
    result = run(*insert("--base", base, "--no-build", *options))
    assert (result.code, result.err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [written]
    assert load(tmp_path / written).scale == (options or [load(base).scale])[-1]


@pytest.mark.parametrize("name", ["cbam.yaml", "yolov8_s.yaml", "YOLOv8s.yaml"])
def test_a_name_that_loses_the_scale_is_warned_of(run: Run, name: str) -> None:
    result = run(*insert("--base", "yolov8s.yaml", "--no-build", "-o", name))
    assert result.code == 0
    assert result.err.startswith("warning: Ultralytics takes the scale from a file's name, and ")
    assert name in result.err
    found = json.loads(
        run(*insert("--base", "yolov8s.yaml", "--no-build", "-f", "-o", name, "--json")).out
    )
    assert "takes the scale from a file's name" in found["warning"]


def test_a_scale_that_the_file_does_not_have_is_refused(run: Run) -> None:
    result = run(*insert("--base", "yolov8.yaml", "--scale", "h"))
    assert (result.code, result.out) == (2, "")
    assert "yolov8.yaml has no scale h\nIt has n, s, m, l, x." in result.err
    result = run(*insert("--base", "yolov5s.yaml", "--scale", "m"))
    assert result.code == 2
    assert "such as yolov5m.yaml" in result.err


def test_without_the_framework_what_was_and_was_not_verified_is_said(run: Run) -> None:
    result = run(*insert("--base", "yolov8s.yaml"))
    assert result.code == 0
    assert "Verified at scale s: the wiring, strides 8, 16, 32, and the new layers" in result.out
    assert "Layer 10 (SE): 512x20x20 at 640 pixels, 32,768 parameters" in result.out
    assert "Not verified: the other layers' shapes and parameters." in result.out
    assert "pip install ultralytics" in result.out


@pytest.mark.parametrize(
    ("place", "new"), [("backbone.C2f", "4 new layers (C2fSE)"), ("2", "new layer (C2fSE)")]
)
def test_a_block_that_is_not_built_is_not_said_to_be_verified(
    run: Run, place: str, new: str
) -> None:
    result = run("replace", "--base", "yolov8s.yaml", "--at", place, "--module", "C2f[SE]")
    assert f"Not verified: shapes and parameters, neither of the {new} nor of" in result.out


def test_what_is_verified_without_the_framework_as_json(run: Run) -> None:
    found = json.loads(run(*insert("--base", "yolo11n.yaml", "--json")).out)
    assert found["build"] is None
    assert found["outline"]["strides"] == [8, 16, 32]
    assert found["outline"]["added_parameters"] == 2 * 256 * 256 // 16
    assert (found["scale"], found["dialect"]) == ("n", "ultralytics")


def test_a_module_of_a_fork_is_no_reason_to_refuse_an_edit(run: Run, tmp_path: Path) -> None:
    text = load("yolov8").text.replace("SPPF, [1024, 5]", "ForkPool, [1024, 5]")
    (tmp_path / "yolov8-fork.yaml").write_text(text)
    result = run("insert", "--base", "yolov8-fork.yaml", "--module", "SE", "--after", 8)
    assert result.code == 0
    assert "ForkPool" in result.out
    assert "The wiring is proved. Nothing is built: " in result.out


def test_building_without_the_framework_says_what_provides_it(run: Run) -> None:
    result = run("build", "yolov8.yaml")
    assert result.code == 2
    assert "pip install ultralytics" in result.err


def test_a_replacement_that_changes_the_heads_form_is_said(run: Run) -> None:
    result = run("replace", "--base", "yolo11n", "--at", "C3k2[*]", "--module", "C2f", "--no-build")
    assert "Ultralytics builds the older form of the head now" in result.out
    kept = run("replace", "--base", "yolo11n", "--at", "C3k2[0]", "--module", "C2f", "--no-build")
    assert "form of the head" not in kept.out


NATIVE = "torchvision.ops.SqueezeExcitation"


def test_attention_that_ultralytics_has_itself_needs_none_of_ours(run: Run, tmp_path: Path) -> None:
    options = ["--module", NATIVE, "--set", "squeeze_channels=16", "--after", "SPPF"]
    result = run("insert", "--base", "yolov8s.yaml", *options, "--no-build")
    assert result.code == 0
    text = (tmp_path / "yolov8s_SqueezeExcitation.yaml").read_text()
    assert f"[-1, 1, {NATIVE}, [c2, 16]]" in text
    assert NATIVE in run("modules", NATIVE).out
    elsewhere = run("insert", "--base", "yolov5s.yaml", *options)
    assert elsewhere.code == 2
    assert "only Ultralytics (8.3.100 and newer) understands" in elsewhere.err
    missing = run("insert", "--base", "yolov8s.yaml", "--module", NATIVE, "--after", "SPPF")
    assert "needs squeeze_channels" in missing.err


def test_quiet_prints_warnings_and_errors_alone(run: Run, tmp_path: Path) -> None:
    result = run(*insert("--base", "yolov5s", "--no-build", "--quiet"))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (tmp_path / "yolov5s_SE.yaml").exists()
    again = run(*insert("--base", "yolov5s", "--no-build", "--quiet"))
    assert "exists already" in again.err


def test_options_that_build_contradict_no_build(run: Run) -> None:
    for option in (["--repo", "."], ["--real"]):
        result = run(*insert("--base", "yolov5s", "--no-build", *option))
        assert result.code == 2
        assert f"{option[0]} builds, --no-build does not" in result.err


def test_the_api_refuses_what_the_command_line_refuses() -> None:
    with pytest.raises(UsageError, match="has no scale q"):
        load("yolov8", scale="q")
    assert load("yolov8", scale="l").scale == "l"
    assert load("yolov5s").scale is None


def test_a_layer_that_cannot_be_built_by_itself_is_refused(run: Run, tmp_path: Path) -> None:
    result = run(
        "insert",
        "--base",
        "yolo11s.yaml",
        "--module",
        "ECA",
        "--after",
        8,
        "--set",
        "kernel_size=4",
    )
    assert result.code == 1
    assert "ECA(512, 4) failed: kernel_size must be odd" in result.err
    assert list(tmp_path.iterdir()) == []


def test_the_name_that_is_advised_is_of_the_same_model(run: Run) -> None:
    result = run(*insert("--base", "yolo11s.yaml", "--no-build", "-o", "my.yaml"))
    assert "call it yolo11s-my.yaml" in result.err.lower()
