"""With a checkout, variants are built several in a process; one that fails, fails alone."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from ablation.studies import Read
from frameworks.lookalikes import write_checkout

from yaml_attn import Insert, load
from yaml_attn.ablation import run
from yaml_attn.errors import UsageError
from yaml_attn.frameworks.checkout import build as build_checkout

BASE = """\
nc: 7
anchors: []
depth_multiple: 1.0
width_multiple: 0.5
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [-1, 1, Conv, [128, 3, 2]]
"""

STUDY = (
    "bases: base.yaml\nmodules: {SE: , CBAM: {kernel_size: [3, 4]}}\nplaces: [0, 1]\nimgsz: 64\n"
)

DIES = """
    class Fatal(nn.Module):
        def __init__(self, *args):
            raise SystemExit(3)
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout with a block that takes its process down, beside the base of a study."""
    (tmp_path / "base.yaml").write_text(BASE)
    return write_checkout(tmp_path / "fork", common=dedent(DIES))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many configs each process was asked to build."""
    sizes: list[int] = []
    ask = build_checkout.build_all

    def counted(repo: Path, requests: Any, **options: Any) -> Any:
        sizes.append(len(requests))
        return ask(repo, requests, **options)

    monkeypatch.setattr(build_checkout, "build_all", counted)
    return sizes


def test_a_study_is_built_several_at_a_time_and_tells_what_each_build_tells(
    read: Read, repo: Path, asked: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yaml_attn.ablation.produce.AT_ONCE", 4)
    seen: list[tuple[int, int]] = []
    result = run(read(STUDY), repo=repo, progress=lambda _, *counts: seen.append((*counts,)))
    # The base, and three mechanisms at two places.
    assert asked == [4, 3]
    assert seen == [(number, 7) for number in range(1, 8)]
    assert [each.variant.name for each in result.failed] == [
        "base_CBAM-kernel_size4_0",
        "base_CBAM-kernel_size4_1",
    ]
    assert all("kernel_size must be odd" in each.problem for each in result.failed)
    found = next(each for each in result.made if each.variant.name == "base_SE_1").facts
    alone = load(tmp_path / "base.yaml").edit(Insert("SE", after=1)).verify(repo=repo, imgsz=64)
    added = alone.edited.parameters - alone.base.parameters
    assert found is not None
    assert (found.method, found.parameters) == ("checkout", alone.edited.parameters)
    assert found.added_parameters == added > 0


def test_one_that_takes_the_process_down_fails_alone(
    read: Read, repo: Path, asked: list[int]
) -> None:
    result = run(read("bases: base.yaml\nreplace: {'1': Fatal}\n"), repo=repo)
    assert asked == [2, 1, 1]
    assert [each.variant.name for each in result.made] == ["base_baseline"]
    [failed] = result.failed
    assert "ended without an answer" in failed.problem


def test_a_folder_that_is_no_checkout_is_a_mistake(read: Read, repo: Path) -> None:
    with pytest.raises(UsageError, match="is no checkout of a framework"):
        run(read(STUDY), repo=repo.parent)
