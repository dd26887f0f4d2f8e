"""Reading a config within bounds, writing so that nobody's work is lost, and what a name means.

A file is written whole or not at all, and only over what its writer has read: `over` is the digest
of that. It is compared just before the file is replaced, while the new one, beside it, is locked;
its name follows from the file's, so two runs never replace one file at once, and what a killed run
left is found without a search.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from yaml_attn.errors import NoFileError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MOST_BYTES: Final = 4 * 2**20
"""The size of the largest file that is read as a config: some 100,000 rows."""

EXISTS_HINT = "Use --force to replace it, or -o for another name."
_CHANGED_HINT = "Run the command again: it starts from what is there now."

_ABANDONED: Final = 3600
"""Seconds after which a temporary file is nobody's, where files cannot be locked."""
_PATIENCE: Final = 30
"""Seconds to wait for another run that writes the same file."""
_PAUSE: Final = 0.01
_CHUNK: Final = 1 << 20
_LINKS: Final = 40
"""Links to follow from a name; what the kernel does too."""

_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


def read_config(path: Path) -> bytes:
    """The bytes of a file that may be a config: a regular file of at most `MOST_BYTES`.

    Nothing else is opened: a pipe would never end, nor would some devices.

    Args:
        path: the file; links are followed.

    Raises:
        NoFileError: it is no such file, or cannot be read.
    """
    try:
        _refuse(path, os.stat(path))  # noqa: PTH116 (of Path.stat, too, one system call)
        with open(path, "rb", opener=_at_once) as file:
            _refuse(path, os.fstat(file.fileno()))  # it may have been exchanged meanwhile
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise NoFileError("no such file", path=path) from None
    except OSError as error:
        raise NoFileError(f"cannot be read ({error.strerror})", path=path) from None
    except ValueError:
        raise NoFileError("no such file: no name has a NUL in it", path=path) from None
    if len(data) > MOST_BYTES:  # files of /proc say that they are empty, others grow
        raise _too_large(path)
    return data


def may_be_config(path: Path) -> bool:
    """Whether this is a file that `read_config` would read, as far as its entry tells."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size <= MOST_BYTES


def _refuse(path: Path, found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        hint = "Name one of the files in it."
        raise NoFileError("is a folder, not a config file", path=path, hint=hint)
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
        hint = "Save what it gives in a file, and name that."
        raise NoFileError(f"is {kind}, not a config file", path=path, hint=hint)
    if found.st_size > MOST_BYTES:
        raise _too_large(path)


def _too_large(path: Path) -> NoFileError:
    most = f"{MOST_BYTES // 2**20} MiB"
    return NoFileError(f"is no config: it is larger than {most}, and is not read", path=path)


def _at_once(name: str, flags: int) -> int:
    """Open without waiting for somebody who writes into a pipe."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


class _Identity(NamedTuple):
    """What tells a file from every other, whatever it is called."""

    device: int
    inode: int


_changes: Final[list[tuple[Path, _Identity | None]]] = []
"""Each file that this process gave a name, or was about to; None where it took the file away."""


def written() -> list[Path]:
    """The files that this process wrote or removed and that are still so, in that order."""
    return [path for path, identity in dict(_changes).items() if _identity(path) == identity]


def forget_written() -> None:
    """Begin to count anew: a process may run several commands."""
    _changes.clear()


def digest(data: bytes) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    from hashlib import sha256  # noqa: PLC0415 (OpenSSL, which only what writes needs)

    return sha256(data).hexdigest()


def standing(path: Path) -> str | None:
    """The digest of the file that stands there, a link followed; None if there is none.

    Raises:
        OutputError: what stands there is no file, or cannot be read.
    """
    return None if descriptor(path) is not None else _digest_at(path, path)


def refuse_irreplaceable(path: Path) -> None:
    """Refuse a file that a new one could not take the place of.

    Raises:
        OutputError: it is read-only, or has other names (hard links), which would keep the old
            content.
    """
    if descriptor(path) is None and _identity(path):
        _remove_leftover(_temporary(_resolved(path)))  # it may be a second name of the file
        _refuse_loss(path, path)


