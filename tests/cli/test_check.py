from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from necks import V8, config

from yaml_attn.checks import RULES, fixing

RIGHT = config(V8)
STALE = config(V8, {4: [V8[4], "[-1, 1, SE, [256]]"]})
FIXED = config(
    V8,
    {
        4: [V8[4], "[-1, 1, SE, [256]]"],
        15: "[[-1, 11], 1, Concat, [1]]",
        18: "[[-1, 8], 1, Concat, [1]]",
        20: "[[14, 17, 20], 1, Detect, [nc]]",
    },
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(RIGHT)
    (tmp_path / "mine.yaml").write_text(STALE)
    (tmp_path / "data.yaml").write_text("train: images\n")
    return tmp_path


def test_errors_fail_and_the_rest_passes(run: Run) -> None:
    assert run("check", "base.yaml").code == 0
    assert run("check", "mine.yaml").code == 1
    assert run("check", "mine.yaml", "--select", "YA3").code == 0
    assert run("check", "data.yaml").code == 0


def test_findings_are_the_output_and_the_rest_is_said_on_stderr(run: Run) -> None:
    result = run("check", "mine.yaml", "base.yaml", "data.yaml")
    lines = result.out.splitlines()
    assert [line[:24] for line in lines] == [
        "mine.yaml:20:11: YA102 e",
        "mine.yaml:23:11: YA102 e",
        *[
            f"mine.yaml:25:{column}: YA102 {rest}"
            for column, rest in ((7, "er"), (11, "e"), (15, "e"))
        ],
    ]
    assert result.err.splitlines() == [
        "1 file: compared with its base, base.yaml beside it",
        "1 file: no base found to compare with: checked by structure alone",
        "2 configs, 5 errors, 1 other YAML file left out",
        (
            "5 of 5 can be repaired: yaml-attn check mine.yaml base.yaml data.yaml --fix; "
            "what a code means: --explain YA102"
        ),
    ]


def test_a_file_without_mistakes_is_said_to_have_none(run: Run) -> None:
    assert run("check", "base.yaml").err.endswith("\n1 config, no mistakes found\n")


def test_what_cannot_be_repaired_is_explained_at_least(run: Run, files: Path) -> None:
    (files / "base.yaml").write_text(config(V8, {20: "[[13, 17, 19], 1, Detect, [nc]]"}))
    err = run("check", "base.yaml").err
    assert "can be repaired" not in err
    assert "What a code means: yaml-attn check --explain YA" in err


def test_the_repair_is_offered_with_the_options_that_were_given(run: Run, files: Path) -> None:
    (files / "a b.yaml").write_text(RIGHT)
    args = ("mine.yaml", "--base", "a b.yaml", "--ignore", "YA3")
    told = "yaml-attn check mine.yaml --base 'a b.yaml' --ignore YA3 --fix;"
    assert told in run("check", *args).err
    many = ("mine.yaml", "base.yaml", "data.yaml", "a b.yaml", "--select=YA1")
    assert "yaml-attn check ... --select=YA1 --fix;" in run("check", *many).err


def test_errors_come_first_and_are_what_is_explained(run: Run, files: Path) -> None:
    (files / "mine.yaml").write_text(STALE.replace("[512, True]]", "[512, True]]  # 6", 1))
    for style in ("text", "rich"):
        result = run("check", "mine.yaml", "--format", style)
        assert 0 < result.out.index("25:15") < result.out.index("YA301 warning")
        assert result.err.endswith("--explain YA102\n")


def test_quiet_leaves_the_exit_code(run: Run) -> None:
    assert run("check", "mine.yaml", "--quiet") == (1, "", "")
    assert run("check", "base.yaml", "-q") == (0, "", "")
    asked = run("check", "mine.yaml", "-q", "--json")
    assert (json.loads(asked.out)["errors"], asked.err) == (5, "")


def test_folders_and_patterns_mean_the_configs_in_them(run: Run) -> None:
    assert "2 configs" in run("check", ".").err
    assert "2 configs" in run("check", "*.yaml").err


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (
            ["models"],
            "no YOLO config among 2 YAML files in models: none has `backbone:` or `head:`",
        ),
        (
            ["models/a.yml"],
            "models/a.yml is no YOLO config: it has neither `backbone:` nor `head:`",
        ),
        (
            ["models/*.yml"],
            "no YOLO config among the 1 YAML file in models/*.yml: none has `backbone:` or `head:`",
        ),
        (["empty"], "no YOLO config in empty: no YAML file in or below it"),
        (
            ["models/a.yml", "models/a.yaml", "data.yaml", "empty"],
            (
                "no YOLO config among 3 YAML files in the 4 names given: "
                "none has `backbone:` or `head:`"
            ),
        ),
    ],
)
def test_where_no_config_is_it_says_what_was_looked_for(
    run: Run, files: Path, args: list[str], told: str
) -> None:
    (files / "empty").mkdir()
    (files / "models").mkdir()
    (files / "models" / "a.yaml").write_text("train: images\n")
    (files / "models" / "a.yml").write_text("val: images\n")
    assert run("check", *args) == (0, "", told + "\n")
    assert run("check", *args, "--quiet") == (0, "", "")


