"""What other people's names and values may do in what is written: be read, and nothing else."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
import yaml
from configs import SMALL
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn import escaping

TEXTS = st.text(st.characters(), max_size=20)
EVIL = "a\r\n::error::b\x1b]8;;http://x\x07\x9b31m\u202e::\u2028c"


@given(TEXTS)
def test_a_line_has_no_control_character_and_stays_as_long(text: str) -> None:
    shown = escaping.in_line(text)
    assert len(shown) == len(text)
    assert shown.splitlines() in ([], [shown])
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", shown)
    assert escaping.in_line(shown) == shown


@pytest.mark.parametrize(
    "line", ["::error::x", "  ::stop-commands::x", "\u3000::a::b", "say ##[group]x", "a\n::b::c"]
)
def test_no_line_of_a_workflow_s_log_is_a_command(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    shown = escaping.for_terminal(line)
    assert not any(each.strip().startswith("::") or "##[" in each for each in shown.split("\n"))
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert escaping.for_terminal(line) == line


@given(TEXTS)
def test_a_workflow_command_is_one_line_that_github_reads_back(text: str) -> None:
    written = escaping.github_property(text)
    assert not set("\r\n:,") & set(written)
    for code, letter in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        written = written.replace(code, letter)
    expected = (each if each in "\r\n\t" else escaping.in_line(each) for each in text)
    assert written == "".join(expected)


@pytest.mark.parametrize(
    "text", ["=cmd|' /C calc'!A0", "+1+cmd", "-1+1", "@SUM(A1)", "\t=1", "\uff1d1"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert escaping.csv(text).startswith(("'", "␉"))


@pytest.mark.parametrize("value", [-1, 2.5, None, "-1", "+2.5", "SE", "before SPPF", "P3-P5", ""])
def test_what_is_no_formula_stays_as_it_is(value: object) -> None:
    assert escaping.csv(value) == value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("![a](b)", r"![a\](b)"),
        ("[a]: b", r"[a\]: b"),
        ("a\nb", "a␊b"),
        ("*a* __b__ c_d", r"\*a\* \_\_b\_\_ c_d"),
        ("\\|", r"\\\|"),
        ("`a`", r"\`a\`"),
        ("C3[SE]", "C3[SE]"),
    ],
)
def test_no_text_is_markup_in_markdown(text: str, written: str) -> None:
    assert escaping.markdown(text) == written


def test_code_in_markdown_ends_where_it_should() -> None:
    assert escaping.code("SE") == "`SE`"
    assert escaping.code("a``b`") == "``` a``b` ```"
    assert escaping.fenced("+```\nx", "diff") == "````diff\n+```\nx\n````"


@given(st.text("\\{}$&#^_~%[]* \n\rinput", max_size=20))
def test_no_text_is_a_command_in_latex(text: str) -> None:
    written = escaping.latex(text)
    assert "\n" not in written
    assert "\r" not in written
    assert not written.startswith(("[", "*"))
    for known in ("textbackslash{}", "textasciitilde{}", "textasciicircum{}", *"&%$#_{}"):
        written = written.replace(f"\\{known}", "")
    assert not set(written.removeprefix("{}")) & set("\\{}$&#^_~%")


@given(st.binary(max_size=20).filter(lambda name: b"\0" not in name))
def test_every_path_has_an_address(name: bytes) -> None:
    path = PurePath("a", os.fsdecode(name))
    written = escaping.uri(path)
    assert re.fullmatch(r"[\w.~/%-]+", written, re.ASCII)
    assert unquote_to_bytes(written) == os.fsencode(path.as_posix())


NAME = "a\n::error::b##[group]\x1b[31m[red]|<b>=cmd,%0A`\\input{x}.yaml"


def test_json_is_no_command_and_says_the_same() -> None:
    value = {"##[group]": ["a##[endgroup]", "#[", "\ud800"]}
    written = escaping.json_text(value)
    assert "##[" not in written
    assert written.isascii()
    assert json.loads(written) == value


@pytest.mark.skipif(os.name == "nt", reason="no such name on Windows")
def test_a_file_s_name_is_only_text_in_every_format(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    name = NAME.replace("/", "")
    module = '"::x\\n::error::y\\e[31m"'
    (tmp_path / name).write_text(SMALL.replace("1, C3, [16]", f"1, {module}, [16]"))
    (tmp_path / "good.yaml").write_text(SMALL)
    outputs: dict[str, Any] = {}
    for words in (
        "check FILE", "check FILE --format github", "check FILE --format rich", "show FILE",
        "check good.yaml --base FILE", "diff good.yaml FILE", "diff good.yaml FILE --format rich",
        "diff FILE good.yaml --format markdown", "places FILE", "build FILE",
        "insert --base FILE --module SE --after 0 --no-build", "show nothingFILE",
        "ablate --base FILE --modules SE --at 0 -o out --no-build", "check nothingFILE",
    ):  # fmt: skip
        result = run(*(word.replace("FILE", name) for word in words.split()))
        outputs[words] = result.out
        said = result.out + result.err
        assert not re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]", said), words
        assert "\x1b[31m[red]" not in said, words
        assert "##[" not in said or "github" in words, words
        commands = re.findall(r"(?m)^\s*::.*", said)
        expected = "github" in words
        assert bool(commands) is expected, words
        assert all(re.match("::(error|warning|notice) file=a%0A%3A%3Aerror", each)
                   for each in commands)  # fmt: skip
    assert outputs["diff good.yaml FILE"].split("\n")[1].startswith("+++ a␊")
    sarif = json.loads(run("check", name, "--format", "sarif").out)
    place = sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].startswith("a%0A%3A%3Aerror")
    tables = {path.suffix: path.read_text() for path in (tmp_path / "out").iterdir()}
    (row, *_) = csv.DictReader(io.StringIO(tables[".csv"]))
    assert "\n" not in row["base"]
    assert r"\input" not in tables[".tex"].replace(r"\textbackslash{}", "")
    assert not any(line.startswith("::") for text in tables.values() for line in text.split("\n"))
    assert "<b>" not in tables[".md"]
    assert all(each["name"] for each in json.loads(tables[".json"])["variants"])


def test_no_expression_stands_in_a_script() -> None:
    root = Path(__file__).parents[1]
    for file in ("action.yml", "docs/ablation/workflow.yml"):
        content = yaml.safe_load((root / file).read_text(encoding="utf-8"))
        jobs = content.get("jobs", {"action": content.get("runs")}).values()
        scripts = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
        assert scripts
        assert not any("${{" in script for script in scripts)


@pytest.mark.parametrize("value", [EVIL, "##[add-mask]x"])
def test_an_error_of_the_command_is_text(run: Run, value: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for words in ("check VALUE", "modules VALUE", "insert --base yolov5s --module SE --after VALUE",
                  "check . --select VALUE", "VALUE", "show yolov5s --scale VALUE"):  # fmt: skip
        result = run(*(word.replace("VALUE", value) for word in words.split()))
        assert result.code == 2
        assert not re.search(r"(?m)^\s*::|##\[|[\x1b\x9b\x07\u202e]", result.err)
