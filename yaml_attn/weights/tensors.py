"""Tensors from their descriptions: the one place where bytes of a file become numbers of torch.

Each must lie inside its storage and have no more numbers than that: a view that repeats numbers
(stride 0) would take any amount of memory as soon as it is copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.storage import Storage, shown, storage
from yaml_attn.weights.unpickle import Global, Stub

_MOST_DIMENSIONS: Final = 16

_REBUILT: Final = frozenset({"_rebuild_tensor", "_rebuild_tensor_v2"})
_WRAPPED: Final = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})


class Tensors:
    """Makes tensors of stand-ins; those that share a storage in the file share it here."""

    def __init__(self, load: Callable[[Storage], bytearray]) -> None:
        self._load = load
        self._storages: dict[str, bytearray] = {}

    @property
    def loaded(self) -> int:
        """Bytes of all storages loaded so far."""
        return sum(map(len, self._storages.values()))

    def tensor(self, described: Any) -> Tensor | None:
        """The tensor that a stand-in describes; None if it describes no plain tensor.

        Raises:
            CheckpointError: it does not fit its storage.
        """
        # A parameter wraps a tensor, and an attribute set on a tensor wraps it once more.
        for _ in range(4):
            name, args = _call(described)
            if name in _REBUILT:
                return self._rebuilt(args)
            if name in _WRAPPED and args:
                described = args[0]
            elif name == "_rebuild_from_type_v2" and len(args) == 4:
                described = Stub(args[0], args[2])
            elif name.startswith("_rebuild"):
                raise CheckpointError(
                    f"a tensor is made by torch's {shown(name)}, which is not supported"
                )
            else:
                return None
        return None

    def _rebuilt(self, args: tuple[Any, ...]) -> Tensor:
        try:
            outside, offset, shape, strides, *_ = args
        except ValueError:
            raise CheckpointError("the file is damaged: a tensor has no shape") from None
        found = storage(outside)
        _check(offset, shape, strides, found.numbers)
        dtype: torch.dtype = getattr(torch, found.dtype)
        if not found.numbers:
            return torch.empty(shape, dtype=dtype)
        return torch.frombuffer(self._bytes(found), dtype=dtype).as_strided(shape, strides, offset)

    def _bytes(self, wanted: Storage) -> bytearray:
        if wanted.key not in self._storages:
            self._storages[wanted.key] = self._load(wanted)
        data = self._storages[wanted.key]
        if len(data) != wanted.size:
            raise CheckpointError(f"the file is damaged: two sizes of storage {shown(wanted.key)}")
        return data


def _call(described: Any) -> tuple[str, tuple[Any, ...]]:
    """Name and arguments of the call of torch that a stand-in records; an empty name otherwise."""
    if isinstance(described, Stub) and isinstance(described.made_by, Global):
        made_by, args = described.made_by, described.args
        if made_by.module in {"torch._utils", "torch._tensor"} and isinstance(args, tuple):
            return made_by.name, args
    return "", ()


def _check(offset: Any, shape: Any, strides: Any, count: int) -> None:
    """Refuse a tensor that reaches beyond its storage, or has more numbers than it."""
    if not _are_tuples(shape, strides) or not len(shape) == len(strides) <= _MOST_DIMENSIONS:
        raise CheckpointError("the file is damaged: a tensor has an impossible shape")
    numbers = [offset, *shape, *strides]
    whole = all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)
    # Of a tensor without numbers torch multiplies the other lengths all the same.
    if not whole or math.prod(max(length, 1) for length in shape) >= 1 << 60:
        raise CheckpointError("the file is damaged: a tensor has an impossible shape")
    size = math.prod(shape)
    last = offset + sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
    if size and (last >= count or size > count):
        raise CheckpointError(
            f"the file is damaged: a tensor {list(shape)} does not fit its storage of {count}"
        )


def _are_tuples(*values: Any) -> bool:
    return all(isinstance(value, tuple) for value in values)
