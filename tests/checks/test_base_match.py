from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from necks import V5, V8, config

from yaml_attn.checks.base_match import Library, Match
from yaml_attn.checks.run import Checker, Report
from yaml_attn.checks.selection import Selection
from yaml_attn.document.document import Document
from yaml_attn.errors import ConfigError
from yaml_attn.files import templates

SE = "[-1, 1, SE, [256]]"
WITH_SE = {4: [V8[4], SE]}


def checked(path: Path, text: str) -> Report:
    path.write_text(text, encoding="utf-8")
    report = Checker.of().check(path)
    assert report
    return report


def matched(path: Path, text: str) -> Match | None:
    return checked(path, text).match


def template(name: str) -> str:
    return templates()[name].read_text(encoding="utf-8")


def test_a_copy_of_a_template_with_an_attention_finds_the_template(tmp_path: Path) -> None:
    sppf = "  - [-1, 1, SPPF, [1024, 5]]"
    text = template("yolov5m.yaml").replace(sppf, f"  - [-1, 1, SE, [1024]]\n{sppf}")
    report = checked(tmp_path / "mine.yaml", text)
    match = report.match
    assert match
    assert (match.base.name, match.base.origin) == ("yolov5m.yaml", "template")
    assert (match.certain, match.comparison.inserted) == (True, (9,))
    assert {each.code for each in report.findings if each.level == "error"} == {"YA102"}


@pytest.mark.parametrize("name", sorted(templates()))
def test_a_template_is_right_against_the_others(name: str, tmp_path: Path) -> None:
    report = checked(tmp_path / name, template(name))
    assert report.match
    assert report.findings == ()


def test_a_file_beside_is_found_if_it_is_plain_and_sound(tmp_path: Path) -> None:
    text = config(V8, WITH_SE)
    assert matched(tmp_path / "mine.yaml", text) is None
    (tmp_path / "attention.yaml").write_text(config(V8, {6: [V8[6], SE]}))
    (tmp_path / "wrong.yaml").write_text(config(V8, {20: "[[13, 16, 16], 1, Detect, [nc]]"}))
    (tmp_path / "broken.yaml").write_text("backbone: [")
    (tmp_path / "other.yml").write_text("nc: 3\n")
    assert matched(tmp_path / "mine.yaml", text) is None
    (tmp_path / "base.yaml").write_text(config(V8))
    match = matched(tmp_path / "mine.yaml", text)
    assert match
    assert (match.base.name, match.base.origin) == ("base.yaml", "beside it")


def test_a_file_beside_that_is_no_utf8_is_no_base(tmp_path: Path) -> None:
    mine = config(V8, WITH_SE).replace("nc: 2", "nc: 3")
    (tmp_path / "base.yaml").write_text(config(V8))
    copy = config(V8).replace("nc: 2", "nc: 3") + "# \u4e2d\u6587\n"
    (tmp_path / "copy.yaml").write_text(copy, encoding="gbk")
    match = matched(tmp_path / "mine.yaml", mine)
    assert match
    assert match.base.name == "base.yaml"


@pytest.mark.parametrize("old", ["nc: 80", "[256, False]"])
def test_a_template_of_the_same_wiring_wins_over_a_file_beside(tmp_path: Path, old: str) -> None:
    text = template("yolov5m.yaml").replace(old, {"nc: 80": "nc: 2"}.get(old, "[192, False]"))
    (tmp_path / "edited.yaml").write_text(text)
    match = matched(tmp_path / "mine.yaml", text)
    assert match
    assert (match.base.name, match.same_wiring) == ("yolov5m.yaml", True)


def test_the_most_alike_wins(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(config(V8, {7: "[-1, 1, SPP, [512, [5, 9]]]"}))
    (tmp_path / "b.yaml").write_text(config(V8))
    (tmp_path / "c.yaml").write_text(config(V8, {19: "[-1, 6, C2f, [512]]"}))
    match = matched(tmp_path / "mine.yaml", config(V8, WITH_SE))
    assert match
    assert match.base.name == "b.yaml"


@pytest.mark.parametrize(
    "changes",
    [
        {15: "[[-1, 10, 4], 1, Concat, [1]]"},  # another join
        {17: [], 18: [], 19: []},  # a level less
        dict.fromkeys(range(7), "[-1, 1, MobileBlock, [64]]"),  # another backbone
        {4: [V8[4], "[-1, 1, space_to_depth, [1]]"]},  # a row that changes the size
        {4: [V8[4], "[[-1, 2], 1, Fusion, []]"]},  # a row that joins
        {index: V8[index].replace("C2f", "C3") for index in (2, 4, 6, 10, 13, 16, 19)}
        | {8: "[-1, 1, CBAM, [512]]"},  # an attention in the place of an Upsample
    ],
)
def test_a_redesign_has_no_base(tmp_path: Path, changes: dict[int, str | list[str]]) -> None:
    (tmp_path / "base.yaml").write_text(config(V8))
    text = config(V8, changes)
    if 17 in changes:
        text = text.replace("[[13, 16, 19]", "[[13, 16]")
    assert matched(tmp_path / "mine.yaml", text) is None


def test_a_config_of_another_framework_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(config(V5))
    renamed = {index: row.replace("C3", "C2f") for index, row in enumerate(V5)}
    text = config(V5, renamed).replace("anchors: [[10, 13], [30, 61], [116, 90]]\n", "scales: {}\n")
    assert matched(tmp_path / "mine.yaml", text) is None


def test_a_given_base_is_used_whatever_it_is(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(config(V5))
    path = tmp_path / "mine.yaml"
    path.write_text(config(V8))
    report = Checker.of(base).check(path)
    assert report
    assert report.match
    assert (report.match.given, report.match.certain) == (True, False)
    assert all(each.fix is None for each in report.findings if each.code.startswith("YA10"))


@pytest.mark.parametrize(
    "text",
    [
        "backbone: [",
        "nc: 3\n",
        "backbone: [[1]]\nhead: []\n",
        config(V8).replace("[-1, 7]", "[-1, 99]"),
    ],
)
def test_a_given_base_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(text)
    path = tmp_path / "mine.yaml"
    path.write_text(config(V8))
    with pytest.raises(ConfigError, match=r"base\.yaml"):
        Checker.of(base).check(path)


def test_an_installed_ultralytics_is_found_and_not_imported(tmp_path: Path) -> None:
    models = tmp_path / "site" / "ultralytics" / "cfg" / "models" / "v8"
    models.mkdir(parents=True)
    (models / "yolov8.yaml").write_text(config(V8))
    (models / "README.yaml").write_text("not: a config\n")
    (tmp_path / "site" / "ultralytics" / "__init__.py").write_text("raise SystemExit('imported')\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text(config(V8, WITH_SE))
    code = (
        "import sys; from pathlib import Path; from yaml_attn.checks.run import Checker\n"
        "match = Checker.of().check(Path(sys.argv[1])).match\n"
        "print(match.base.name, match.base.origin, 'ultralytics' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, mine],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{tmp_path / 'site'}:{Path(__file__).parents[2]}"},
    )
    assert found.stdout == "yolov8.yaml installed ultralytics False\n"


def test_a_text_without_a_file_is_compared_with_the_templates_only() -> None:
    document = Document.parse(template("yolov5s.yaml").encode())
    checker = Checker(Library(), Selection())
    report = checker.check_document(Path("x.yaml"), document)
    assert report.match
    assert report.match.base.name == "yolov5s.yaml"
