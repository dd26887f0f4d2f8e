"""Several insertions at once, `replace` and `remove`, and classes of the user's own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from configs import SMALL
from conftest import Run

from yaml_attn.files import templates

OWN = """
from torch import nn

class Gate(nn.Module):
    def __init__(self, c1, kernel=3):
        super().__init__()
        self.conv = nn.Conv2d(c1, c1, kernel, padding=kernel // 2, groups=c1)

    def forward(self, x):
        return x * self.conv(x).sigmoid()

class Wider(Gate):
    def forward(self, x):
        return x.repeat(1, 2, 1, 1)

class CBAM(Gate):
    pass
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "own.py").write_text(OWN)


def rows(path: Path) -> list[list[object]]:
    config = yaml.safe_load(path.read_text())
    return [*config["backbone"], *config["head"]]


def test_the_options_behind_a_module_speak_of_it(run: Run, tmp_path: Path) -> None:
    result = run(
        "insert", "--base", "yolov5s", "-o", "out.yaml",
        "--module", "SE", "--set", "ratio=8", "--after", "P3",
        "--module", "CBAM", "--after", "P4,P5", "--edge", "4:16",
        "--module", "ECA", "--before", "SPPF",
    )  # fmt: skip
    assert result.code == 0
    found = {at: row for at, row in enumerate(rows(tmp_path / "out.yaml")) if row[2] in _NEW}
    assert found == {
        9: [-1, 1, "ECA", [1024]],
        17: [4, 1, "CBAM", [256]],
        20: [-1, 1, "SE", [256, 8]],
        24: [-1, 1, "CBAM", [512]],
        28: [-1, 1, "CBAM", [1024]],
    }


_NEW = {"SE", "CBAM", "ECA"}


def test_one_module_takes_its_options_wherever_they_stand(run: Run, tmp_path: Path) -> None:
    run("insert", "--after", "2,6", "--base", "small.yaml", "--module", "SE", "--no-build")
    assert [at for at, row in enumerate(rows(tmp_path / "small_SE.yaml")) if row[2] == "SE"] == [
        3,
        8,
    ]


def test_rows_for_the_head_only_stand_just_before_it(run: Run, tmp_path: Path) -> None:
    run(
        "insert", "--base", "small.yaml", "--module", "SE", "--after", "detect",
        "--consumers", "detect", "--no-build",
    )  # fmt: skip
    assert rows(tmp_path / "small_SE.yaml")[7:] == [
        [3, 1, "SE", [32]],
        [6, 1, "SE", [16]],
        [[8, 7], 1, "Detect", ["nc", "anchors"]],
    ]


def test_identity_init_is_spelled_in_the_row(run: Run, tmp_path: Path) -> None:
    run("insert", "--base", "small.yaml", "--module", "SE", "--after", 2, "--identity-init")
    assert rows(tmp_path / "small_SE.yaml")[3] == [-1, 1, "SE", [16, 16, False, True]]


def test_replace_keeps_the_wiring_and_says_what_it_costs(run: Run, tmp_path: Path) -> None:
    result = run("replace", "--base", "yolov5s", "--at", "backbone.C3", "--module", "C3[SE]")
    said = "Layers 2, 4, 6 and 8 are C3SE now: C3 with SE in each bottleneck.\n"
    built = "Built: 7,252,285 parameters = 7,235,389 of the base +512 in 2 (C3SE for C3) +"
    assert said + built in result.out
    base = rows(templates()["yolov5s.yaml"])
    for old, new in zip(base, rows(tmp_path / "yolov5s_C3SE.yaml"), strict=True):
        assert new[:2] == old[:2]
        assert new[3] == old[3]
    assert [row[2] for row in rows(tmp_path / "yolov5s_C3SE.yaml")].count("C3SE") == 4


def test_replace_keeps_only_the_arguments_that_mean_the_same(run: Run, tmp_path: Path) -> None:
    run("replace", "--base", "yolov5s", "--at", "9", "--module", "SPP", "--no-build")
    assert rows(tmp_path / "yolov5s_SPP.yaml")[9] == [-1, 1, "SPP", [1024]]
    run("replace", "--base", "yolov5s", "--at", 13, "--module", "C3x", "--no-build")
    assert rows(tmp_path / "yolov5s_C3x.yaml")[13] == [-1, 3, "C3x", [512, False]]


def test_remove_gives_back_the_base_byte_for_byte(run: Run, tmp_path: Path) -> None:
    run("insert", "--base", "small.yaml", "--module", "SE", "--after", "2,3")
    result = run("remove", "--base", "small_SE.yaml", "--at", "SE[*]", "-o", "back.yaml")
    assert result.code == 0
    assert "SE was layer 3 and is gone." in result.out
    assert (tmp_path / "back.yaml").read_bytes() == (tmp_path / "small.yaml").read_bytes()


