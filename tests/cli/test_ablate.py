"""`yaml-attn ablate`: options, what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ablation.studies import OWN
from configs import SMALL
from conftest import Run

from yaml_attn.ablation import Study
from yaml_attn.ablation.fields import Field
from yaml_attn.ablation.study import NamedBase
from yaml_attn.cli import ablating
from yaml_attn.errors import UsageError

STUDY = "bases: small.yaml\nmodules: [SE, ECA]\nplaces: [2, 3]\n"
LIGHT = ("ablate", "study.yaml", "-o", "configs", "--no-build")


@pytest.fixture(autouse=True)
def study(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def names(folder: Path) -> set[str]:
    return {each.stem for each in folder.glob("*.yaml")}


def test_options_say_the_same_as_a_file(run: Run, tmp_path: Path) -> None:
    options = ("-b", "small.yaml", "-m", "SE,ECA", "--at", "2,3")
    assert run("ablate", *options, "-o", "a", "--no-build").code == 0
    assert run("ablate", "study.yaml", "-o", "b", "--no-build").code == 0
    for each in (tmp_path / "a").iterdir():
        assert each.read_bytes() == (tmp_path / "b" / each.name).read_bytes()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-m", "SE", "--at", "2+3,before 6"], ["SE_2-3", "SE_before-6"]),
        (
            ["-m", "SE", "--at", "1,2,3", "--up-to", 2],
            ["SE_1", "SE_1-2", "SE_2", "SE_1-3", "SE_3", "SE_2-3"],
        ),
        (
            ["-m", "SE", "--at", "1,2+3", "--up-to", 2],
            ["SE_1", "SE_2-3", "SE_1-2-3"],
        ),
        (["-m", "CrossAttention", "--at", "inputs 3,2"], ["CrossAttention_3-with-2"]),
        (
            ["-m", "CrossAttention", "--at", "inputs 3,2+inputs 2,1,inputs 2,1"],
            ["CrossAttention_3-with-2-2-with-1", "CrossAttention_2-with-1"],
        ),
        (["-m", "SE,ECA", "--replace", "C3->C3[M]"], ["C3-SE_C3", "C3-ECA_C3"]),
        (["-m", "SE", "--at", "2", "--consumers", "next"], ["SE_2"]),
        (
            ["-m", "SE", "-m", "ECA,", "--at", "2", "--at", "1+3"],
            ["SE_2", "SE_1-3", "ECA_2", "ECA_1-3"],
        ),
    ],
)
def test_options_for_every_kind_of_study(
    run: Run, tmp_path: Path, options: list[object], expected: list[str]
) -> None:
    assert run("ablate", "-b", "small.yaml", *options, "--no-build").code == 0
    assert names(tmp_path / "ablation") == {f"small_{name}" for name in ["baseline", *expected]}


WHOLE = """\
bases: small.yaml
own: ./mine.py:Scale
modules: [SE, ECA]
places: [2, 3]
replace: {C3: C3+SE}
scales: n
consumers: all
channels: nominal
identity_init: false
max_variants: 100
dialect: yolov5
builder: ultralytics
imgsz: 320
nc: 5
"""


@pytest.mark.parametrize(
    ("option", "key", "value"),
    [
        (["--base", "other/small.yaml"], "bases", "../other/small.yaml"),
        (["--own", "other/mine.py:Scale"], "own", "../other/mine.py:Scale"),
        (["--modules", "CBAM+SE,SimAM"], "modules", "[CBAM+SE, SimAM]"),
        (["--at", "1,2", "--up-to", 2], "places", "{subsets: ['1', '2'], up_to: 2}"),
        (["--replace", "C3->C3[M]"], "replace", "['C3->C3[M]']"),
        (["--scales", "s"], "scales", "[s]"),
        (["--consumers", "next"], "consumers", "next"),
        (["--channels", "c2"], "channels", "c2"),
        (["--identity-init"], "identity_init", "true"),
        (["--no-identity-init"], "identity_init", "false"),
        (["--max-variants", 50], "max_variants", "50"),
        (["--dialect", "yolov3"], "dialect", "yolov3"),
        (["--builder", "bundled"], "builder", "bundled"),
        (["--imgsz", 64], "imgsz", "64"),
        (["--nc", 9], "nc", "9"),
    ],
)
def test_an_option_takes_the_place_of_its_key(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: list[object],
    key: str,
    value: str,
) -> None:
    studies: list[Study] = []

    def keep(study: Study, **_: object) -> None:
        studies.append(study)
        raise UsageError("enough")

    monkeypatch.setattr("yaml_attn.ablation.run", keep)
    for name in ("other", "far"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "small.yaml").write_text(SMALL)
        (tmp_path / name / "mine.py").write_text(OWN)
    text = WHOLE.replace("init: false", "init: true" if "--no" in str(option[0]) else "init: false")
    (tmp_path / "far" / "study.yaml").write_text(text)
    lines = [line for line in text.splitlines() if not line.startswith(f"{key}:")]
    (tmp_path / "far" / "same.yaml").write_text("\n".join([f"{key}: {value}", *lines]))
    for command in (("far/study.yaml", *option), ("far/same.yaml",), ("far/study.yaml",)):
        assert "enough" in run("ablate", *command).err
    given, written, before = map(plain, studies)
    assert given == written
    assert given != before


def plain(value: Any) -> Any:
    """What a part of a study says, wherever it says so."""
    if isinstance(value, NamedBase):
        return os.path.normpath(Path(value.field.folder or "", value.file))
    if isinstance(value, Field):
        return value.value
    if isinstance(value, str):
        return os.path.normpath(value)
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def test_a_study_lands_beside_its_file_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "study.yaml").rename(tmp_path / "deep" / "wide.yaml")
    (tmp_path / "small.yaml").rename(tmp_path / "deep" / "small.yaml")
    assert run("ablate", "deep/wide.yaml", "--no-build").code == 0
    assert len(names(tmp_path / "deep" / "wide")) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say what to study"),
        (["-b", "small.yaml", "-m", "SE"], "say what to study"),
        (["study.yaml", "-m", "SEE"], "--modules: no bundled attention"),
        (["study.yaml", "--max-variants", "4"], ": 5 variants, and 4 is the most"),
        (["study.yaml", "--check", "--prune"], "--check writes nothing"),
        (["study.yaml", "--json", "--github-matrix"], "both print on stdout"),
        (["study.yaml", "--shard", "3/2"], "--shard 3/2 is no part"),
        (["study.yaml", "--shard", "half"], "--shard half is no part"),
        (["-b", "small.yaml", "-m", "SEE", "--at", "2"], "--modules: no bundled attention"),
        (["-b", "small.yaml", "-m", "SE", "--at", "SPPF"], "--at: SPPF is no place"),
        (["study.yaml", "--up-to", "2"], "--up-to is of the places that --at names"),
        (["-b", "small.yaml", "--replace", "C3"], "--replace: C3 is no replacement"),
        (["-b", "small.yaml", "-m", "SE", "--at", "2", "--builder", "x"], "--builder: 'x' is none"),
    ],
)
def test_a_command_that_means_nothing_is_refused(
    run: Run, options: list[object], message: str
) -> None:
    result = run("ablate", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_mistake_of_the_study_names_its_line(run: Run, study: Path) -> None:
    study.write_text(f"{STUDY}placse: [1]\n")
    result = run(*LIGHT)
    assert result.code == 2
    assert "study.yaml:4: placse: there is no such key\nDid you mean places?" in result.err


def test_a_second_run_says_that_there_is_nothing_to_write(run: Run) -> None:
    first, second = run(*LIGHT), run(*LIGHT)
    assert first.out.endswith(
        "small: every wiring is proved; nothing was built, as asked.\n"
        "Wrote 5 configs and manifest.csv, summary.md, summary.tex, manifest.json to configs.\n"
    )
    assert second.out.splitlines()[-1] == (
        "Nothing to write: configs holds what the study gives (5 configs)."
    )
    assert first.err.splitlines() == second.err.splitlines()
    assert first.err.splitlines()[0] == "1/5 small_baseline"


def test_check_names_what_is_not_as_it_should_be(run: Run, tmp_path: Path, study: Path) -> None:
    run(*LIGHT)
    assert run(*LIGHT, "--check").code == 0
    (tmp_path / "configs" / "small_SE_3.yaml").write_text("mine")
    study.write_text(STUDY.replace("[SE, ECA]", "[SE, CBAM]"))
    result = run(*LIGHT, "--check", "--quiet")
    assert (result.code, result.out) == (1, "")
    assert set(result.err.splitlines()) == {
        "changed: configs/small_SE_3.yaml",
        "missing: configs/small_CBAM_2.yaml",
        "missing: configs/small_CBAM_3.yaml",
        "left over: configs/small_ECA_2.yaml",
        "left over: configs/small_ECA_3.yaml",
        *(f"changed: configs/{name}" for name in ("manifest.csv", "summary.md", "summary.tex")),
        "changed: configs/manifest.json",
        "configs is not what the study gives (5 configs).",
        "With --force --prune instead of --check, the same command makes it so.",
    }


def test_files_in_the_way_are_named_and_kept(run: Run, tmp_path: Path) -> None:
    run(*LIGHT)
    path = tmp_path / "configs" / "small_SE_3.yaml"
    path.write_text("mine")
    for options in ([], ["--dry-run"]):
        result = run(*LIGHT, *options)
        assert (result.code, path.read_text()) == (2, "mine")
        assert "configs: small_SE_3.yaml: not made by this study, or changed since" in result.err
        assert "--force" in result.err
    assert "Wrote 1 config to configs; 4 configs are as before." in run(*LIGHT, "--force").out


def test_figures_of_another_builder_are_not_compared(run: Run, tmp_path: Path) -> None:
    built = ("ablate", "study.yaml", "-o", "configs")
    assert run(*built).code == 0
    before = (tmp_path / "configs" / "manifest.json").read_bytes()
    assert json.loads(before)["built_with"] == ["bundled"]
    other = run(*LIGHT, "--check")
    assert other.code == 0
    assert other.out.endswith("configs is what the study gives (5 configs).\n")
    assert "were built with bundled, and here with nothing: they are not" in other.out
    changed = tmp_path / "configs" / "small_SE_3.yaml"
    changed.write_text("mine")
    (tmp_path / "configs" / "summary.md").unlink()
    found = run(*LIGHT, "--check", "--quiet")
    assert found.code == 1
    assert found.err.splitlines()[:2] == [
        "changed: configs/small_SE_3.yaml",
        "missing: configs/summary.md",
    ]
    assert "they would be replaced" in run(*LIGHT, "--dry-run", "--force").out
    assert "they were replaced" in run(*LIGHT, "--force").out
    # A variant that cannot be built there is no other study here.
    broken = json.loads(before)
    [gone] = [each for each in broken["variants"] if each["name"] == "small_SE_3"]
    broken["variants"].remove(gone)
    broken["failed"] = [gone]
    (tmp_path / "configs" / "manifest.json").write_text(json.dumps(broken))
    changed.unlink()
    assert run(*LIGHT, "--check").code == 0


def test_prune_says_what_it_removes(run: Run, study: Path, tmp_path: Path) -> None:
    run(*LIGHT)
    study.write_text(STUDY.replace("[SE, ECA]", "[SE]"))
    gone = "small_ECA_2.yaml, small_ECA_3.yaml"
    assert f"No longer in the study: {gone}." in run(*LIGHT, "--dry-run").out
    assert f"Would remove: {gone}." in run(*LIGHT, "--dry-run", "--prune").out
    assert f"left where they are (--prune removes them): {gone}." in run(*LIGHT).out
    pruned = run(*LIGHT, "--prune").out
    assert f"Removed: {gone}.\nWrote manifest.json to configs; 3 configs are as before.\n" in pruned
    assert names(tmp_path / "configs") == {"small_baseline", "small_SE_2", "small_SE_3"}


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run(*LIGHT, "--dry-run")
    assert result.out.endswith("Would write 8 files to configs.\n")
    assert not (tmp_path / "configs").exists()


def test_what_cannot_be_is_said_and_strict_makes_it_an_error(
    run: Run, study: Path, tmp_path: Path
) -> None:
    study.write_text(STUDY.replace("[SE, ECA]", "{SE: , CBAM: {kernel_size: 4}}"))
    for options, code in (((), 0), (("--strict",), 1)):
        result = run("ablate", "study.yaml", "-o", "configs", *options)
        assert result.code == code
        assert "not possible: small_CBAM-kernel_size4_2: layer 3: CBAM" in result.out
    assert names(tmp_path / "configs") == {"small_baseline", "small_SE_2", "small_SE_3"}
    quiet = run("ablate", "study.yaml", "-o", "configs", "--quiet")
    assert (quiet.code, quiet.out) == (0, "")
    assert [line.split(":")[0] for line in quiet.err.splitlines()] == ["not possible"] * 2


def test_the_same_file_twice_is_said(run: Run, study: Path) -> None:
    study.write_text(STUDY.replace("[2, 3]", "[P2, 6]"))
    assert "small_SE_6 is the same file as small_SE_P2: one of them is made." in run(*LIGHT).out


def test_the_matrix_is_one_line_and_an_output_of_the_step(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output"
    output.write_text("before=1\n")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    result = run(
        "ablate", "study.yaml", "-o", tmp_path / "configs", "--no-build", "--github-matrix"
    )
    jobs = json.loads(result.out)["include"]
    assert result.out.count("\n") == 1
    assert output.read_text() == f"before=1\nmatrix={result.out}"
    assert [each["name"] for each in jobs][:2] == ["small_baseline", "small_SE_2"]
    for each in jobs:
        assert yaml.safe_load(Path(each["config"]).read_text())["nc"] == 2
    monkeypatch.delenv("GITHUB_OUTPUT")
    again = run(*LIGHT, "--github-matrix", "--check")
    assert json.loads(again.out)["include"][0] == {
        "name": "small_baseline",
        "config": "configs/small_baseline.yaml",
    }


def test_a_folder_that_is_not_as_it_should_be_has_no_matrix(run: Run) -> None:
    result = run(*LIGHT, "--github-matrix", "--check")
    assert (result.code, result.out) == (1, "")
    assert "missing: configs/small_SE_2.yaml" in result.err


def test_a_matrix_that_github_would_refuse_is_warned_of(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yaml_attn.ablation.matrix.MOST_JOBS", 2)
    assert "warning: 5 jobs, and GitHub" in run(*LIGHT, "--github-matrix").err
    assert "--shard 1/3" in run(*LIGHT, "--github-matrix").err
    shard = run(*LIGHT, "--github-matrix", "--shard", "3/3")
    assert "warning" not in shard.err
    assert [each["name"] for each in json.loads(shard.out)["include"]] == ["small_SE_3"]


def test_json_has_all_that_is_printed(run: Run, study: Path) -> None:
    run(*LIGHT)
    study.write_text(STUDY.replace("[SE, ECA]", "[SE, CBAM]"))
    found = json.loads(run(*LIGHT, "--json").out)
    assert found["folder"] == "configs"
    assert {"file": "small_CBAM_2.yaml", "state": "missing"} in found["stale"]
    assert "small_CBAM_2.yaml" in found["written"]
    assert found["left"] == ["small_ECA_2.yaml", "small_ECA_3.yaml"]
    assert found["manifest"]["variants"][0]["name"] == "small_baseline"
    pruned = json.loads(run(*LIGHT, "--json", "--prune").out)
    assert (pruned["removed"], pruned["left"]) == (found["left"], [])


def test_the_table_has_no_column_that_nobody_can_fill(run: Run, study: Path) -> None:
    study.write_text(STUDY.replace("[SE, ECA]", "{SE: {ratio: [4, 16]}}").replace("[2, 3]", "[2]"))
    assert run(*LIGHT, "--dry-run").out.splitlines()[:5] == [
        "config",
        "small_baseline",
        "small_SE-ratio4_2",
        "small_SE_2",
        "SE without ratio in its name has ratio 16, the default.",
    ]


def test_a_long_table_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ablating, "_MOST_LISTED", 2)
    assert "... and 3 more: summary.md has them all.\n" in run(*LIGHT).out


def test_an_interrupted_run_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("yaml_attn.ablation.folder.write_atomically", interrupted)
    result = run(*LIGHT)
    assert result.code == 130
    assert "interrupted; the same command goes on from here" in result.err


def test_no_torch_is_imported_without_a_build(tmp_path: Path) -> None:
    code = (
        "import sys; from yaml_attn.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *LIGHT, "--quiet"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert result.stdout == "False\n"
    assert len(names(tmp_path / "configs")) == 5


def test_names_of_too_many_bytes_fail_before_the_first_file(run: Run, tmp_path: Path) -> None:
    letter = "\N{CJK UNIFIED IDEOGRAPH-6CE8}"
    for characters in (75, 100):
        name = f"{{base}}_{{module}}_{{place}}_{letter * characters}"
        study = f"bases: yolov5s.yaml\nmodules: [SE]\nplaces: [P3]\nname: '{name}'\n"
        (tmp_path / "study.yaml").write_text(study, encoding="utf-8")
        result = run("ablate", "study.yaml", "-o", f"{characters}", "--no-build", "--quiet")
        fits = characters == 75  # 247 bytes, and 322
        assert result.code == (0 if fits else 2), result.err
        assert Path(f"{characters}").exists() is fits
    assert "bytes long" in result.err
