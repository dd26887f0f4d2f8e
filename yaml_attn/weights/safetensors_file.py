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
from typing import Any, BinaryIO, Final

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.pickled import Global, Persistent, StandIn
from yaml_attn.weights.storage import WIDTHS

_LARGEST_HEADER: Final = 100_000_000

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


def read_header(file: BinaryIO, size: int) -> tuple[dict[str, StandIn], dict[str, tuple[int, int]]]:
    """The tensors as torch's files would describe them, and where in the file each lies.

    Args:
        file: the file, at its beginning.
        size: its size in bytes.

    Raises:
        CheckpointError: it is cut off or damaged.
    """
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(_LARGEST_HEADER, size - 8):
        raise CheckpointError("the file is cut off: its header is not whole")
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise CheckpointError("the file is damaged: its header is no JSON") from None
    if not isinstance(header, dict):
        raise CheckpointError("the file is damaged: its header is no mapping")
    tensors: dict[str, StandIn] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            storage, shape = _KINDS[entry["dtype"]], tuple(entry["shape"])
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            count = math.prod(shape)
            fits = 8 + length <= start <= end <= size and end - start == count * WIDTHS[storage][1]
            fits = fits and _are_sizes([*entry["data_offsets"], *shape])
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise CheckpointError(f"the file is damaged or cut off: {name!r} does not fit in it")
        places[name] = start, end
        outside = Persistent(("storage", Global("torch", storage), name, "cpu", count))
        strides = tuple(accumulate((1, *shape[:0:-1]), lambda step, wide: step * max(wide, 1)))
        args = (outside, 0, shape, strides[::-1][: len(shape)], False, None)
        tensors[name] = StandIn(Global("torch._utils", "_rebuild_tensor_v2"), args)
    if sum(end - start for start, end in places.values()) > size - 8 - length:
        raise CheckpointError("the file is damaged: its tensors overlap")
    return tensors, places


def _are_sizes(numbers: Sequence[Any]) -> bool:
    """Whether numbers can be the sizes of one tensor, also where another size is 0."""
    return all(type(each) is int and 0 <= each <= _LARGEST for each in numbers) and (
        math.prod(each or 1 for each in numbers[2:]) <= _LARGEST
    )


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
