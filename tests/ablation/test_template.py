"""What variants are called: readable, and a legal file name everywhere."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn.ablation.template import (
    DEFAULT,
    LONGEST,
    Template,
    spell_module,
    spell_places,
)

MODULES: list[tuple[str, dict[str, Any], str]] = [
    ("SE", {}, "SE"),
    ("SE", {"ratio": 8}, "SE-ratio8"),
    ("SE", {"ratio": 8, "identity_init": True}, "SE-ratio8-identity_init"),
    ("Gate", {"bias": False, "scale": 0.5}, "Gate-no-bias-scale0.5"),
    ("Gate", {"kernels": [3, 5]}, "Gate-kernels3-5"),
    ("C3[SE]", {}, "C3-SE"),
    ("C3+SE", {}, "C3-then-SE"),
    ("torchvision.ops.SqueezeExcitation", {}, "SqueezeExcitation"),
]

PLACES = [
    (["P3"], "P3"),
    (["P3", "P4", "P5"], "P3-P4-P5"),
    (["P3,P4,P5"], "P3-P4-P5"),
    (["before SPPF"], "before-SPPF"),
    (["8", "before SPPF"], "8-before-SPPF"),
    (["edge 4:16"], "4-to-16"),
    (["inputs 8,4"], "8-with-4"),
    (["backbone.C3"], "backbone-C3"),
    (["C3[-1]"], "C3-last"),
    (["C3[-12]"], "C3-last12"),
    (["C3[1]"], "C3-1"),
    (["C3[*]"], "C3-all"),
    (["backbone.*"], "backbone-all"),
    (["-2"], "last2"),
    (["edge -3:-1"], "last3-to-last"),
    (["before head.C3[-1]"], "before-head-C3-last"),
]


@pytest.mark.parametrize(("name", "parameters", "spelled"), MODULES)
def test_a_module_is_spelled_with_what_is_not_its_default(
    name: str, parameters: dict[str, Any], spelled: str
) -> None:
    assert spell_module(name, parameters) == spelled


@pytest.mark.parametrize(("places", "spelled"), PLACES)
def test_places_are_spelled_in_letters_for_file_names(places: list[str], spelled: str) -> None:
    assert spell_places(places) == spelled


def test_a_base_itself_leaves_no_separator_behind() -> None:
    assert DEFAULT.fill("yolov5s", "baseline", "") == "yolov5s_baseline"
    assert Template("{place}-{module}_of_{base}").fill("m", "baseline", "") == "baseline_of_m"


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    places = [spell_places([f"backbone.C3[{at}]" for at in range(last)]) for last in (30, 31)]
    short = [DEFAULT.fill("yolov5s", "SE", place) for place in places]
    assert [len(name) for name in short] == [LONGEST, LONGEST]
    assert short[0] != short[1]
    assert short == [DEFAULT.fill("yolov5s", "SE", place) for place in places]


@given(st.text(), st.text(), st.text())
def test_every_name_is_legal_on_every_system(base: str, module: str, place: str) -> None:
    name = Template("{base}_{module}_{place}x").fill(base, module, place)
    assert not set(name) & set('<>:"/\\|?* \t\n\r')
    assert name
    assert not name.endswith((".", " "))
    assert not PureWindowsPath(f"{name}.yaml").is_reserved()


def test_a_name_that_windows_reserves_is_not_used() -> None:
    assert Template("{base}").fill("aux", "", "") == "aux-"