def test_what_is_no_yaml_file_is_said_to_be_none(run: Run, files: Path) -> None:
    (files / "README.md").write_text("# My network\n---\n```yaml\n---\nbackbone:\n```\n")
    found = run("check", "README.md")
    assert (found.code, found.out.partition(" error: ")[2][:30]) == (
        1,
        "is no YOLO config: that is a Y",
    )


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "nothing to check"),
        (["none.yaml"], "no such file"),
        (["none.yaml"], "Here are base.yaml, data.yaml, mine.yaml; `yaml-attn check .`"),
        (["mine.yaml", "--json", "--format", "sarif"], "give one of them"),
        (["*.none"], "no such file"),
        (["mine.yaml", "--dry-run"], "goes with --fix"),
        (["mine.yaml", "--select", "YA9"], "no check has the code"),
        (["mine.yaml", "--ignore", "x"], "no check has the code"),
        (["--explain", "YA9"], "no check has the code"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, args: list[str], told: str) -> None:
    result = run("check", *args)
    assert (result.code, told in result.err) == (2, True)


def test_a_base_that_does_not_exist_or_is_none_is_said(run: Run, files: Path) -> None:
    assert "no such file" in run("check", "mine.yaml", "--base", "none.yaml").err
    (files / "broken.yaml").write_text("backbone: [")
    result = run("check", "mine.yaml", "--base", "broken.yaml")
    assert (result.code, "broken.yaml" in result.err) == (1, True)


def test_a_template_can_be_the_base(run: Run) -> None:
    result = run("check", "base.yaml", "--base", "yolov5s")
    assert "compared with yolov5s.yaml, as given; it is not that base" in result.err


def test_a_broken_file_does_not_stop_the_others(run: Run, files: Path) -> None:
    (files / "a.yaml").write_text("backbone: [\nhead: []\n")
    (files / "b.yaml").write_bytes(b"\xffbackbone: x\nhead: y\n")
    out = run("check", ".").out
    assert run("check", "a.yaml").err.startswith("cannot be read: nothing else was checked\n")
    assert "a.yaml:3:1: YA004 error: " in out
    assert "b.yaml:1:1: YA008 error: " in out
    assert "mine.yaml:25:15: YA102" in out


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_a_finding(run: Run, files: Path) -> None:
    (files / "base.yaml").chmod(0)
    assert "base.yaml:1:1: YA008 error: cannot be read (Permission denied)" in run("check", ".").out


def test_rich_shows_the_row_and_what_was_meant(run: Run) -> None:
    out = run("check", "mine.yaml", "--format", "rich").out
    assert "mine.yaml (compared with its base, base.yaml beside it)" in out
    assert "  - [[13, 16, 19], 1, Detect, [nc]]" in out
    assert "^^" in out
    assert "the base reads what is now 14 (C2f)" in out


