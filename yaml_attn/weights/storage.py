"""How a torch file names a storage: the kind of its numbers, its key, and how many there are."""

from __future__ import annotations

from typing import Final, NamedTuple

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.unpickle import Global, Persistent

WIDTHS: Final = {
    "BoolStorage": ("bool", 1),
    "ByteStorage": ("uint8", 1),
    "CharStorage": ("int8", 1),
    "ShortStorage": ("int16", 2),
    "IntStorage": ("int32", 4),
    "LongStorage": ("int64", 8),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "FloatStorage": ("float32", 4),
    "DoubleStorage": ("float64", 8),
    "UntypedStorage": ("uint8", 1),
}
"""Class of a storage -> dtype of its numbers, bytes of each."""


_LONGEST_KEY: Final = 1000


def shown(key: str) -> str:
    """A name that a file gives, fit to be printed."""
    text = ascii(key)
    return text if len(text) <= 100 else f"{text[:97]}...'"


class Storage(NamedTuple):
    """A storage: so many `numbers`, of `width` bytes each."""

    key: str
    dtype: str
    width: int
    numbers: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.width * self.numbers


def storage(outside: object) -> Storage:
    """The storage that a persistent id names.

    Raises:
        CheckpointError: it names none, or of a kind that no YOLO has (complex, quantized).
    """
    parts = outside.id if isinstance(outside, Persistent) else None
    if isinstance(parts, tuple) and len(parts) in {5, 6} and parts[0] == "storage":
        _, kind, key, _device, count, *view = parts
        name = kind.name if isinstance(kind, Global) else ""
        if name not in WIDTHS:
            raise CheckpointError(
                f"the numbers of a tensor are {shown(name)}, which is not supported"
            )
        whole = isinstance(count, int) and 0 <= count < 1 << 62
        if isinstance(key, str) and len(key) <= _LONGEST_KEY and whole and view in ([], [None]):
            return Storage(key, *WIDTHS[name], count)
    raise CheckpointError("the file is damaged: a tensor has no storage")
