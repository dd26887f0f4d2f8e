"""`--own`: a class of the user's that rows name already, known to every command that builds."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import torch
from configs import SMALL
from conftest import Run
from frameworks.lookalikes import write_checkout
from own_class import OWN, parameters, write_own

import yaml_attn
from yaml_attn.building import bundled
from yaml_attn.errors import UsageError

ROOT = Path(__file__).parent.parent.parent
KINDS = ("python", "sh")
MINE = ("--own", "./mine.py:Mine")
WITH = (
    SMALL.replace("[-1, 1, C3, [16]]\n", "[-1, 1, C3, [16]]\n  - [-1, 1, Mine, [16, 0.5]]\n", 1)
    .replace("[-1, 2], 1, Concat", "[-1, 3], 1, Concat")
    .replace("[[6, 3]", "[[7, 4]")
)


@pytest.fixture(autouse=True)
def files(run: Run, tmp_path: Path) -> Path:
    assert callable(run)
    write_own(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "with.yaml").write_text(WITH)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("build with.yaml", "with.yaml builds: 9 layers"),
        ("show with.yaml --build", f"{parameters(16):,}"),
        ("insert --base with.yaml --module SE --after P2", "of the base + SE "),
        ("insert --base with.yaml --module Mine --after P3", f"+ Mine {parameters(32):,};"),
        ("replace --base with.yaml --at head.C3 --module C3[SE]", "C3SE for C3"),
        ("remove --base with.yaml --at Mine", f"- Mine {parameters(16):,};"),
        ("diff --base with.yaml --module SE --after P3", "SE is layer 5: reads 4"),
        ("places with.yaml", "3 (Mine)"),
    ],
)
def test_a_row_that_names_a_class_of_yours_is_built_with_it(
    run: Run, command: str, seen: str
) -> None:
    result = run(*command.split(), *MINE)
    assert (result.code, result.err) == (0, "")
    assert seen in result.out


@pytest.mark.parametrize("command", ["build with.yaml", "insert --base with.yaml -m SE --after 0"])
def test_without_it_the_error_says_how(run: Run, command: str) -> None:
    result = run(*command.split())
    assert result.code == 1
    assert "by --own where rows name it already" in result.err


def test_a_class_inserted_once_more_needs_no_other_word(run: Run) -> None:
    result = run("insert", "--base", "with.yaml", "--module", "./mine.py:Mine", "--after", "P3")
    assert f"of the base + Mine {parameters(32):,};" in result.out


def test_its_weights_are_moved_with_the_others(run: Run, files: Path) -> None:
    own = "./mine.py:Mine"
    base = yaml_attn.load("with.yaml", own=[own])
    network, settings = base.network, base.document.settings
    state = bundled.build(network, settings, mechanism=base.mechanism).state_dict()
    torch.save(state, files / "with.pt")
    run("insert", "--base", "with.yaml", "--module", "SE", "--after", 0, *MINE, "-o", "two.yaml")
    call = ("weights", "-w", "with.pt", "-b", "with.yaml", "-c", "two.yaml")
    assert run(*call).code == 1
    result = run(*call, *MINE)
    assert f"Transferred {len(state)} of {len(state)} tensors" in result.out
    assert f"--config two.yaml --own {own}," in result.out
    run(*call, *MINE, "--state-dict", "--force")
    moved = torch.load(files / "two.pt")
    assert torch.equal(moved["model.4.gate.conv.weight"], state["model.3.gate.conv.weight"])


def test_a_study_says_it_by_a_key_or_by_the_option(run: Run, files: Path) -> None:
    study = "bases: [with.yaml]\nown: ./mine.py:Mine\nmodules: [SE]\nplaces: [P3]\n"
    (files / "study.yaml").write_text(study)
    assert run("ablate", "study.yaml").code == 0
    built = json.loads((files / "study/manifest.json").read_text())["variants"]
    assert [each["built"] for each in built] == ["bundled", "bundled"]
    assert run("ablate", "-b", "with.yaml", "-m", "SE", "--at", "P3", *MINE, "--strict").code == 0
    (files / "study.yaml").write_text(study.replace("mine.py", "none.py"))
    assert "study.yaml:2: own: " in run("ablate", "study.yaml").err


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SELayer", "SELayer is the name of a bundled mechanism"),
        ("Conv", "Conv is a framework's own module"),
        ("C3SE", r"C3SE is C3\[SE\]"),
    ],
)
def test_a_name_that_means_something_already_is_refused(
    files: Path, name: str, message: str
) -> None:
    (files / "taken.py").write_text(OWN.replace("Mine", name))
    with pytest.raises(UsageError, match=message) as caught:
        yaml_attn.load("with.yaml", own=[f"taken.py:{name}"])
    assert f"Call the class My{name}" in (caught.value.hint or "")


def test_two_classes_for_the_same_rows_are_refused(files: Path) -> None:
    other = write_own(files, "other.py")
    with pytest.raises(UsageError, match="the rows of two classes would say Mine"):
        yaml_attn.load("with.yaml", own=["mine.py:Mine", other])
    config = yaml_attn.load("with.yaml", own=["mine.py:Mine"])
    with pytest.raises(UsageError, match="the rows of two classes would say Mine"):
        config.insert(other, after=4)
    write_own(files, text=OWN.replace("= 1.0", "= 2.0"))  # its present text is no other class
    assert config.insert("mine.py:Mine", after=4).inserted


def test_the_example_of_the_page_runs(run: Run, files: Path) -> None:
    page = (ROOT / "docs/frameworks.md").read_text("utf-8")
    section = page.partition("\n## A class of your own\n")[2].partition("\n## ")[0]
    python, commands = (re.findall(f"```{kind}\n(.*?)```", section, re.DOTALL) for kind in KINDS)
    (files / "my_attn.py").write_text(python[0])
    write_checkout(files / "yolov5")
    assert "--own" in commands[0]
    for command in commands[0].splitlines():
        result = run(*shlex.split(command)[1:])
        assert result.code == 0, result.err
    assert "class MyAttention" in (files / "yolov5/models/yaml_attn_modules.py").read_text()


def test_in_a_block_it_is_refused(files: Path) -> None:
    config = yaml_attn.load(files / "with.yaml", own=["mine.py:Mine"])
    with pytest.raises(UsageError, match="Mine is a class of yours"):
        config.replace("head.C3", "C3[Mine]")
