"""Where the entries of torch's zip archives lie: stored one behind the other, none in another.

Python's `zipfile` believes a directory that names the same bytes a thousand times, and makes an
object of ten times the size of each of its entries. This reader takes what `torch.save` writes and
no more: stored entries, each in bytes of its own, as many as the directory says and no name twice.

Format: APPNOTE.TXT of PKWARE, 6.3; torch writes it with the fields of ZIP64.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from io import BufferedReader
from typing import Final, NamedTuple

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.storage import shown

MOST_ENTRIES: Final = 65_536
"""The largest YOLO with its average and the two moments of AdamW has 6,400."""

_LARGEST_DIRECTORY: Final = 8 << 20

_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_ENTRY: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")

_LONGEST_COMMENT: Final = 0xFFFF
_IN_EXTRA: Final = 0xFFFFFFFF
_ZIP64: Final = 1
_ENCRYPTED: Final = 1


class Entry(NamedTuple):
    """A record of the archive: where its bytes begin, where they end, their CRC-32."""

    start: int
    end: int
    crc: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.end - self.start


def entries(file: BufferedReader, size: int) -> Mapping[str, Entry]:
    """The entries of an archive by name; no two share a byte.

    Args:
        file: the archive.
        size: its size in bytes.

    Raises:
        CheckpointError: it is damaged, or is no archive as torch writes it.
    """
    at, end, count = _directory(file, size)
    if count > MOST_ENTRIES or end - at > _LARGEST_DIRECTORY:
        raise CheckpointError(f"the archive has {count} entries, and weights have thousands")
    file.seek(at)
    data = file.read(end - at)
    found: dict[str, Entry] = {}
    taken: list[tuple[int, int]] = []
    for name, offset, length, crc in _listed(data, count):
        text = _text(name)
        if text in found:
            raise CheckpointError(f"the archive is damaged: it has {shown(text)} twice")
        start = _start(file, offset, name)
        found[text] = Entry(start, start + length, crc)
        taken.append((offset, start + length))
    taken.sort()
    behind = [*(begin for begin, _ in taken[1:]), at]
    if any(end > begin for (_, end), begin in zip(taken, behind, strict=False)):
        raise CheckpointError("the archive is damaged: its entries overlap")
    return found


def _directory(file: BufferedReader, size: int) -> tuple[int, int, int]:
    """Where the directory begins and ends, and how many entries it has."""
    first = max(size - _END.size - _LONGEST_COMMENT, 0)
    file.seek(first)
    tail = file.read(size - first)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        raise CheckpointError("the archive is damaged or cut off: it has no directory")
    *_, count, length, at, comment = _END.unpack_from(tail, found)
    end = first + found
    if end + _END.size + comment != size:
        raise CheckpointError("the archive is damaged: it does not end where it says")
    if end >= _LOCATOR.size:
        file.seek(end - _LOCATOR.size)
        mark, _, where, _ = _LOCATOR.unpack(file.read(_LOCATOR.size))
        if mark == b"PK\x06\x07":
            end = where
            file.seek(min(where, size))
            record = file.read(_END_64.size)
            if len(record) < _END_64.size or not record.startswith(b"PK\x06\x06"):
                raise CheckpointError("the archive is damaged: its directory is not where it says")
            *_, count, length, at = _END_64.unpack(record)
    if at + length > end:
        raise CheckpointError("the archive is damaged: its directory does not fit in it")
    return at, at + length, count


def _listed(data: bytes, count: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Name, offset, size and checksum of each entry in the directory."""
    at = 0
    for _ in range(count):
        if len(data) - at < _ENTRY.size or not data.startswith(b"PK\x01\x02", at):
            break
        _, _, _, flags, method, _, _, crc, packed, size, *lengths, _, _, _, offset = (
            _ENTRY.unpack_from(data, at)
        )
        named, extra, comment = lengths
        at += _ENTRY.size
        name = data[at : at + named]
        wide = _wide(data[at + named : at + named + extra])
        at += named + extra + comment
        # What does not fit in 32 bits is in the extra field, in this order.
        size, packed, offset = (
            next(wide, _IN_EXTRA) if each == _IN_EXTRA else each for each in (size, packed, offset)
        )
        if method or flags & _ENCRYPTED:
            raise CheckpointError(f"{shown(_text(name))} is compressed, as torch never writes it")
        if size != packed:
            raise CheckpointError(f"{shown(_text(name))} claims to have {size} bytes")
        yield name, offset, size, crc
    if at != len(data):
        raise CheckpointError("the archive is damaged: its directory is not as long as it says")


def _wide(extra: bytes) -> Iterator[int]:
    """The numbers of 64 bits in an extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == _ZIP64:
            for each in range(at, min(at + length, len(extra)) - 7, 8):
                yield struct.unpack_from("<Q", extra, each)[0]
        at += length


def _start(file: BufferedReader, offset: int, name: bytes) -> int:
    """Where the bytes of an entry begin, behind a header of its own."""
    file.seek(offset)
    header = file.read(_LOCAL.size + len(name))
    if len(header) < _LOCAL.size + len(name) or not header.startswith(b"PK\x03\x04"):
        raise CheckpointError(f"the archive is damaged: {shown(_text(name))} is not where it says")
    named: int
    extra: int
    *_, named, extra = _LOCAL.unpack_from(header)
    if named != len(name) or header[_LOCAL.size :] != name:
        raise CheckpointError(f"the archive is damaged: it has two names for {shown(_text(name))}")
    return offset + _LOCAL.size + named + extra


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp437")