def test_attention_behind_a_layer_that_no_framework_has_can_be_removed(
    run: Run, tmp_path: Path
) -> None:
    base = tmp_path / "own.yaml"
    text = (tmp_path / "small.yaml").read_text("utf-8").replace("Conv", "MyStem", 1)
    base.write_text(text, encoding="utf-8")
    run("insert", "--base", base, "--module", "SE", "--after", 2, "--no-build")
    result = run("remove", "--base", "own_SE.yaml", "--at", "SE", "-o", "back.yaml", "--no-build")
    assert result.code == 0
    assert (tmp_path / "back.yaml").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("Concat", "it reads 2 layers"),
        ("Detect", "it is a head"),
        ("3", "it turns 16 channels into 32"),
        ("nn.Upsample", "it doubles height and width"),
        ("C3", "C3[0]"),
        ("SE", "SE"),
    ],
)
def test_what_cannot_be_removed_says_why(run: Run, at: str, message: str) -> None:
    result = run("remove", "--base", "small.yaml", "--at", at)
    assert (result.code, message in result.err) == (2, True)


def test_a_class_of_the_users_own_is_checked_and_built(run: Run, tmp_path: Path) -> None:
    result = run("insert", "--base", "small.yaml", "--module", "./own.py:Gate", "--after", 2)
    assert "Gate keeps" in result.out
    assert " + Gate 160;" in result.out
    assert rows(tmp_path / "small_Gate.yaml")[3] == [-1, 1, "Gate", [16]]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("own.py:Wider", "keeps"),
        ("own.py:CBAM", "is the name of a bundled mechanism"),
        ("own.py:Gat", "Did you mean Gate?"),
        ("none.py:Gate", "none.py"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused(
    run: Run, tmp_path: Path, module: str, message: str
) -> None:
    result = run("insert", "--base", "small.yaml", "--module", module, "--after", 2)
    assert (result.code, message in result.err) == (2, True), result.err
    assert not list(tmp_path.glob("small_*"))


def test_a_class_is_never_loaded_from_a_config(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(SMALL.replace("C3, [16]", "'own.py:Gate', [16]", 1))
    result = run("build", "bad.yaml")
    assert result.code == 1
    assert "is no module of YOLOv5" in result.err


def test_json_tells_every_inserted_layer(run: Run) -> None:
    result = run(
        "insert", "--base", "small.yaml", "--module", "SE", "--after", "2,6", "--json", "--dry-run"
    )
    found = json.loads(result.out)
    assert [each["index"] for each in found["inserted"]] == [3, 8]
    assert found["written"] is False


def test_a_mechanism_of_two_inputs_names_them(run: Run, tmp_path: Path) -> None:
    result = run("insert", "--base", "yolov5n", "--module", "CAN", "--inputs", "13,6")
    assert result.code == 0
    assert "CrossAttention is layer 14: reads 13 (C3) and 6 (C3), read by 15 (Conv)." in result.out
    assert rows(tmp_path / "yolov5n_CrossAttention.yaml")[14] == [
        [-1, 6], 1, "CrossAttention", ["ch", "f"],
    ]  # fmt: skip
    second = ["--base", "yolov5n", "--module", "CAN", "--inputs", "4,8", "-o", "b.yaml"]
    result = run("insert", *second)
    assert "CrossAttention is layer 16: reads 4 (C3) and 8 (C3), read by 17 (Concat)." in result.out
    assert "Still reading 4 (C3) itself: 5 (Conv)." in result.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--module", "CAN", "--after", "6"], "CrossAttention takes 2 input(s)"),
        (["--module", "SE", "--inputs", "6,4"], "SE takes 1 input(s)"),
        (["--module", "CAN", "--inputs", "6"], "1 layers are named as inputs, not 2"),
        (["--module", "CAN", "--inputs", "2,8"], "nobody reads layer 2 (C3) behind layer 8"),
        (["--module", "CAN", "--inputs", "4,8", "--consumers", "5"], "stands before layer 8"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(run: Run, options: list[str], message: str) -> None:
    result = run("insert", "--base", "yolov5n", "--no-build", *options)
    assert (result.code, message in result.err) == (2, True), result.err


def test_layers_that_differ_because_of_a_replacement_are_said(run: Run) -> None:
    narrower = ["--at", "8", "--module", "C3", "--args", "[512]", "--dry-run"]
    result = run("replace", "--base", "yolov5s", *narrower)
    assert result.code == 0
    assert "\nLayer 8 is C3 now.\n" in result.out
    assert re.search(r"\(C3 for C3\) -360,704 that follow in 9 \(SPPF\); strides 8,", result.out)


def test_only_layers_whose_number_changed_lose_their_weights(run: Run) -> None:
    same = run("replace", "--base", "yolov5s", "--at", "SPPF", "--module", "SPP", "--no-build")
    assert "A checkpoint of the base" not in same.out
    assert "A checkpoint of the base" in run("remove", "--base", "yolov5s", "--at", 8).out