def test_rich_shows_the_row_of_a_broken_file_too(run: Run, files: Path) -> None:
    row = "  - [-1, 1, Conv, [64, 3, 2]]"
    wide = "  - ['\u5c42', 1\uff0c Conv, [64, 3, 2]]"  # the letter takes two columns
    (files / "mine.yaml").write_text("\ufeff" + RIGHT.replace(row, wide, 1))
    out = run("check", "mine.yaml", "--format", "rich").out.splitlines()
    at = out.index(f"      {wide}")
    assert out[at + 1] == " " * (6 + 12) + "^"
    assert out[at + 2] == '      write ","'
    (files / "mine.yaml").write_bytes(b"backbone:\n\xff\n")
    assert "^" not in run("check", "mine.yaml", "--format", "rich").out
    (files / "mine.yaml").write_text("backbone: []\n")
    assert "^" not in run("check", "mine.yaml", "--format", "rich").out


def test_machines_get_json_sarif_and_annotations(run: Run) -> None:
    found = json.loads(run("check", ".", "--format", "json").out)
    assert found["errors"] == 5
    assert [Path(each["file"]).name for each in found["files"]] == ["base.yaml", "mine.yaml"]
    assert json.loads(run("check", ".", "--json").out) == found
    log = json.loads(run("check", ".", "--format", "sarif").out)
    assert len(log["runs"][0]["results"]) == 5
    lines = run("check", ".", "--format", "github").out.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("::error file=mine.yaml,line=") for line in lines)


def test_fix_repairs_the_file_and_shows_the_diff(run: Run, files: Path) -> None:
    mine = files / "mine.yaml"
    mine.chmod(0o640)
    result = run("check", "mine.yaml", "--fix")
    assert result.code == 0
    assert mine.read_text() == FIXED
    assert stat.S_IMODE(mine.stat().st_mode) == 0o640
    assert (
        "-  - [[13, 16, 19], 1, Detect, [nc]]\n+  - [[14, 17, 20], 1, Detect, [nc]]" in result.out
    )
    assert "5 repaired" in result.err
    again = run("check", "mine.yaml", "--fix")
    assert (again.code, again.out, mine.read_text()) == (0, "", FIXED)


def test_a_dry_run_shows_the_diff_and_writes_nothing(run: Run, files: Path) -> None:
    result = run("check", ".", "--fix", "--dry-run")
    assert result.code == 1
    assert "+  - [[14, 17, 20], 1, Detect, [nc]]" in result.out
    assert "5 would be repaired, no mistakes left" in result.err
    assert (files / "mine.yaml").read_text() == STALE
    assert run("check", ".", "--fix").out == result.out


def test_what_is_left_is_said_with_and_without_a_dry_run(run: Run, files: Path) -> None:
    (files / "mine.yaml").write_text(STALE.replace("C2f, [512]]", "C2F, [512]]"))
    dry = run("check", "mine.yaml", "--fix", "--dry-run")
    assert "1 config, 5 would be repaired, 1 note left\n" in dry.err
    real = run("check", "mine.yaml", "--fix")
    assert (dry.code, real.code) == (1, 0)
    assert dry.out == real.out
    assert "YA209 note" in real.out


def test_fix_tells_machines_what_was_repaired(run: Run) -> None:
    found = json.loads(run("check", "mine.yaml", "--fix", "--format", "json").out)
    (file,) = found["files"]
    assert file["findings"] == []
    assert [each["code"] for each in file["fixed"]] == ["YA102"] * 5


def test_a_dry_run_tells_machines_what_stands_in_the_file(run: Run) -> None:
    (file,) = json.loads(run("check", "mine.yaml", "--fix", "--dry-run", "--json").out)["files"]
    assert len(file["findings"]) == len(file["fixed"]) == 5


def test_fix_leaves_a_file_without_sure_repairs_untouched(run: Run, files: Path) -> None:
    mine = files / "base.yaml"
    mine.write_text(config(V8, {20: "[[13, 17, 19], 1, Detect, [nc]]"}))
    before = mine.stat().st_mtime_ns
    assert run("check", "base.yaml", "--fix").code == 1
    assert mine.stat().st_mtime_ns == before


