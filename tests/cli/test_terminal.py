"""What a terminal of 80 columns shows: nothing longer, and no number, reference or path cut."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from yaml_attn.files import templates

pty = pytest.importorskip("pty")

WIDTH = 80


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`yolov5s.yaml`, and an edit of it whose references were not renumbered."""
    folder = tmp_path_factory.mktemp("terminal")
    text = templates()["yolov5s.yaml"].read_text()
    (folder / "yolov5s.yaml").write_text(text)
    row = "  - [-1, 3, C3, [1024]]\n"
    (folder / "paste.yaml").write_text(text.replace(row, row + "  - [-1, 1, SE, [1024]]\n", 1))
    return folder


def shown(folder: Path, *args: str) -> str:
    """What `yaml-attn ARGS` prints in a terminal, both streams."""
    import fcntl  # noqa: PLC0415 (there is none on Windows)
    import termios  # noqa: PLC0415

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    environment = {key: os.environ[key] for key in os.environ if key not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        [sys.executable, "-c", "from yaml_attn.cli import main; main()", *args],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "NO_COLOR": "1", "TERM": "dumb"},
    ):
        os.close(theirs)
        read = bytearray()
        try:
            while piece := os.read(ours, 4096):
                read += piece
        except OSError:  # Linux says so at the end
            pass
        os.close(ours)
    return read.decode().replace("\r\n", "\n")


def assert_fits(text: str) -> None:
    assert text
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_a_layer_takes_one_line_and_no_shape_or_number_is_broken(folder: Path) -> None:
    text = shown(folder, "show", "yolov7-tiny.yaml", "--build")
    assert_fits(text)
    for row in (
        r" 0 -1 +1 Conv +\[32, 3, 2, …\] +32x320x320 +928 +177",
        r" 6 \[-1, -2, -3, -4\] 1 Concat +\[1\] +128x160x160 +0 +0",
        r"77 \[74, 75, 76\] +1 IDetect +\[nc, anchors\] +3x80x80x85 +230,906 +731",
    ):
        assert re.search(f"^{row}$", text, re.MULTILINE), row
    assert "shows more: reads, stride." in text


def test_references_of_a_preview_are_broken_between_each_other_alone(folder: Path) -> None:
    text = shown(folder, "diff", "--base", "yolov5s.yaml", "--module", "SE", "--after", "8")
    table = text[text.index("   old  new") :].partition("\n\n")[0]
    assert_fits(table)
    assert re.search(r"\[-1, 14\] .*\n +-> \[-1, 15\]$", table, re.MULTILINE)
    assert re.search(r"9 \(SE\),\n +not 8 \(C3\)$", table, re.MULTILINE)


def test_findings_hang_under_their_place(folder: Path) -> None:
    text = shown(folder, "check", "paste.yaml")
    assert_fits(text)
    head = next(line for line in text.splitlines() if "YA102 error" in line)
    following = text.splitlines()[text.splitlines().index(head) + 1]
    assert re.match(r"  \d+:\d+ YA102", head)
    assert re.match(r" {6}\w", following)
    assert "can be repaired: yaml-attn check paste.yaml --fix" in text


@pytest.mark.parametrize(
    "command",
    [
        ["modules"],
        ["modules", "--source", "tutorial"],
        ["modules", "CrossAttention"],
        ["export", "-o", "attention.py"],
        ["diff", "--base=yolov7-tiny.yaml", "--module=SE", "--after=detect"],
        ["places", "yolov5s.yaml"],
        ["show", "yolov5s.yaml"],
        ["check", "--explain", "YA102"],
        ["show", "a-folder-of-a-name/that-is-no-template/nor-a-file.yaml"],
    ],
)
def test_nothing_is_longer_than_the_terminal(folder: Path, command: list[str]) -> None:
    assert_fits(shown(folder, *command))


def test_the_arguments_of_a_mechanism_are_told_one_a_line_as_in_a_file(folder: Path) -> None:
    text = shown(folder, "modules", "CBAM")
    assert_fits(text)
    assert "\n             identity_init: start as the identity, exactly (see the two\n" in text


def test_a_path_that_is_written_stays_whole(folder: Path) -> None:
    path = f"{'long-folder-name/' * 6}edited.yaml"
    (folder / path).parent.mkdir(parents=True)
    edit = ["insert", "--base=yolov5s.yaml", "--module=SE", "--after=8", "--no-build"]
    assert shown(folder, *edit, "-o", path).endswith(f"\nWrote\n{path}\n")


def test_a_path_in_an_error_stays_whole_and_words_are_not_cut(folder: Path) -> None:
    path = f"{'long-folder-name/' * 6}config.yaml"
    text = shown(folder, "show", path)
    assert path in text
    assert "Templates: " in text
    assert " ".join(text.split()).endswith(f"{', '.join(templates())}.")
