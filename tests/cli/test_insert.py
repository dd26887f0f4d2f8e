"""`yaml-attn insert`, as a user meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from configs import SMALL
from conftest import Run

from yaml_attn import files
from yaml_attn.configs import Config

MAIN_JOB = ["insert", "--base", "yolov5s.yaml", "--module", "SE", "--after", "8"]


def test_the_main_job_renumbers_and_writes_and_builds(run: Run, tmp_path: Path) -> None:
    result = run(*MAIN_JOB)
    assert result.code == 0
    assert "7,268,157 parameters = 7,235,389 of the base + SE 32,768" in result.out
    assert "--freeze 10, use --freeze 11" in result.out
    written = yaml.safe_load((tmp_path / "yolov5s_SE.yaml").read_text())
    rows = written["backbone"] + written["head"]
    assert rows[9] == [-1, 1, "SE", [1024]]
    assert rows[-1][0] == [18, 21, 24]
    concats = [row[0] for row in rows if row[2] == "Concat"]
    assert concats == [[-1, 6], [-1, 4], [-1, 15], [-1, 11]]


def test_the_preview_names_every_reader_and_what_it_reads(run: Run) -> None:
    result = run("insert", "--base", "yolov5s", "--module", "ECA", "--after", 6, "--no-build")
    assert "ECA is layer 7: reads 6 (C3), read by 8 (Conv), 13 (Concat)." in result.out
    result = run(
        "insert", "--base", "yolov5s", "--module", "SE", "--after", 6, "--no-build",
        "--consumers", "next",
    )  # fmt: skip
    assert "SE is layer 7: reads 6 (C3), read by 8 (Conv)." in result.out
    assert "Still reading 6 (C3) itself: 13 (Concat)." in result.out


def test_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run(*MAIN_JOB, "--no-build", "--dry-run")
    assert "Would write yolov5s_SE.yaml" in result.out
    assert not list(tmp_path.iterdir())


def test_json_is_machine_readable_and_complete(run: Run) -> None:
    result = run(*MAIN_JOB, "--json")
    found = json.loads(result.out)
    assert found["written"] is True
    assert found["output"] == "yolov5s_SE.yaml"
    assert found["inserted"][0]["index"] == 9
    assert found["index_map"]["9"] == 10
    assert found["build"]["parameters"] == 7_268_157
    assert found["build"]["strides"] == [8, 16, 32]


def test_the_file_goes_to_stdout_and_the_words_to_stderr(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "yaml_attn", *MAIN_JOB, "--no-build", "-o", "-"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert yaml.safe_load(result.stdout)["backbone"][9][2] == "SE"
    assert b"SE is layer 9" in result.stderr
    assert not list(tmp_path.iterdir())


def test_parameters_of_the_mechanism_are_spelled_by_position(run: Run, tmp_path: Path) -> None:
    run(*MAIN_JOB, "--no-build", "--set", "bias=true", "-o", "a.yaml")
    assert "[-1, 1, SE, [1024, 16, True]]" in (tmp_path / "a.yaml").read_text()
    run(*MAIN_JOB, "--no-build", "--args", "[8]", "-o", "b.yaml")
    assert "[-1, 1, SE, [1024, 8]]" in (tmp_path / "b.yaml").read_text()
    run(*MAIN_JOB, "--no-build", "--channels", "c2", "--name", "MySE", "-o", "c.yaml")
    assert "[-1, 1, MySE, [c2]]" in (tmp_path / "c.yaml").read_text()


def test_an_alias_is_written_under_the_mechanisms_own_name(run: Run, tmp_path: Path) -> None:
    run("insert", "--base", "yolov5n", "--module", "selayer", "--before", 9, "--no-build")
    assert "[-1, 1, SE, [1024]]" in (tmp_path / "yolov5n_SE.yaml").read_text()


def test_an_output_folder_gets_the_default_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    run(*MAIN_JOB, "--no-build", "-o", "configs")
    assert (tmp_path / "configs" / "yolov5s_SE.yaml").exists()


def test_the_name_has_the_modules_in_the_order_of_the_command(run: Run, tmp_path: Path) -> None:
    modules = (
        "--module",
        "ECA",
        "--before",
        "SPPF",
        "--module",
        "CBAM",
        "--after",
        "P3",
        "-m",
        "SE",
    )
    assert run("insert", "-b", "yolov5n", *modules, "--after", 2, "--no-build", "-q").code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["yolov5n_ECA_CBAM_SE.yaml"]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def insert(base: Path, *more: object) -> list[object]:
    return ["insert", "--base", base, "--module", "SE", "--after", 2, *more]


def test_in_place_changes_the_base_and_keeps_its_mode(run: Run, base: Path) -> None:
    base.chmod(0o640)
    assert run(*insert(base, "--in-place")).code == 0
    assert "[-1, 1, SE, [16]]" in base.read_text()
    assert base.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_base_is_followed_in_place(run: Run, base: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.yaml"
    link.symlink_to(base)
    assert run(*insert(link, "--in-place", "--no-build")).code == 0
    assert link.is_symlink()
    assert "SE" in base.read_text()


def test_a_new_file_gets_the_mode_that_new_files_get(run: Run, base: Path, tmp_path: Path) -> None:
    run(*insert(base, "--no-build"))
    (tmp_path / "plain").touch()
    assert (tmp_path / "small_SE.yaml").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--module", "SF"], 2, "no bundled attention mechanism is called SF"),
        (["--after", "99"], 2, "The layers are 0 (Conv) to 7 (Detect)"),
        (["--after", "7"], 2, "It is the head"),
        (["--before", "0"], 2, "it reads the image itself"),
        (["--edge", "4"], 2, "--edge 4 is not FROM:TO"),
        (["--edge", "2:4"], 2, "layer 4 does not read layer 2"),
        (["--consumers", "4"], 2, "layer 4 does not read layer 2"),
        (["--consumers", "some"], 2, "some"),
        (["--set", "ratio"], 2, "is not NAME=VALUE"),
        (["--set", "ration=8"], 2, "Did you mean ratio?"),
        (["--set", "reduction=8"], 2, "It is called ratio here."),
        (["--set", "ratio=x"], 2, "ratio='x' is no int"),
        (["--set", "ratio=[1"], 2, "cannot be read as a value"),
        (["--args", "[8]", "--set", "ratio=8"], 2, "ratio is given twice"),
        (["--args", "8"], 2, "Write --args '[8]'."),
        (["--args", "[1, 2, 3, 4, 5, 6, 7]"], 2, "7 parameters are given"),
        (["--consumers", "5", "--channels", "c2"], 2, "use --channels nominal"),
        (["--in-place", "-o", "x.yaml"], 2, "give one of them"),
        (["--json", "-o", "-"], 2, "give one of them"),
        (["-o", "small.yaml"], 2, "Use --in-place"),
        (["-o", "small.yaml", "--force"], 2, "Use --in-place"),
        (["-o", "no/such/folder.yaml"], 2, "its folder does not exist"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_written(
    run: Run, base: Path, tmp_path: Path, options: list[str], code: int, message: str
) -> None:
    result = run(*insert(base, "--no-build", *options))
    assert result.code == code
    assert message in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
    assert base.read_text() == SMALL


def test_an_existing_file_is_replaced_only_with_force(run: Run, base: Path, tmp_path: Path) -> None:
    output = tmp_path / "small_SE.yaml"
    output.write_text("mine")
    result = run(*insert(base, "--no-build"))
    assert (result.code, output.read_text()) == (2, "mine")
    assert "Use --force" in result.err
    assert run(*insert(base, "--no-build", "--force")).code == 0
    assert "SE" in output.read_text()


def test_a_template_is_never_changed_in_place(run: Run) -> None:
    result = run(*MAIN_JOB, "--in-place", "--no-build")
    assert (result.code, "is a template of the package" in result.err) == (2, True)


def test_a_base_that_is_nowhere_lists_the_templates(run: Run) -> None:
    result = run("insert", "--base", "yolov4.yaml", "--module", "SE", "--after", 8)
    assert result.code == 2
    assert "yolov5s.yaml" in result.err


def test_a_config_that_cannot_be_built_is_not_written(run: Run, base: Path, tmp_path: Path) -> None:
    base.write_text(SMALL.replace("C3, [16]]\n", "C9, [16]]\n", 1))
    result = run(*insert(base))
    assert result.code == 1
    assert f"{base}:9: layer 2: C9 is no module of YOLOv5" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_a_read_only_folder_is_said(run: Run, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:  # root may write anywhere: the refusal is played
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "_create", refused)
    result = run(*insert(base, "--no-build"))
    assert (result.code, "cannot be written (Permission denied)" in result.err) == (2, True)


def test_a_full_disk_leaves_nothing_behind(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run(*insert(base, "--no-build", "--in-place"))
    assert (result.code, "No space left on device" in result.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
    assert base.read_text() == SMALL


def test_an_interrupt_while_writing_leaves_nothing_behind(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    result = run(*insert(base, "--no-build", "--in-place"))
    assert result.code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
    assert base.read_text() == SMALL


def test_a_block_with_attention_is_told_to_replace(run: Run) -> None:
    for name in ("C3SE", "C3[SE]"):
        result = run("insert", "--base", "yolov5s", "--module", name, "--after", 8)
        assert result.code == 2
        assert f"yaml-attn replace --at 'C3[*]' --module '{name}'" in result.err


def test_a_module_without_a_place_is_named(run: Run) -> None:
    options = ["--module", "SE", "--after", 8, "--module", "CBAM"]
    result = run("insert", "--base", "yolov5s", *options)
    assert result.code == 2
    assert "say where CBAM goes" in result.err


@pytest.mark.parametrize(
    ("modules", "listed"), [("SE, CBAM", "'SE, CBAM'"), ("SE+CBAM", "SE,CBAM")]
)
def test_several_modules_in_one_word_are_told_apart(run: Run, modules: str, listed: str) -> None:
    result = run("insert", "--base", "yolov5s", "--module", modules, "--after", 8)
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        f"error: {modules} is 2 modules, and each has its own place\n"
        "All in one config: --module SE --after PLACE --module CBAM --after PLACE\n"
        f"One config for each: yaml-attn ablate --modules {listed} --at PLACE\n"
    )


@pytest.mark.parametrize("option", ["--after", "--before"])
def test_places_joined_as_in_a_study_are_told_to_take_a_comma(run: Run, option: str) -> None:
    result = run("insert", "--base", "yolov5s", "--module", "SE", option, "P3+P4")
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith(
        "Places of one config are joined by commas: P3,P4 "
        "(by + in `ablate`, where commas separate configs).\n"
    )


def test_the_places_of_a_module_add_up(run: Run) -> None:
    places = ["--after", 8, "--before", 3, "--edge", "4:16"]
    result = run("insert", "--base", "yolov5s", "--module", "SE", *places, "--no-build")
    found = re.findall(r"SE is layer \d+: reads \d+ \(\w+\)", result.out)
    assert found == [
        "SE is layer 3: reads 2 (C3)",
        "SE is layer 10: reads 9 (C3)",
        "SE is layer 18: reads 5 (C3)",
    ]


@pytest.mark.usefixtures("without_ultralytics")
def test_what_is_built_otherwise_than_asked_is_said(run: Run) -> None:
    shuffle = ["--module", "ShuffleAttention", "--set", "groups=7", "--after", "SPPF", "--dry-run"]
    result = run("insert", "--base", "yolov5m", *shuffle)
    assert " MFLOPs; groups=7 becomes 6 at 768 channels.\n" in result.out
    alone = json.loads(run("insert", "--base", "yolov8s", *shuffle, "--json").out)["outline"]
    said = {"layer": 10, "parameter": "groups", "asked": 7, "built": 4, "channels": 512}
    assert alone["taken"] == [said]


def test_a_folder_that_does_not_exist_is_said(run: Run) -> None:
    options = ["--module", "SE", "--after", 8, "--no-build", "-o", "none/x.yaml"]
    result = run("insert", "--base", "yolov5s", *options)
    assert (result.code, "its folder does not exist" in result.err) == (2, True)


def test_a_slip_in_a_name_is_guessed(run: Run) -> None:
    result = run("insert", "--base", "yolov5s", "--module", "CBAN", "--after", 8)
    assert "Did you mean CBAM or" in result.err


def test_before_layers_that_share_an_input_it_is_refined_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(
        "nc: 2\nanchors: [[10, 13], [30, 61]]\ndepth_multiple: 1.0\nwidth_multiple: 1.0\n"
        "backbone:\n  - [-1, 1, Conv, [16, 3, 2]]\n  - [-1, 1, Conv, [32, 3, 2]]\n"
        "head:\n  - [-1, 1, Conv, [32, 3, 1]]\n  - [1, 1, Conv, [32, 3, 2]]\n"
        "  - [[2, 3], 1, Detect, [nc, anchors]]\n"
    )
    result = run("insert", "--base", "two.yaml", "--module", "SE", "--before", "2,3")
    assert result.code == 0
    assert "SE is layer 2: reads 1 (Conv), read by 3 (Conv), 4 (Conv)." in result.out
    assert result.out.count("SE is layer") == 1


def test_before_a_head_of_several_inputs_is_refused_with_what_is_meant(run: Run) -> None:
    result = run("insert", "--base", "yolov5s", "--module", "SE", "--before", "Detect")
    assert result.code == 2
    assert "--after detect --consumers detect" in result.err


@pytest.mark.parametrize("options", [["--in-place"], ["-o", "out.yaml", "--force"]])
def test_what_is_saved_while_it_builds_is_not_overwritten(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    target = base if "--in-place" in options else tmp_path / "out.yaml"
    target.write_text(SMALL)
    real = Config.verify

    def saved(config: Config, **asked: Any) -> object:
        target.write_text("mine")
        return real(config, **asked)

    monkeypatch.setattr(Config, "verify", saved)
    result = run(*insert(base, *options))
    assert (result.code, result.out, target.read_text()) == (2, "", "mine")
    assert "was changed since it was read" in result.err


def test_what_appears_while_it_builds_is_not_overwritten(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "small_SE.yaml"
    real = Config.verify

    def saved(config: Config, **asked: Any) -> object:
        target.write_text("mine")
        return real(config, **asked)

    monkeypatch.setattr(Config, "verify", saved)
    result = run(*insert(base))
    assert (result.code, target.read_text()) == (2, "mine")
    assert "exists already" in result.err


def test_edits_at_once_are_all_in_the_file_or_refused(base: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "yaml_attn", *map(str, insert(base, "--in-place"))]
    runs = [
        subprocess.Popen([*command, "--no-build", "-q"], cwd=tmp_path, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    said = [each.communicate()[1].decode() for each in runs]
    done = [each.returncode for each in runs].count(0)
    assert done >= 1
    assert base.read_text().count("SE, [16]]") == done
    refused = [text for text in said if text]
    assert len(refused) == 6 - done
    assert all("was changed since it was read" in text for text in refused)
    assert [each.name for each in tmp_path.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize("kind", ["device", "named pipe"])
def test_a_device_or_fifo_is_never_replaced(
    run: Run, base: Path, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "null"
    path.symlink_to("/dev/null") if kind == "device" else os.mkfifo(path)
    before = path.stat()
    for force in ([], ["--force"]):
        result = run(*insert(base, "--no-build", "-o", "null", *force))
        assert (result.code, f"is a {kind}" in result.err) == (2, True)
    assert path.stat().st_mode == before.st_mode


def test_stdout_has_a_name_of_a_file_too(base: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "yaml_attn", *map(str, insert(base, "--no-build", "-o"))]
    outputs = [
        subprocess.run([*command, name], cwd=tmp_path, capture_output=True, check=True).stdout
        for name in ("-", "/dev/stdout")
    ]
    assert outputs[0] == outputs[1]
    assert b"SE, [16]]" in outputs[1]
    onto = subprocess.run([*command, "/dev/stderr"], cwd=tmp_path, capture_output=True, check=True)
    assert onto.stderr == outputs[0]


def test_a_read_only_file_and_one_of_several_names_are_refused_before_any_work(
    run: Run, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Config, "verify", None)
    base.chmod(0o444)
    result = run(*insert(base, "--in-place"))
    assert (result.code, "is read-only" in result.err) == (2, True)
    base.chmod(0o644)
    os.link(base, tmp_path / "other.yaml")
    result = run(*insert(base, "--in-place"))
    assert (result.code, "hard links" in result.err) == (2, True)
    assert base.read_text() == SMALL


def test_a_name_of_255_bytes_can_be_edited(run: Run, tmp_path: Path) -> None:
    base = tmp_path / f"{'x' * 250}.yaml"
    base.write_text(SMALL)
    assert run(*insert(base, "--no-build", "--in-place")).code == 0
    assert "SE, [16]]" in base.read_text()


def test_an_interrupt_tells_what_was_written_before_it(
    run: Run, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("yaml_attn.cli.writing._print", interrupted)
    result = run(*insert(base, "--no-build"))
    assert (result.code, result.err) == (130, "interrupted; small_SE.yaml was written\n")
    assert "SE, [16]]" in Path("small_SE.yaml").read_text()
    monkeypatch.setattr(Config, "verify", interrupted)
    result = run(*insert(base, "-o", "other.yaml"))
    assert (result.code, result.err) == (130, "interrupted; nothing was written\n")
