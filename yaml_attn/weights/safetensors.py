"""The safetensors format, read and written: the length of a header, the header (JSON), the bytes.

So small that the package of this name is not needed. What is read is described as torch's own files
describe it, so that everything behind is one path.

Format: https://github.com/huggingface/safetensors, README "Format", version 0.3.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, BinaryIO, Final, NamedTuple

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.storage import WIDTHS, shown
from yaml_attn.weights.unpickle import Global, Persistent, Stub

LARGEST_HEADER: Final = 2 << 20
"""Bytes, each of which may cost 30 when it is read; the format itself allows 100 MB."""

_LARGEST: Final = (1 << 62) - 1

_KINDS: Final = {
    "BOOL": "BoolStorage",
    "U8": "ByteStorage",
    "I8": "CharStorage",
    "I16": "ShortStorage",
    "I32": "IntStorage",
    "I64": "LongStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "F32": "FloatStorage",
    "F64": "DoubleStorage",
}
"""The format's word for a dtype -> torch's class of storages."""

_WORDS: Final = {WIDTHS[storage][0]: word for word, storage in _KINDS.items()}


def read_header(file: BinaryIO, size: int) -> tuple[dict[str, Stub], dict[str, tuple[int, int]]]:
    """The tensors as torch's files would describe them, and where in the file each lies.

    Args:
        file: the file, at its beginning.
        size: its size in bytes.

    Raises:
        CheckpointError: it is cut off or damaged, or its tensors share bytes or leave some out.
    """
    (length,) = struct.unpack("<Q", file.read(8))
    if length > size - 8:
        raise CheckpointError("the file is cut off: its header is not whole")
    if length > LARGEST_HEADER:
        raise CheckpointError(f"its header has {length} bytes, and those of YOLOs 200,000")
    listed = _listed(file.read(length))
    tensors: dict[str, Stub] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, entry in listed.items():
        if name == "__metadata__":
            continue
        described = _described(name, entry)
        if described is None or described.end > size - 8 - length:
            raise CheckpointError(
                f"the file is damaged or cut off: {shown(name)} does not fit in it"
            )
        tensors[name] = described.tensor
        places[name] = 8 + length + described.start, 8 + length + described.end
    # As the format has it: one behind the other, from the first byte to the last.
    at = 8 + length
    for start, end in sorted(places.values()):
        if start != at:
            what = "overlap" if start < at else "leave bytes between them"
            raise CheckpointError(f"the file is damaged: its tensors {what}")
        at = end
    if at != size:
        raise CheckpointError(f"the file is damaged: {size - at} bytes belong to no tensor")
    return tensors, places


def _listed(header: bytes) -> dict[str, Any]:
    """The entries of a header."""
    try:
        listed = json.loads(header, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise CheckpointError(
            "the file is damaged: its header is no JSON, or has a name twice"
        ) from None
    if not isinstance(listed, dict):
        raise CheckpointError("the file is damaged: its header is no mapping")
    return listed


class _Described(NamedTuple):
    """A tensor as torch's files would describe it, and where it begins and ends."""

    tensor: Stub
    start: int
    end: int


def _described(name: str, entry: Any) -> _Described | None:
    """What an entry of the header says; None if that is no tensor."""
    match entry:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [start, end]}:
            pass
        case _:
            return None
    storage = _KINDS.get(kind)
    if storage is None or not _are_sizes(shape) or not all(_is_size(n) for n in (start, end)):
        return None
    count = math.prod(shape)
    if end - start != count * WIDTHS[storage][1]:
        return None
    outside = Persistent(("storage", Global("torch", storage), name, "cpu", count))
    strides = tuple(accumulate((1, *shape[:0:-1]), lambda step, wide: step * max(wide, 1)))
    args = (outside, 0, tuple(shape), strides[::-1][: len(shape)], False, None)
    return _Described(Stub(Global("torch._utils", "_rebuild_tensor_v2"), args), start, end)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _are_sizes(shape: Sequence[Any]) -> bool:
    """Whether a tensor can have this shape, also where one of its sizes is 0."""
    return all(map(_is_size, shape)) and math.prod(each or 1 for each in shape) <= _LARGEST


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def header(tensors: Mapping[str, tuple[str, tuple[int, ...], int]]) -> bytes:
    """What stands before the bytes of the tensors.

    Args:
        tensors: name -> dtype as torch names it, shape, size in bytes; in the order of the file.
    """
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape, size) in tensors.items():
        offsets = [at, at + size]
        entries[name] = {"dtype": _WORDS[dtype], "shape": list(shape), "data_offsets": offsets}
        at += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the bytes of the tensors start aligned
    return struct.pack("<Q", len(text)) + text
