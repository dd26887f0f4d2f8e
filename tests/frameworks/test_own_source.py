"""A user's file as a section of a written one: found again as it was, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_class import OWN, write_own

from yaml_attn.errors import OutputError, UsageError
from yaml_attn.frameworks.own_source import OwnSection, merged, own_sections, read_sections
from yaml_attn.frameworks.standalone import bundled, standalone
from yaml_attn.modules.own import load_own


def section(folder: Path, text: str = OWN, name: str = "mine.py") -> OwnSection:
    [found] = own_sections([load_own(write_own(folder, name, text))])
    return found


def test_a_section_is_read_as_it_was_written(tmp_path: Path) -> None:
    tricky = (
        OWN + '\n\nHEAD = """\n# -------------------- a.py: B (1 lines) --------------------\n"""'
    )
    found = [section(tmp_path, tricky), section(tmp_path, "X = 1\n\n" + OWN, "other.py")]
    found[1] = OwnSection("other.py", ("Other",), "class Other:\n    pass\x0c")
    text = standalone(bundled(["SE"]), own=found)
    assert read_sections(text) == found
    assert "__all__" not in found[0].text


def test_a_file_given_again_takes_its_place_with_all_that_was_wanted_of_it(tmp_path: Path) -> None:
    mine = section(tmp_path)
    newer = OwnSection("mine.py", ("Gate",), mine.text + "\n# newer")
    other = OwnSection("other.py", ("Other",), "class Other: ...")
    assert merged([mine, other], [newer]) == [
        other,
        OwnSection("mine.py", ("Mine", "Gate"), newer.text),
    ]
    gone = OwnSection("mine.py", ("Another",), "class Another: ...")
    assert merged([mine], [gone]) == [mine, gone]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class SE: ...\n", "SE"),
        ("hidden_width = 8\n", "hidden_width"),
        ("import math as nn\n", "nn"),
        ("Tensor = None\n", "Tensor"),
        ("from math import sqrt as SE\n", "SE"),
        ("YAML_ATTN_MODULES = 1\n", "YAML_ATTN_MODULES"),
    ],
)
def test_what_would_change_the_rest_of_the_file_is_refused(text: str, name: str) -> None:
    own = OwnSection("mine.py", ("Mine",), f"{text}class Mine: ...")
    with pytest.raises(UsageError, match=f"mine.py defines {name}, which the file to write has"):
        standalone(bundled(["SE"]), own=[own])


def test_a_class_in_another_one_is_refused(tmp_path: Path) -> None:
    inside = OWN.replace(
        "class Gate(nn.Module):",
        "class Space:\n    class Inner(nn.Module):\n"
        "        def __init__(self, c): ...\n\n\nclass Gate(nn.Module):",
    )
    source = write_own(tmp_path, text=inside).removesuffix("Mine") + "Space.Inner"
    with pytest.raises(UsageError, match="Inner does not stand at the top level"):
        own_sections([load_own(source)])


def test_what_was_edited_until_it_is_none_is_told() -> None:
    text = OwnSection("mine.py", ("Mine",), "class Mine: ...\nx = 1").written
    for broken in (text.replace("class Mine", "class ("), text.replace("Mine: .", "Yours: .")):
        with pytest.raises(OutputError, match=r"what was mine\.py in the file of mechanisms"):
            read_sections(broken)
