"""`yaml-attn modules`: the tutorial's list, what is adapted, and what cannot be a layer."""

from __future__ import annotations

import json
import re

import pytest
from conftest import Run

from yaml_attn.mechanisms.catalog.refused import REFUSED
from yaml_attn.mechanisms.mechanism import Refused


def test_the_tutorial_s_list_has_38_entries_in_its_order(run: Run) -> None:
    out = run("modules", "--source", "tutorial").out
    lines = out.splitlines()[1:]
    assert len(lines) == 38
    assert re.match(r" +5 +how to add one to a network +a command +yaml-attn insert", lines[4])
    assert [int(line.split()[0]) for line in lines[18:21]] == [19, 19, 20]
    listed = json.loads(run("modules", "--source", "tutorial", "--json").out)
    assert [each["number"] for each in listed] == [int(line.split()[0]) for line in lines]
    assert listed[22]["written"] == "X-Linear"
    assert listed[22]["place"] == "modules/x_linear.py"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--source", "paper"], "there is no source paper"),
        (["SE", "--source", "tutorial"], "leave out the name"),
    ],
)
def test_a_source_that_is_none_is_refused(run: Run, args: list[str], message: str) -> None:
    result = run("modules", *args)
    assert result.code == 2
    assert message in result.err


def test_what_is_adapted_is_told(run: Run) -> None:
    assert "Adapted:     the slots are dealt back to the pixels" in run("modules", "Slot").out
    assert "Adapted" not in run("modules", "SE").out
    assert json.loads(run("modules", "Slot", "--json").out)["adapted"].startswith("the slots")
    assert json.loads(run("modules", "SE", "--json").out)["adapted"] == ""


def test_two_inputs_are_seen_in_the_signature_and_in_the_example(run: Run) -> None:
    out = run("modules", "CAN").out
    assert out.startswith("CrossAttention(channels, context_channels, side=6, ")
    assert "--module CrossAttention --inputs " in out
    assert json.loads(run("modules", "CAN", "--json").out)["inputs"] == 2


@pytest.mark.parametrize("refused", REFUSED, ids=lambda each: each.name)
def test_what_cannot_be_a_layer_says_why_and_is_not_inserted(run: Run, refused: Refused) -> None:
    told = run("modules", refused.name.lower())
    assert (told.code, told.out.split(), told.err) == (0, refused.reason.split(), "")
    assert json.loads(run("modules", refused.name, "--json").out)["refused"] == refused.reason
    inserted = run("insert", "--base", "yolov5s", "--module", refused.name, "--after", "8")
    assert inserted.code == 2
    for line in refused.reason.splitlines():
        assert line in inserted.err
