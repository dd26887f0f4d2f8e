"""The files that weights come in: torch's zip, torch's older stream of pickles, safetensors.

Gives what the file describes as inert data (`pickled.py`) and the bytes of each storage on demand.
No size that a file claims is believed before the file is seen to be as long: nothing is allocated
that is not in it. Storages share no byte and are read once: all together are at most as large as
the file. What describes them is bounded by itself (`LARGEST_PICKLE`, `pickled.Budget`).

Formats: `torch.save` since 1.6 (`zip_file.py`) and before (magic number, version, system,
object, storage keys, then the storages); `safetensors_file.py`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, Final, NamedTuple

from yaml_attn.errors import CheckpointError
from yaml_attn.weights import zip_file
from yaml_attn.weights.safetensors import read_header
from yaml_attn.weights.storage import Storage, shown, storage
from yaml_attn.weights.unpickle import Budget, read

LARGEST_PICKLE: Final = 32 << 20
"""Bytes; those of YOLO checkpoints have less than 2 MB."""

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_VERSION: Final = 1001

_NOT_WEIGHTS: Final = (
    "Give the .pt of a training run, a state dict saved with torch.save, or a .safetensors file."
)


class Contents(NamedTuple):
    """A file of weights: the object it describes, and what gives the bytes of a storage."""

    root: Any
    load: Callable[[Storage], bytearray]


@contextmanager
def opened(path: Path) -> Iterator[Contents]:
    """The contents of a file of weights; storages can be loaded inside the `with`.

    Raises:
        CheckpointError: it cannot be opened, is damaged, or holds no weights.
    """
    try:
        size = _size(path)
        with path.open("rb") as file:
            yield _contents(file, size)
    except OSError as error:
        raise CheckpointError(f"cannot be read ({error.strerror})", path=path) from None
    except CheckpointError as error:
        error.path = path
        raise


def _size(path: Path) -> int:
    """Bytes of a regular file; a pipe or a device has no end that could be believed."""
    status = path.stat()
    if not S_ISREG(status.st_mode):
        kind = "a folder" if S_ISDIR(status.st_mode) else "no regular file"
        raise CheckpointError(f"this is {kind}", hint=_NOT_WEIGHTS)
    return status.st_size


def _contents(file: BufferedReader, size: int) -> Contents:
    start = file.read(9)
    file.seek(0)
    if start[:2] == b"PK":
        return _zip(file, size)
    if start[:2] == b"\x80\x02":
        return _stream(file, size)
    if start[8:] == b"{":
        tensors, places = read_header(file, size)
        return Contents(tensors, lambda wanted: _between(file, *places[wanted.key]))
    raise CheckpointError("this is no file of weights", hint=_NOT_WEIGHTS)


def _zip(file: BufferedReader, size: int) -> Contents:
    entries = zip_file.entries(file, size)
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise CheckpointError("this is a zip archive without weights", hint=_NOT_WEIGHTS)
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in entries:
        raise CheckpointError(
            "this is a TorchScript export, whose layers have no numbers",
            hint="Give the checkpoint that it was exported from.",
        )
    byteorder = entries.get(f"{folder}byteorder")
    if byteorder and (byteorder.size != 6 or _record(file, byteorder) != b"little"):
        raise CheckpointError("its numbers are big-endian, which is not supported")
    described = entries[pickles[0]]
    if described.size > LARGEST_PICKLE:
        raise CheckpointError(f"{shown(pickles[0])} claims to have {described.size} bytes")

    def load(wanted: Storage) -> bytearray:
        entry = entries.get(f"{folder}data/{wanted.key}")
        if entry is None or entry.size != wanted.size:
            found = "missing" if entry is None else f"of {entry.size} bytes"
            raise CheckpointError(
                f"the file is damaged: storage {shown(wanted.key)} is {found}, not of {wanted.size}"
            )
        return _record(file, entry)

    return Contents(read(_record(file, described)).value, load)


def _record(file: BufferedReader, entry: zip_file.Entry) -> bytearray:
    data = _between(file, entry.start, entry.end)
    if zlib.crc32(data) != entry.crc:
        raise CheckpointError("the archive is damaged: a checksum is wrong")
    return data


def _stream(file: BufferedReader, size: int) -> Contents:
    data, budget = file.read(min(size, LARGEST_PICKLE)), Budget()
    magic = read(data, 0, budget)
    if magic.value != _MAGIC:
        raise CheckpointError("this is a pickle, but not one of torch", hint=_NOT_WEIGHTS)
    version = read(data, magic.end, budget)
    system = read(data, version.end, budget)
    if version.value != _VERSION or not isinstance(system.value, dict):
        raise CheckpointError("it is of a version of torch's format that is not supported")
    if system.value.get("little_endian") is not True:
        raise CheckpointError("its numbers are big-endian, which is not supported")
    root = read(data, system.end, budget)
    keys = read(data, root.end, budget)
    widths = {found.key: found.width for found in _storages(root.outside)}
    places: dict[str, tuple[int, int]] = {}
    at = keys.end
    for key in keys.value if isinstance(keys.value, list) else []:
        if not isinstance(key, str) or key not in widths or at + 8 > size:
            raise CheckpointError("the file is cut off or damaged: a storage is missing")
        if key in places:
            raise CheckpointError(f"the file is damaged: it has storage {shown(key)} twice")
        file.seek(at)
        (count,) = struct.unpack("<q", file.read(8))
        first, at = at + 8, at + 8 + count * widths[key]
        if not first <= at <= size:
            raise CheckpointError(f"the file is cut off: storage {shown(key)} is not whole")
        places[key] = first, at

    def load(wanted: Storage) -> bytearray:
        first, end = places.get(wanted.key, (0, 0))
        if end - first != wanted.size:
            raise CheckpointError(
                f"the file is damaged: storage {shown(wanted.key)} has another size"
            )
        return _between(file, first, end)

    return Contents(root.value, load)


def _between(file: BufferedReader, first: int, end: int) -> bytearray:
    file.seek(first)
    data = bytearray(end - first)
    if file.readinto(data) != len(data):
        raise CheckpointError("the file was cut off as it was read")
    return data


def _storages(outside: list[Any]) -> Iterator[Storage]:
    for each in outside:
        # The other things that this format keeps outside are the sources of classes.
        if isinstance(each.id, tuple) and each.id[:1] == ("storage",):
            yield storage(each)
