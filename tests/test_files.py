"""Files are whole, old or new, whenever a run is killed, and the next run tidies up after it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from yaml_attn import files
from yaml_attn.errors import NoFileError, OutputError
from yaml_attn.files import (
    MOST_BYTES,
    digest,
    may_be_config,
    read_config,
    remove,
    remove_leftovers,
    standing,
    write_atomically,
)


def left_of(name: str) -> str:
    """What a killed run leaves of a file of this name."""
    return files._temporary(Path(name)).name


LEFT = left_of("x.yaml")
OLD = digest(b"old")

KILLED = """
import os, signal, sys
from pathlib import Path
from yaml_attn.files import digest, write_atomically

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(function):
    def both(*args, **keywords):
        function(*args, **keywords)
        die()
    return both

path, moment, old = sys.argv[1:]
owner, name = {"write": (os, "fsync"), "chmod": (Path, "chmod"),
               "replace": (Path, "replace"), "link": (os, "link")}[moment.removeprefix("after ")]
setattr(owner, name, die_after(getattr(owner, name)) if moment.startswith("after ") else die)
write_atomically(Path(path), b"new", over=digest(b"old") if old == "old" else None)
"""


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize(
    "moment", ["write", "after write", "after chmod", "replace", "after replace"]
)
def test_a_replaced_file_is_old_or_new_when_the_run_is_killed(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    killed = subprocess.run([sys.executable, "-c", KILLED, path, moment, "old"], check=False)
    assert killed.returncode == -9
    assert path.read_bytes() == (b"new" if moment == "after replace" else b"old")
    assert len(names(tmp_path)) == (1 if moment == "after replace" else 2)
    write_atomically(path, b"newer", over=standing(path))
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("moment", ["write", "after write", "link", "after link"])
def test_a_new_file_is_whole_or_missing_when_the_run_is_killed(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "x.yaml"
    killed = subprocess.run([sys.executable, "-c", KILLED, path, moment, "new"], check=False)
    assert killed.returncode == -9
    assert path.exists() == (moment == "after link")
    # Killed between the link and the removal, the file has two names.
    assert len(names(tmp_path)) == 1 + (moment == "after link")
    write_atomically(path, b"newer", over=standing(path))
    assert path.read_bytes() == b"newer"
    assert names(tmp_path) == ["x.yaml"]


def test_what_a_run_still_writes_is_left_alone_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    left = tmp_path / LEFT
    with left.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run writes it"):
            write_atomically(tmp_path / "x.yaml", b"new", over=None)
        assert names(tmp_path) == [LEFT]
    write_atomically(tmp_path / "x.yaml", b"new", over=None)
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize(
    "name", [left_of("y.yaml"), ".x.yaml.swp", ".x.yaml.yaml-attn", LEFT.removeprefix(".")]
)
def test_nothing_else_is_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"theirs")
    write_atomically(tmp_path / "x.yaml", b"new", over=None)
    assert names(tmp_path) == sorted([name, "x.yaml"])


def test_leftovers_of_all_named_files_are_removed_at_once(tmp_path: Path) -> None:
    for name in "xyz":
        (tmp_path / left_of(f"{name}.yaml")).touch()
    remove_leftovers(tmp_path, {"x.yaml", "z.yaml", "absent.yaml"})
    assert names(tmp_path) == [left_of("y.yaml")]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_no_leftover_stays_and_is_said_to_be_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "_PATIENCE", 0)
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    (tmp_path / LEFT).mkdir() if kind == "folder" else (tmp_path / LEFT).symlink_to(theirs)
    with pytest.raises(OutputError) as caught:
        write_atomically(tmp_path / "x.yaml", b"new", over=None)
    assert str(tmp_path / LEFT) in str(caught.value)
    assert (names(tmp_path), theirs.read_bytes()) == ([LEFT, "theirs"], b"theirs")


def test_a_file_taken_for_a_leftover_before_it_is_locked_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []

    def flock(file: Any, _: int) -> None:
        if not taken:  # the other run is faster
            taken.append(file.name)
            os.unlink(file.name)  # noqa: PTH108

    monkeypatch.setattr(files.fcntl, "flock", flock)
    write_atomically(tmp_path / "x.yaml", b"new", over=None)
    assert taken
    assert (tmp_path / "x.yaml").read_bytes() == b"new"
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("system", ["without locks", "a folder without locks"])
def test_where_there_are_no_locks_an_hour_tells_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    def flock(*_: object) -> None:
        raise OSError

    if system == "without locks":
        monkeypatch.setattr(files, "fcntl", None)
    else:
        monkeypatch.setattr(files.fcntl, "flock", flock)
    monkeypatch.setattr(files, "_PATIENCE", 0)
    path, left = tmp_path / "x.yaml", tmp_path / LEFT
    write_atomically(path, b"old", over=None)
    left.touch()
    with pytest.raises(OutputError, match="another run writes it"):
        write_atomically(path, b"new", over=OLD)
    assert (names(tmp_path), path.read_bytes()) == ([LEFT, "x.yaml"], b"old")
    now = left.stat().st_mtime
    os.utime(left, (now - 3700, now - 3700))
    write_atomically(path, b"new", over=OLD)
    assert (names(tmp_path), path.read_bytes()) == (["x.yaml"], b"new")


def test_a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    old.chmod(0o640)
    write_atomically(old, b"", over=standing(old))
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    before = os.umask(0o027)
    try:
        write_atomically(new, b"", over=None)
    finally:
        os.umask(before)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_a_link_stays_one_and_what_it_means_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "x.yaml", tmp_path / "link.yaml"
    path.write_bytes(b"old")
    link.symlink_to(path)
    write_atomically(link, b"new", over=OLD)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_a_file_that_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write_atomically(path, b"new", over=None)
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
        write_atomically(Path(name), b"new", over=None)
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
        write_atomically(Path("x.yaml"), b"new", over=None)


@pytest.mark.parametrize("meanwhile", ["changed", "removed", "created"])
@pytest.mark.parametrize("moment", ["before it is written", "while it is written"])
def test_what_happens_to_a_file_meanwhile_is_not_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str, moment: str
) -> None:
    path = tmp_path / "x.yaml"
    if meanwhile != "created":
        path.write_bytes(b"old")
    over = standing(path)

    def happen(*_: object) -> None:
        path.unlink() if meanwhile == "removed" else path.write_bytes(b"theirs")

    if moment == "while it is written":
        monkeypatch.setattr(os, "fsync", happen)
    else:
        happen()
    phrase = {"changed": "was changed", "removed": "is gone", "created": "exists already"}
    with pytest.raises(OutputError, match=phrase[meanwhile]):
        write_atomically(path, b"new", over=over)
    assert names(tmp_path) == ([] if meanwhile == "removed" else ["x.yaml"])
    assert meanwhile == "removed" or path.read_bytes() == b"theirs"


def test_of_many_who_replace_one_file_at_once_each_has_read_what_it_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"")
    done: list[int] = []

    def add(number: int) -> None:
        old = path.read_bytes()
        with contextlib.suppress(OutputError):
            write_atomically(path, old + b"%d\n" % number, over=digest(old))
            done.append(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(100)))
    assert sorted(map(int, path.read_bytes().split())) == sorted(done)
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        ("fifo", "a named pipe"),
        ("socket", "a socket"),
        ("device", "a device"),
        ("folder", "a folder"),
    ],
)
def test_what_is_no_file_is_never_replaced(tmp_path: Path, kind: str, phrase: str) -> None:
    path = tmp_path / "x.yaml"
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            server.bind(str(path))
        elif kind == "device":
            path.symlink_to("/dev/null")
        else:
            path.mkdir()
        before = path.stat()
        for over in (None, OLD):
            with pytest.raises(OutputError, match=phrase):
                write_atomically(path, b"new", over=over)
        assert path.stat().st_ino == before.st_ino
        assert stat.S_IFMT(path.stat().st_mode) == stat.S_IFMT(before.st_mode)
    assert names(tmp_path) == ["x.yaml"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_an_open_file_of_the_process_is_written_into(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    code = (
        "import sys; from pathlib import Path; from yaml_attn.files import write_atomically\n"
        "print('first'); write_atomically(Path(sys.argv[1]), b'new', over=None)"
    )
    command = [sys.executable, "-c", code, tmp_path / name]  # an absolute name stays as it is
    piped = subprocess.run(command, capture_output=True, check=True)
    assert piped.stdout == b"first\nnew"
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before\n")
        out.flush()
        subprocess.run(command, stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"before\nfirst\nnew"


def test_a_file_that_only_can_be_read_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(OutputError, match="is read-only"):
        write_atomically(path, b"new", over=OLD)
    with pytest.raises(OutputError, match="is read-only"):
        remove(path, over=OLD)
    assert path.read_bytes() == b"old"


def test_a_file_of_several_names_is_not_torn_apart(tmp_path: Path) -> None:
    path, other = tmp_path / "x.yaml", tmp_path / "y.yaml"
    path.write_bytes(b"old")
    os.link(path, other)
    with pytest.raises(OutputError, match="2 names of a file"):
        write_atomically(path, b"new", over=OLD)
    assert path.samefile(other)
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="only Linux has them in Python")
def test_a_replaced_file_keeps_its_extended_attributes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.origin", b"mine")
    except OSError:
        pytest.skip("the file system has none")
    write_atomically(path, b"new", over=OLD)
    assert os.getxattr(path, "user.origin") == b"mine"

    def refused(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "setxattr", refused)
    with pytest.raises(OutputError, match=r"user\.origin would be lost"):
        write_atomically(path, b"newer", over=digest(b"new"))
    assert path.read_bytes() == b"new"


def test_a_replaced_file_keeps_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"old")
    given: list[tuple[int, int]] = []
    real = path.stat()

    def chown(_: int, user: int, group: int) -> None:
        given.append((user, group))
        raise PermissionError(1, "Operation not permitted")

    def fstat(_: int) -> os.stat_result:  # of a new file: as if another user ran this
        values = list(os.stat(LEFT, dir_fd=folder))
        values[4] += 1
        return os.stat_result(values)

    folder = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(OutputError, match="its owner"):
        write_atomically(path, b"new", over=OLD)
    monkeypatch.undo()
    os.close(folder)
    assert given == [(real.st_uid, real.st_gid)]
    assert (names(tmp_path), path.read_bytes()) == (["x.yaml"], b"old")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("moment", ["fsync", "link", "chmod"])
def test_a_disk_that_fails_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, moment: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "x.yaml"
    over = None
    if moment != "link":
        path.write_bytes(b"old")
        over = OLD
    monkeypatch.setattr(*{"chmod": (Path, "chmod")}.get(moment, (os, moment)), fail)
    if moment == "link":  # where there are no links it is renamed
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=f"cannot be written .{os.strerror(number)}"):
        write_atomically(path, b"new", over=over)
    monkeypatch.undo()
    assert names(tmp_path) == (["x.yaml"] if over else [])
    assert not over or path.read_bytes() == b"old"


@pytest.mark.parametrize("letter", ["x", "\N{CJK UNIFIED IDEOGRAPH-6CE8}"])
def test_the_longest_name_that_there_is_can_be_written(tmp_path: Path, letter: str) -> None:
    size = len(letter.encode())
    path = tmp_path / (letter * (255 // size))
    for data in (b"new", b"newer"):
        write_atomically(path, data, over=standing(path))
        assert path.read_bytes() == data
    longer = path.with_name(path.name + letter)
    with pytest.raises(OutputError, match="cannot be"):
        write_atomically(longer, b"new", over=None)
    with pytest.raises(OutputError, match="cannot be read"):
        standing(longer)


def test_a_write_looks_at_no_other_file_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(*_: object) -> None:
        raise AssertionError("the folder is listed")

    for each in ("listdir", "scandir"):
        monkeypatch.setattr(os, each, listed)
    write_atomically(tmp_path / "x.yaml", b"new", over=None)


def test_only_what_is_as_it_was_read_is_removed(tmp_path: Path) -> None:
    path, link = tmp_path / "x.yaml", tmp_path / "link.yaml"
    path.write_bytes(b"theirs")
    link.symlink_to(path)
    with pytest.raises(OutputError, match="was changed"):
        remove(path, over=OLD)
    with pytest.raises(OutputError, match="is a link"):
        remove(link, over=digest(b"theirs"))
    assert names(tmp_path) == ["link.yaml", "x.yaml"]
    remove(path, over=digest(b"theirs"))
    remove(path, over=digest(b"theirs"))
    assert names(tmp_path) == ["link.yaml"]


def test_what_was_written_and_removed_is_known_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / name for name in "abc"]
    files.forget_written()
    write_atomically(paths[0], b"old", over=None)
    write_atomically(paths[1], b"old", over=None)
    remove(paths[1], over=OLD)
    with pytest.raises(OutputError):
        write_atomically(paths[0], b"new", over=None)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(paths[2], b"new", over=None)
    assert files.written() == paths[:2]
    files.forget_written()
    assert files.written() == []


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
