"""What a study's own classes do when: read where nothing is built, imported where something is."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run

OWN = """
from pathlib import Path

from torch import nn

Path("canary").touch()


class Mine(nn.Module):
    def __init__(self, channels, ratio=4):
        super().__init__()

    def forward(self, x):
        return x
"""

BASE = "bases: [small.yaml]\nplaces: [2]\n"
STUDIES = {
    "modules": BASE + "modules: {./mine.py:Mine: {ratio: [4, 8]}}\n",
    "own": BASE + "modules: [SE]\nown: ['./mine.py:Mine']\n",
    "both": BASE + "modules: ['./mine.py:Mine']\nown: ['./mine.py:Mine']\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("options", [["--dry-run"], [], ["--check"], ["--dry-run", "--json"]])
def test_it_is_read_where_nothing_is_built(
    study: str, options: list[str], run: Run, folder: Path
) -> None:
    (folder / "study.yaml").write_text(STUDIES[study])
    result = run("ablate", "study.yaml", "--no-build", *options)
    assert result.code == ("--check" in options), result.err
    assert not (folder / "canary").exists()


def test_options_name_it_as_a_study_does(run: Run, folder: Path) -> None:
    options = ["--module", "./mine.py:Mine", "--own", "./mine.py:Mine", "--at", "2", "--dry-run"]
    assert run("ablate", "--base", "small.yaml", *options, "--no-build").code == 0
    assert not (folder / "canary").exists()


def test_the_rows_are_those_of_the_class_that_is_built(run: Run, folder: Path) -> None:
    (folder / "study.yaml").write_text(STUDIES["modules"])
    assert run("ablate", "study.yaml", "--no-build", "-o", "read").code == 0
    assert not (folder / "canary").exists()
    assert run("ablate", "study.yaml", "-o", "built").code == 0
    assert (folder / "canary").exists()
    read = {path.name for path in (folder / "read").glob("*.yaml")}
    built = {path.name for path in (folder / "built").glob("*.yaml")}
    assert read == built
    for name in read:
        assert (folder / "read" / name).read_bytes() == (folder / "built" / name).read_bytes()


def test_a_parameter_that_it_does_not_have_is_told(run: Run, folder: Path) -> None:
    (folder / "study.yaml").write_text(STUDIES["modules"].replace("ratio", "ratios"))
    result = run("ablate", "study.yaml", "--no-build", "--dry-run")
    assert (result.code, "ratios" in result.err) == (2, True)