def test_pyproject_gives_the_defaults_and_options_replace_them(run: Run, files: Path) -> None:
    (files / "pyproject.toml").write_text('[tool.yaml-attn]\nignore = ["YA1", "YA2"]\n')
    assert run("check", "mine.yaml").code == 0
    assert run("check", "mine.yaml", "--ignore", "YA3").code == 1
    (files / "pyproject.toml").write_text('[tool.yaml-attn]\nbase = "yolov5s"\n')
    assert "compared with yolov5s.yaml, as given" in run("check", "base.yaml").err
    assert "compared with mine.yaml" in run("check", "base.yaml", "--base", "mine.yaml").err


def test_explain_prints_the_manual_of_a_check(run: Run) -> None:
    result = run("check", "--explain", "YA102")
    assert result.code == 0
    assert result.out.startswith("YA102 number-kept (error)\n\nA reference kept the base's number")
    assert "```" not in result.out
    assert "\nRight:\n\n      - [[-1, 4], 1, Concat, [1]]\n" in result.out


@pytest.mark.parametrize("code", RULES)
def test_every_explanation_fits_a_terminal(run: Run, code: str) -> None:
    lines = run("check", "--explain", code).out.splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith("    ")] == []


def test_no_torch_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from yaml_attn.cli import main\n"
        "try: main()\n"
        "finally: sys.stderr.write('TORCH' if 'torch' in sys.modules else 'LIGHT')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "check", ".", "--fix"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr.endswith("LIGHT")


def test_it_runs_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')\n")
    result = subprocess.run(
        [sys.executable, "-c", "from yaml_attn.cli import main; main()", "check", "mine.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "YA102" in result.stdout


def test_an_edit_made_while_others_are_repaired_stays_and_is_said(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = files / "other.yaml"
    other.write_text(STALE)
    real = fixing.repair

    def edited(*args: Any) -> Any:
        (files / "mine.yaml").write_text(f"# by hand\n{STALE}")
        return real(*args)

    monkeypatch.setattr(fixing, "repair", edited)
    result = run("check", "mine.yaml", "other.yaml", "--fix")
    assert result.code == 2
    assert "error: mine.yaml: was changed since it was read" in result.err
    assert (files / "mine.yaml").read_text() == f"# by hand\n{STALE}"
    assert other.read_text() == FIXED
    assert "--- other.yaml" in result.out
    assert "--- mine.yaml" not in result.out


@pytest.mark.parametrize("names", [["configs"], ["configs/*.yaml"], ["configs/**"], ["conf*"]])
def test_fix_does_not_reach_out_of_the_folder_that_was_named(
    run: Run, files: Path, names: list[str]
) -> None:
    (files / "configs").mkdir()
    for name in ("base.yaml", "inside.yaml"):
        (files / "configs" / name).write_text(RIGHT if name == "base.yaml" else STALE)
    (files / "configs" / "link.yaml").symlink_to("../mine.yaml")
    (files / "configs" / "same.yaml").symlink_to("inside.yaml")
    for dry in (["--dry-run"], []):
        result = run("check", *names, "--fix", *dry)
        assert (result.code, (files / "mine.yaml").read_text()) == (2, STALE)
        assert "link.yaml: is a link that leads out of" in result.err
    assert (files / "configs" / "inside.yaml").read_text() == FIXED
    assert run("check", "configs/link.yaml", "--fix", "--base", "base.yaml").code == 0
    assert (files / "mine.yaml").read_text() == FIXED


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
@pytest.mark.parametrize("command", [["check"], ["show"], ["diff", "mine.yaml"], ["ablate"]])
def test_a_pipe_or_a_device_is_refused_in_one_line(
    command: list[str], run: Run, files: Path
) -> None:
    os.mkfifo(files / "pipe.yaml")
    (files / "zero.yaml").symlink_to("/dev/zero")
    for name, kind in (("pipe.yaml", "a named pipe"), ("zero.yaml", "a device")):
        told = run(*command, name)
        assert told.code
        assert any(f"is {kind}" in line for line in (told.out + told.err).splitlines())
