"""Files are whole, old or new, whenever a run is killed, and the next run tidies up after it."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from yaml_attn import files
from yaml_attn.errors import NoFileError, OutputError
from yaml_attn.files import (
    MOST_BYTES,
    may_be_config,
    read_config,
    remove_leftovers,
    write_atomically,
)

LEFT = ".x.yaml.0123456789abcdef.yaml-attn"
"""What a killed run leaves of x.yaml."""

KILLED = """
import os, signal, sys
from pathlib import Path
from yaml_attn.files import write_atomically

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(function):
    def both(*args, **keywords):
        function(*args, **keywords)
        die()
    return both

path, moment, replace = sys.argv[1:]
owner, name = {"write": (os, "fsync"), "chmod": (Path, "chmod"),
               "replace": (Path, "replace"), "link": (os, "link")}[moment.removeprefix("after ")]
setattr(owner, name, die_after(getattr(owner, name)) if moment.startswith("after ") else die)
write_atomically(Path(path), b"new", replace=replace == "yes")
"""


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize(
    "moment", ["write", "after write", "after chmod", "replace", "after replace"]
)
def test_a_replaced_file_is_old_or_new_when_the_run_is_killed(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, path, moment, "yes"], check=False)
    assert killed.returncode == -9
    assert path.read_bytes() == (b"new" if moment == "after replace" else b"old")
    assert len(names(tmp_path)) == (1 if moment == "after replace" else 2)
    write_atomically(path, b"newer", replace=True)
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("moment", ["write", "after write", "link", "after link"])
def test_a_new_file_is_whole_or_missing_when_the_run_is_killed(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.yaml"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, moment, "no"], check=False)
    assert killed.returncode == -9
    assert path.exists() == (moment == "after link")
    # Killed between the link and the removal, the file has two names.
    assert len(names(tmp_path)) == 1 + (moment == "after link")
    write_atomically(path, b"newer", replace=True)
    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["x.yaml"]


def test_what_a_run_still_writes_is_left_alone(tmp_path: Path) -> None:
    left = tmp_path / LEFT
    with left.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_atomically(tmp_path / "x.yaml", b"new", replace=False)
        assert names(tmp_path) == [LEFT, "x.yaml"]
    write_atomically(tmp_path / "x.yaml", b"new", replace=True)
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize(
    "name",
    [
        ".y.yaml.0123456789abcdef.yaml-attn",  # of another file
        ".x.yaml.bak.0123456789abcdef.yaml-attn",
        ".x.yaml.0123456789abcdef",
        ".x.yaml.0123456789abcdeg.yaml-attn",
        ".x.yaml.0123456789abcde.yaml-attn",
        ".x.yaml.0123456789abcdef.yaml-attn.orig",
        "x.yaml.0123456789abcdef.yaml-attn",
        ".x.yaml.abcdefgh.tmp",
        ".x.yaml.swp",
    ],
)
def test_nothing_else_is_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"theirs")
    write_atomically(tmp_path / "x.yaml", b"new", replace=False)
    assert names(tmp_path) == sorted([name, "x.yaml"])


def test_leftovers_of_all_named_files_are_removed_at_once(tmp_path: Path) -> None:
    for name in (LEFT, LEFT.replace("x", "y", 1), LEFT.replace("x", "z", 1)):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, {"x.yaml", "z.yaml", "absent.yaml"})
    assert names(tmp_path) == [LEFT.replace("x", "y", 1)]


def test_a_folder_of_that_name_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / LEFT).mkdir()
    write_atomically(tmp_path / "x.yaml", b"new", replace=False)
    assert (tmp_path / LEFT).is_dir()


def test_a_file_taken_for_a_leftover_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def flock(file: Any, _: int) -> None:
        if not taken:  # the other run is faster
            taken.append(file.name)
            os.unlink(file.name)  # noqa: PTH108

    monkeypatch.setattr(files.fcntl, "flock", flock)
    write_atomically(tmp_path / "x.yaml", b"new", replace=False)
    assert taken
    assert (tmp_path / "x.yaml").read_bytes() == b"new"
    assert names(tmp_path) == ["x.yaml"]


def test_where_files_cannot_be_locked_they_are_written_all_the_same_and_nothing_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(files.fcntl, "flock", flock)
    (tmp_path / LEFT).touch()
    write_atomically(tmp_path / "x.yaml", b"new", replace=False)
    assert (tmp_path / "x.yaml").read_bytes() == b"new"
    assert names(tmp_path) == [LEFT, "x.yaml"]


def test_where_there_are_no_locks_an_hour_tells_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "fcntl", None)
    left = tmp_path / LEFT
    left.touch()
    write_atomically(tmp_path / "x.yaml", b"new", replace=False)
    assert names(tmp_path) == [LEFT, "x.yaml"]
    now = left.stat().st_mtime
    os.utime(left, (now - 3700, now - 3700))
    write_atomically(tmp_path / "x.yaml", b"newer", replace=True)
    assert (tmp_path / "x.yaml").read_bytes() == b"newer"
    assert names(tmp_path) == ["x.yaml"]


def test_a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(0o640)
    write_atomically(old, b"", replace=True)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        write_atomically(new, b"", replace=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_a_link_stays_one_and_what_it_means_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "x.yaml", tmp_path / "link.yaml"
    path.write_bytes(b"old")
    link.symlink_to(path)
    write_atomically(link, b"new", replace=True)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_file_that_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_atomically(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("name", ["none/x.yaml", "link.yaml"])
def test_a_refusal_names_the_file_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = Path("none")
    if name == "link.yaml":
        missing = tmp_path.resolve() / "gone"
        Path(name).symlink_to(missing / "x.yaml")
    with pytest.raises(OutputError) as caught:
        write_atomically(Path(name), b"new", replace=True)
    assert str(caught.value) == (
        f"{name}: its folder does not exist\n"
        f"Create the folder {missing} first, or name another with -o."
    )


def test_a_file_that_is_there_is_named_as_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"^x\.yaml: exists already"):
        write_atomically(Path("x.yaml"), b"new", replace=False)


NO_CONFIG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (lambda path: path.mkdir(), "is a folder"),
    "a pipe": (os.mkfifo, "is a named pipe"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "a terminal's file": (lambda path: path.symlink_to("/dev/null"), "is a device"),
    "too large": (lambda path: os.truncate(_empty(path), MOST_BYTES + 1), "larger than 4 MiB"),
    "nothing": (lambda _: None, "no such file"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "no such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "cannot be read"),
}


def _empty(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize("kind", NO_CONFIG)
def test_what_cannot_be_a_config_is_not_read(kind: str, tmp_path: Path) -> None:
    make, problem = NO_CONFIG[kind]
    path = tmp_path / "x.yaml"
    make(path)
    with pytest.raises(NoFileError, match=problem) as caught:
        read_config(path)
    assert caught.value.path == path
    assert "\n" not in caught.value.message
    assert not may_be_config(path)


def test_a_file_that_grows_while_it_is_read_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_refuse", lambda *_: None)
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(NoFileError, match="larger"):
        read_config(path)


def test_a_file_of_just_the_most_bytes_is_read_and_so_is_one_behind_a_link(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * MOST_BYTES)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    assert len(read_config(link)) == MOST_BYTES
    assert may_be_config(link)


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 300 + ".yaml"])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(NoFileError):
        read_config(tmp_path / name)
    assert not may_be_config(tmp_path / name)