def refuse_outside(path: Path, folder: Path) -> None:
    """Refuse a file that links lead out of the folder that the user named.

    Raises:
        OutputError: it is one.
    """
    real = _resolved(path)
    if not real.is_relative_to(_resolved(folder)):
        raise OutputError(
            f"is a link that leads out of {folder}, to {real}: it is not changed", path=path
        )


def descriptor(path: Path) -> int | None:
    """The number of an open file of this process that a path means; `/dev/stdout` is 1."""
    try:
        opened = os.path.realpath("/dev/fd")
        for _ in range(_LINKS):
            folder = os.path.realpath(path.parent)
            if folder == opened and path.name.isascii() and path.name.isdecimal():
                return int(path.name)
            path = Path(folder, path.readlink())
    except (OSError, ValueError):  # it is no link
        pass
    return None


def write_atomically(path: Path, data: bytes, *, over: str | None) -> None:
    """Write a file so that nobody ever sees half of it, not after a kill or a full disk either.

    What killed runs left of the same file is removed. A file that is replaced hands on its mode,
    owner and extended attributes.

    Args:
        path: the file; a link is followed. What means an open file of this process, such as
            `/dev/stdout`, is written into.
        data: its new content.
        over: the digest of what it replaces, as that was read; None where no file may be.

    Raises:
        OutputError: the file was changed since, or exists, or cannot be replaced without a loss, or
            cannot be written. Whatever stood there is untouched.
    """
    with _refused(path, "written"):
        number = descriptor(path)
        if number is not None:
            _write_into(number, data)
            return
        real = _resolved(path)
        with _claimed(real) as new:
            _refuse_changed(path, real, over)
            if over is not None:
                _refuse_loss(path, real)
                _hand_on(path, real, new)
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
            if fcntl is None:
                new.close()  # Windows renames no open file
            temporary = _temporary(real)
            _changes.append((path, _identity(temporary)))
            _refuse_changed(path, real, over)
            if over is None:
                _place(temporary, real)
            else:
                temporary.replace(real)


def remove(path: Path, *, over: str) -> None:
    """Remove a file as it was read; one that is gone already stays so.

    Args:
        path: the file; no link.
        over: its digest, as it was read.

    Raises:
        OutputError: it was changed since, or cannot be removed.
    """
    with _refused(path, "removed"), _claimed(path.absolute()):
        if path.is_symlink():
            raise OutputError("is a link, which nothing of ours is", path=path)
        if standing(path) is None:
            return
        _refuse_changed(path, path, over)
        _refuse_read_only(path, path)
        _changes.append((path, None))
        path.unlink()


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed runs left of files with these names, and nothing that a run still writes.

    Args:
        folder: where the files stand.
        names: their names, not those of the temporary files.
    """
    for name in names:
        _remove_leftover(_temporary(_resolved(folder) / name))


@contextlib.contextmanager
def _refused(path: Path, verb: str) -> Iterator[None]:
    """What the system refuses, in our words."""
    try:
        yield
    except FileExistsError:
        raise OutputError("exists already", path=path, hint=EXISTS_HINT) from None
    except FileNotFoundError:
        folder = _resolved(path).parent if path.is_symlink() else path.parent
        hint = f"Create the folder {folder} first, or name another with -o."
        raise OutputError("its folder does not exist", path=path, hint=hint) from None
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot be {verb} ({_why(error)})", path=path) from None


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _resolved(path: Path) -> Path:
    """The path without links; a loop of them is an error of the system's."""
    try:
        return path.resolve()
    except RuntimeError:  # before Python 3.13
        raise OutputError("is a loop of links", path=path) from None


