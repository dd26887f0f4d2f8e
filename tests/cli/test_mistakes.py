"""Mistakes on the command line: said in our words, each with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run

from yaml_attn.cli import COMMANDS


@pytest.fixture(autouse=True)
def _small(tmp_path: Path) -> None:
    for name in ("small.yaml", "my own.yaml"):
        (tmp_path / name).write_text(SMALL)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "insert small.yaml --module SE --after 2",
            (
                "missing option '--base' / '-b'\n"
                "Name the file by --base: yaml-attn insert --base small.yaml --module SE --after 2"
            ),
        ),
        (
            "remove --at SE small.yaml",
            (
                "missing option '--base' / '-b'\n"
                "Name the file by --base: yaml-attn remove --base small.yaml --at SE"
            ),
        ),
        (
            "insert --base small.yaml --module SE --at 2",
            "no such option: --at\nA place is named by --after 2 (or --before, --edge).",
        ),
        (
            "diff --base small.yaml --module SE --at=2",
            "no such option: --at\nA place is named by --after 2 (or --before, --edge).",
        ),
        (
            "replace --base small.yaml --after 2 --module C2f",
            "no such option: --after\nThe layers are named by --at 2.",
        ),
        (
            "insert --config small.yaml --module SE --after 2",
            "no such option: --config\nThe config to start from is named by --base small.yaml.",
        ),
        (
            "show --base small.yaml",
            "no such option: --base\nGive the file itself: yaml-attn show small.yaml",
        ),
        (
            "build -b small.yaml",
            "no such option: -b\nGive the file itself: yaml-attn build small.yaml",
        ),
        (
            "modules --module SE",
            "no such option: --module\nGive the name itself: yaml-attn modules SE",
        ),
        (
            "show",
            (
                "missing argument 'FILE'\nE.g. yaml-attn show yolov5s.yaml --build\n"
                "`yaml-attn show --help` lists the options."
            ),
        ),
        (
            "insert \N{EM DASH}base=small.yaml --module SE --after 2",
            (
                "missing option '--base' / '-b'\n\N{EM DASH}base does not begin with two hyphens "
                "(U+2014): type --base=small.yaml"
            ),
        ),
        (
            "insert \N{EN DASH}b small.yaml --module SE --after 2",
            (
                "missing option '--base' / '-b'\n\N{EN DASH}b does not begin with two hyphens "
                "(U+2013): type -b"
            ),
        ),
        (
            "insert --base small.yaml --module SE -after 2",
            "no such option: -a\n-after has one dash, where it takes two: --after",
        ),
        (
            "insert -base small.yaml --module SE --after 2",
            ("unexpected argument: small.yaml\n-base has one dash, where it takes two: --base"),
        ),
        (
            "insert --base my own.yaml --module SE --after 2",
            "unexpected argument: own.yaml\nQuote a path with a space: 'my own.yaml'",
        ),
        (
            "show my own.yaml",
            "unexpected argument: own.yaml\nQuote a path with a space: 'my own.yaml'",
        ),
        ("insert --base", "option '--base' needs a value\n`--help` lists the options."),
        ("--none", "no such option: --none\n`yaml-attn --help` lists the commands."),
    ],
)
def test_a_mistake_is_said_with_its_mend(run: Run, command: str, said: str) -> None:
    result = run(*command.split())
    assert (result.code, result.out) == (2, "")
    assert result.err.replace('"', "'") == f"error: {said}\n"


def test_a_value_that_an_option_cannot_have_is_said(run: Run) -> None:
    result = run("build", "small.yaml", "--imgsz", "large")
    assert result.code == 2
    assert result.err.startswith("error: invalid value for '--imgsz': ")
    assert "`yaml-attn build --help` lists the options." in result.err


def test_a_command_that_there_is_not_is_said(run: Run) -> None:
    result = run("insrt")
    assert result.code == 2
    assert result.err.startswith("error: no such command 'insrt'")


def test_without_any_word_the_help_is_shown(run: Run) -> None:
    result = run()
    assert "Usage: yaml-attn" in result.out + result.err
    assert "error:" not in result.err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(run: Run, command: str) -> None:
    text = run(*command.split(), "--help").out
    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_values_in_capitals_and_groups_in_one_order(run: Run, command: str) -> None:
    text = run(command, "--help").out
    assert "int range" not in text
    assert "<str>" not in text
    assert "{" not in text.partition("\n")[0]
    order = ["Arguments", "What and where", "Which checks", "The new row", "A class of yours"]
    order += ["Weights", "Building", "Output", "In CI", "Options"]
    groups = [line[:-1] for line in text.splitlines() if line[:-1] in order]
    assert groups == sorted(groups, key=order.index)
    assert groups[-1] == "Options"
