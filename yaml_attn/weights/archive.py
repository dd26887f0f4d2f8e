"""The files that weights come in: torch's zip, torch's older stream of pickles, safetensors.

Gives what the file describes as inert data (`pickled.py`) and the bytes of each storage on demand.
No size that a file claims is believed before the file is seen to be as long: nothing is allocated
that is not in it, and all storages together are at most as large as it is.

Formats: `torch.save` since 1.6 (zip, nothing compressed) and before (magic number, version, system,
object, storage keys, then the storages); `safetensors_file.py`.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.pickled import read
from yaml_attn.weights.safetensors_file import read_header
from yaml_attn.weights.storage import Storage, storage

LARGEST_PICKLE: Final = 64 << 20
"""Bytes; those of YOLO checkpoints have less than 2 MB, and each byte may cost 100 when read."""

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
        with path.open("rb") as file:
            yield _contents(file, path.stat().st_size)
    except OSError as error:
        raise CheckpointError(f"cannot be read ({error.strerror})", path=path) from None
    except CheckpointError as error:
        error.path = path
        raise


def _contents(file: BinaryIO, size: int) -> Contents:
    start = file.read(9)
    file.seek(0)
    if start[:2] == b"PK":
        with _intact():
            archive = zipfile.ZipFile(file)
        return _zip(archive, size)
    if start[:2] == b"\x80\x02":
        return _stream(file.read())
    if start[8:] == b"{":
        tensors, places = read_header(file, size)

        def load(wanted: Storage) -> bytearray:
            first, end = places[wanted.key]
            file.seek(first)
            return bytearray(file.read(end - first))

        return Contents(tensors, load)
    raise CheckpointError("this is no file of weights", hint=_NOT_WEIGHTS)


def _zip(archive: zipfile.ZipFile, size: int) -> Contents:
    entries = {entry.filename: entry for entry in archive.infolist()}
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
    if byteorder and _record(archive, byteorder, 16) != b"little":
        raise CheckpointError("its numbers are big-endian, which is not supported")

    def load(wanted: Storage) -> bytearray:
        entry = entries.get(f"{folder}data/{wanted.key}")
        if entry is None or entry.file_size != wanted.size:
            found = "missing" if entry is None else f"of {entry.file_size} bytes"
            raise CheckpointError(
                f"the file is damaged: storage {wanted.key!r} is {found}, not of {wanted.size}"
            )
        return bytearray(_record(archive, entry, size))

    return Contents(read(_record(archive, entries[pickles[0]], LARGEST_PICKLE)).value, load)


def _record(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """One record, which must lie in the file as it is: then it is no larger than the file."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise CheckpointError(f"{entry.filename!r} is compressed, as torch never writes it")
    if entry.file_size != entry.compress_size or entry.file_size > limit:
        raise CheckpointError(f"{entry.filename!r} claims to have {entry.file_size} bytes")
    with _intact():
        return archive.read(entry)


@contextmanager
def _intact() -> Iterator[None]:
    """Whatever the standard library raises at a damaged archive, as an error of ours."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise CheckpointError(f"the archive is damaged: {error}") from None


def _stream(data: bytes) -> Contents:
    magic = read(data)
    if magic.value != _MAGIC:
        raise CheckpointError("this is a pickle, but not one of torch", hint=_NOT_WEIGHTS)
    version = read(data, magic.end)
    system = read(data, version.end)
    if version.value != _VERSION or not isinstance(system.value, dict):
        raise CheckpointError("it is of a version of torch's format that is not supported")
    if system.value.get("little_endian") is not True:
        raise CheckpointError("its numbers are big-endian, which is not supported")
    root = read(data, system.end)
    keys = read(data, root.end)
    widths = {found.key: found.width for found in _storages(root.outside)}
    places: dict[str, tuple[int, int]] = {}
    at = keys.end
    for key in keys.value if isinstance(keys.value, list) else []:
        if not isinstance(key, str) or key not in widths or at + 8 > len(data):
            raise CheckpointError("the file is cut off or damaged: a storage is missing")
        (count,) = struct.unpack_from("<q", data, at)
        first, at = at + 8, at + 8 + count * widths[key]
        if not first <= at <= len(data):
            raise CheckpointError(f"the file is cut off: storage {key!r} is not whole")
        places[key] = first, at

    def load(wanted: Storage) -> bytearray:
        first, end = places.get(wanted.key, (0, 0))
        if end - first != wanted.size:
            raise CheckpointError(f"the file is damaged: storage {wanted.key!r} has another size")
        return bytearray(data[first:end])

    return Contents(root.value, load)


def _storages(outside: list[Any]) -> Iterator[Storage]:
    for each in outside:
        # The other things that this format keeps outside are the sources of classes.
        if isinstance(each.id, tuple) and each.id[:1] == ("storage",):
            yield storage(each)