def _digest_at(real: Path, path: Path) -> str | None:
    from hashlib import sha256  # noqa: PLC0415

    try:
        mode = real.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OutputError(
                f"is {_KINDS.get(stat.S_IFMT(mode), 'no file')}, which is never replaced",
                path=path,
                hint="Name a file; `-o -` writes to stdout, for a pipe.",
            )
        found = sha256()
        with real.open("rb") as file:
            while data := file.read(_CHUNK):
                found.update(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot be read ({_why(error)})", path=path) from None
    return found.hexdigest()


def _refuse_changed(path: Path, real: Path, over: str | None) -> None:
    """Refuse a file that is not as it was read."""
    now = _digest_at(real, path)
    if now == over:
        return
    if over is None:
        raise FileExistsError
    state = "is gone" if now is None else "was changed"
    message = f"{state} since it was read; it is left so"
    raise OutputError(message, path=path, hint=_CHANGED_HINT)


def _refuse_loss(path: Path, real: Path) -> None:
    """Refuse to put a new file in the place of one that must not, or cannot, be replaced by it."""
    _refuse_read_only(path, real)
    links = real.stat().st_nlink
    if links > 1:
        raise OutputError(
            f"is one of {links} names of a file (hard links), of which the others would "
            "keep the old content",
            path=path,
            hint="Make this one a file of its own first: copy it, and rename the copy to it.",
        )


def _refuse_read_only(path: Path, real: Path) -> None:
    # A superuser may write it all the same; somebody has said that nobody should.
    if not real.stat().st_mode & 0o222 or not os.access(real, os.W_OK):
        raise OutputError("is read-only", path=path, hint="Make it writable first: chmod u+w.")


def _write_into(number: int, data: bytes) -> None:
    """Write into an open file, behind what was printed to it so far."""
    sys.stdout.flush()
    sys.stderr.flush()
    with open(number, "wb", closefd=False) as file:
        file.write(data)


def _temporary(path: Path) -> Path:
    """Where a file is written before it has its name; short, however long that is."""
    return path.with_name(f".{digest(os.fsencode(path.name))[:16]}.yaml-attn")


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[BinaryIO]:
    """A new temporary file, which one run has at a time: until its end, or that of its process.

    Raises:
        OutputError: another run has it.
    """
    temporary = _temporary(path)
    file = _create(path)
    mine = _identity_of(os.fstat(file.fileno()))
    try:
        yield file
    finally:
        if fcntl is None:
            file.close()  # Windows removes no open file
        with contextlib.suppress(OSError):
            # Once it was renamed, the name may be another run's already.
            if _identity(temporary) == mine:
                temporary.unlink()
        with contextlib.suppress(OSError):
            file.close()


def _create(path: Path) -> BinaryIO:
    """The temporary file, new and locked."""
    temporary = _temporary(path)
    # What replaces a file is for the user alone until it has that one's mode.
    opener = _private if path.exists() else None
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            file = open(temporary, "xb", opener=opener)  # noqa: SIM115 (the caller closes it)
        except FileExistsError:
            if _remove_leftover(temporary):
                continue
            if time.monotonic() > end:
                hint = f"If no other run is under way, delete what one left: {temporary}"
                raise OutputError("another run writes it", path=path, hint=hint) from None
            time.sleep(_PAUSE)
            continue
        if _lock(file) is not False and _is_at(temporary, file):
            return file
        file.close()  # another run took it for a leftover before it was locked


def _lock(file: BinaryIO) -> bool | None:
    """Lock an open file: whether it was free, or None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def _remove_leftover(temporary: Path) -> bool:
    """Remove what a killed run left, unless a run still writes it; whether the name is free.

    A temporary file is locked as long as its run lives; where there are no locks, it is nobody's
    after an hour.
    """
    try:
        with open(temporary, "r+b", opener=_without_link) as file:
            free = _lock(file)
            if free is None:
                free = time.time() - os.fstat(file.fileno()).st_mtime > _ABANDONED
            if fcntl is None:
                file.close()
            if not free or not (fcntl is None or _is_at(temporary, file)):
                return False
            temporary.unlink()
    except FileNotFoundError:
        return True
    except OSError:  # a folder, a link, or another user's
        return False
    return True


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _without_link(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _identity_of(status: os.stat_result) -> _Identity:
    return _Identity(status.st_dev, status.st_ino)


def _identity(path: Path) -> _Identity | None:
    """Of the file that stands there, if one does."""
    try:
        return _identity_of(path.stat())
    except (OSError, ValueError):
        return None


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether an open file still has this name."""
    return _identity(path) == _identity_of(os.fstat(file.fileno()))


def _hand_on(path: Path, real: Path, new: BinaryIO) -> None:
    """Give a new file the owner, the extended attributes and the mode of the one it replaces.

    Raises:
        OutputError: it cannot have one of these.
    """
    old, fresh = real.stat(), os.fstat(new.fileno())
    if (old.st_uid, old.st_gid) != (fresh.st_uid, fresh.st_gid):
        try:
            os.chown(new.fileno(), old.st_uid, old.st_gid)
        except OSError:
            raise _lost(path, f"its owner (user {old.st_uid}, group {old.st_gid})") from None
    if hasattr(os, "listxattr"):
        _hand_on_attributes(path, real, new.fileno())
    # Behind the owner, whose change takes away some of it.
    _temporary(real).chmod(stat.S_IMODE(old.st_mode))


def _hand_on_attributes(path: Path, real: Path, new: int) -> None:
    try:
        names = os.listxattr(real)
    except OSError:  # a file system without them
        return
    for name in names:
        value = os.getxattr(real, name)
        try:
            if name not in os.listxattr(new) or os.getxattr(new, name) != value:
                os.setxattr(new, name, value)
        except OSError:
            raise _lost(path, f"its extended attribute {name}") from None
    for name in {*os.listxattr(new)} - {*names}:  # the folder's default for new files
        with contextlib.suppress(OSError):
            os.removexattr(new, name)


def _lost(path: Path, what: str) -> OutputError:
    hint = "Write to another file, and copy its content into this one."
    return OutputError(f"cannot be replaced: {what} would be lost", path=path, hint=hint)


def _place(temporary: Path, path: Path) -> None:
    """Give the file its name unless something has it; a link does both in one step."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError from None
        temporary.replace(path)


def exists(path: str | Path) -> bool:
    """Whether there is something of this name; where that cannot be known, opening it says why."""
    try:
        os.stat(path)  # noqa: PTH116 (Python's versions differ in what pathlib's raises)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no name has a zero
        return False
    except OSError:
        return True
    return True


def is_file(path: str | Path) -> bool:
    """Whether it can be seen that there is a file, or a link to one."""
    return os.path.isfile(path)  # noqa: PTH113 (see `exists`)


def is_folder(path: str | Path) -> bool:
    """Whether it can be seen that there is a folder, or a link to one."""
    return os.path.isdir(path)  # noqa: PTH112 (see `exists`)


def real_path(path: str | Path) -> Path:
    """The absolute path without links; what cannot be one, as a loop of them, is left as it is."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # no name has a zero
        return Path(path)


def templates() -> dict[str, Path]:
    """The base configs that ship with the package, by file name."""
    package = Path(__file__).parent
    # In the wheel they lie inside the package, in a checkout beside it.
    for folder in (package / "templates", package.parent / "templates"):
        found = {path.name: path for path in sorted(folder.glob("*.yaml"))}
        if found:
            return found
    return {}


def installed() -> dict[str, Path]:
    """The configs of an installed ultralytics, by file name; nothing of it is imported."""
    spec = find_spec("ultralytics")
    places = (spec.submodule_search_locations or []) if spec else []
    folders = [Path(place) / "cfg" / "models" for place in places]
    return {path.name: path for folder in folders for path in sorted(folder.rglob("*.yaml"))}


def find_file(name: str) -> Path:
    """The file of this name: a path, a template, or a config of an installed ultralytics.

    Raises:
        NoFileError: there is none.
    """
    path = Path(name)
    if exists(path):
        return path
    for named in (templates, installed):
        there = named()
        for candidate in (name, f"{name}.yaml"):
            if candidate in there:
                return there[candidate]
    raise NoFileError(
        "no such file, and no template of this name",
        path=path,
        hint="yolov8n.yaml is yolov8.yaml at scale n; where Ultralytics is installed, its configs "
        f"are found too. Templates: {', '.join(templates())}.",
    )
