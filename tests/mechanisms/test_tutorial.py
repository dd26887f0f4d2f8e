"""The tutorial's list: every entry in its order, and what became of it."""

from __future__ import annotations

from pathlib import Path

import yaml_attn
from yaml_attn.mechanisms.catalog import tutorial
from yaml_attn.mechanisms.catalog.refused import REFUSED
from yaml_attn.modules import MECHANISMS

ANSWERS = {answer.item.written: answer for answer in tutorial.answers()}


def test_its_numbers_run_to_37_and_19_comes_twice() -> None:
    numbers = [item.number for item in tutorial.ITEMS]
    assert numbers == [*range(1, 20), *range(19, 38)]
    assert len(tutorial.answers()) == 38


def test_every_entry_is_answered() -> None:
    names = {*MECHANISMS, *(each.name for each in REFUSED), tutorial.RECIPE}
    assert [item.name for item in tutorial.ITEMS if item.name not in names] == []
    package = Path(yaml_attn.__file__).parent
    for answer in tutorial.answers():
        assert (package / answer.place).is_file()
        assert answer.paper or answer.name == tutorial.RECIPE


def test_the_states_tell_them_apart() -> None:
    assert ANSWERS["SE"].state == "available"
    assert ANSWERS["how to add one to a network"].state == "a command"
    assert ANSWERS["RANet"].state == ANSWERS["Prophet"].state == "none, and why"
    assert ANSWERS["Slot"].state == "available, adapted"
    assert ANSWERS["Cross"].state == "available, two inputs, adapted"
    again = [answer.state for answer in tutorial.answers() if answer.item.number in {10, 30}]
    assert again == ["available", "available, as item 10"]


def test_the_paper_is_named_with_its_venue_or_its_number_alone() -> None:
    assert ANSWERS["Co-excitation"].paper == (
        "One-Shot Object Detection with Co-Attention and Co-Excitation, NeurIPS 2019, "
        "arXiv 1911.12529"
    )
    assert ANSWERS["S2-MLPv2"].paper.endswith("Architecture for Vision, 2021, arXiv 2108.01072")
