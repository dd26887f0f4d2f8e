"""Reads a pickle as data: what the file wants called is written down, and never called.

A pickle is a program for a small stack machine, and loading one runs whatever it names; the usual
defence lists what may run. Here there is nothing to run: this machine is our own, imports nothing
that a file names, and makes plain values, `Global` names and `Stub` records of calls and states.
Nothing here recurses, and each step is paid from a `Budget` before it is taken: an empty set is one
byte of a pickle and a hundred of memory.

Opcodes and their meaning: `pickletools` of the standard library, protocols 2 to 5. (Protocols 0
and 1, which no version of torch writes, are refused.)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import getsizeof
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from yaml_attn.errors import CheckpointError

NEWEST_PROTOCOL: Final = 5
_LONGEST_NAME: Final = 1000

LARGEST: Final = 128 << 20
"""Bytes of memory that the objects of a pickle may take: five times those of the largest YOLO with
its average and the two moments of AdamW (yolov9e, 24 MB)."""

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


class Budget:
    """Memory that may still be used, in bytes of what CPython 3.10 to 3.14 allocates at most."""

    def __init__(self) -> None:
        self.left = LARGEST

    def spend(self, size: int) -> None:
        """Take so many bytes.

        Raises:
            CheckpointError: there are not as many left.
        """
        self.left -= size
        if self.left < 0:
            raise CheckpointError(
                f"the pickle describes more objects than fit in {LARGEST >> 20} MB, which those "
                "of a YOLO's checkpoint do five times"
            )


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or function. Only the name: nothing is looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True, repr=False)
class Stub:
    """Stands for an object: which call would have made it, and what it would have been given.

    `made_by` is a `Global` in every honest file. `state` is what its `__setstate__` or `__dict__`
    would have got; `entries` what was set by `object[key] = value`, `elements` what was appended.
    (It does not print what it holds, which could be itself, or the same a million times.)
    """

    made_by: Any
    args: Any
    state: Any = None
    entries: Mapping[Any, Any] = field(default_factory=lambda: _NOTHING)
    elements: Sequence[Any] = ()


@dataclass(eq=False, slots=True, repr=False)
class Persistent:
    """Stands for an object kept outside the pickle, under this id: in torch's files a storage."""

    id: Any


class _Key(NamedTuple):
    """A key of a dict that cannot be hashed, or not without following it to any depth."""

    identity: int


class Read(NamedTuple):
    """A value, the position behind its pickle, and all that it keeps outside."""

    value: Any
    end: int
    outside: list[Persistent]


def read(data: bytes | bytearray, start: int = 0, budget: Budget | None = None) -> Read:
    """The value that a pickle describes, as inert data.

    Args:
        data: bytes that hold the pickle, and perhaps more behind it.
        start: where it begins.
        budget: what its objects may take, where several pickles share one.

    Raises:
        CheckpointError: it is cut off, damaged, of a kind that torch never writes, or describes
            more objects than the budget allows.
    """
    machine = _Machine(data, start, budget or Budget())
    try:
        return Read(machine.run(), machine.at, machine.outside)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, struct.error) as error:
        # Each is a program that takes from an empty stack, or takes one kind of value for another.
        raise CheckpointError(
            f"the pickle is damaged at byte {machine.at}: {type(error).__name__}"
        ) from None


class _Machine:
    """The stack machine: `stack` of the innermost MARK, those outside it in `marks`."""

    def __init__(self, data: bytes | bytearray, at: int, budget: Budget) -> None:
        self.data = memoryview(data)
        self.at = at
        self.spend = budget.spend
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.outside: list[Persistent] = []

    def run(self) -> Any:
        while True:
            code = self.take(1)[0]
            if code == _STOP:
                return self.stack.pop()
            step = _STEPS.get(code)
            if step is None:
                raise CheckpointError(
                    f"the pickle is damaged at byte {self.at - 1}, or in a form that torch never "
                    f"writes (opcode {code:#04x})"
                )
            self.spend(_COSTS.get(code, _SLOT))
            step(self)

    def take(self, size: int) -> memoryview:
        """The next bytes; a length that the file claims is never believed beyond its end."""
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise CheckpointError(f"the pickle is cut off at byte {len(self.data)}")
        self.at += size
        return found

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def line(self) -> str:
        """A name up to the end of its line."""
        name, newline, _ = bytes(self.data[self.at : self.at + _LONGEST_NAME]).partition(b"\n")
        if not newline:
            raise CheckpointError(f"the pickle is damaged at byte {self.at}: a name has no end")
        self.at += len(name) + 1
        return name.decode()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_sized(self, value: Any) -> None:
        """Push what is as large as the pickle says."""
        self.spend(getsizeof(value))
        self.stack.append(value)

    def to_mark(self) -> list[Any]:
        """What was pushed since the last MARK, which ends."""
        found = self.stack
        self.stack = self.marks.pop()
        self.spend(_SLOT * len(found))  # each goes into what is made of them
        return found

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.to_mark()

    def forget_to_mark(self) -> None:
        self.to_mark()

    def remember(self, at: int) -> None:
        self.memo[at] = self.stack[-1]

    def top_as_tuple(self, size: int) -> None:
        parts = tuple(self.stack[-size:])
        if len(parts) < size:
            raise IndexError
        self.stack[-size:] = [parts]

    def named(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise TypeError
        if max(len(name), len(module)) > _LONGEST_NAME:
            raise ValueError
        self.name(module, name)

    def name(self, module: str, name: str) -> None:
        self.spend(getsizeof(module) + getsizeof(name))
        self.push(Global(module, name))

    def call(self) -> None:
        args, function = self.stack.pop(), self.stack.pop()
        self.push(Stub(function, args))

    def call_with_keywords(self) -> None:
        keywords, args, function = self.stack.pop(), self.stack.pop(), self.stack.pop()
        self.push(Stub(function, args, {"keywords": keywords}))

    def refer_outside(self) -> None:
        self.outside.append(Persistent(self.stack.pop()))
        self.push(self.outside[-1])

    def set_state(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, Stub):
            raise TypeError
        target.state = state

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Stub):
            target.elements = elements = target.elements or []
        else:
            elements = target
        if not isinstance(elements, list):
            raise TypeError
        elements.extend(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Stub):
            target.entries = entries = target.entries or {}
        else:
            entries = target
        if not isinstance(entries, dict):
            raise TypeError
        entries.update(self.paired(values))

    def paired(self, values: list[Any]) -> dict[Any, Any]:
        """Keys and values in turn, as a dict."""
        keys = [_hashable(key) for key in values[::2]]
        self.spend(sum(2 * _ENTRY if isinstance(key, _Key) else _ENTRY for key in keys))
        return dict(zip(keys, values[1::2], strict=True))


def _hashable(key: Any) -> Any:
    """The key, or its identity alone where hashing it could recurse or be made to collide.

    Nested tuples hash without any limit of depth, and thousands of long numbers can be chosen to
    hash alike.
    """
    if isinstance(key, int):
        return key if key.bit_length() < 64 else _Key(id(key))
    plain = isinstance(key, (str, bytes, float, type(None), Global, Stub))
    return key if plain else _Key(id(key))


def _long(data: memoryview) -> int:
    return int.from_bytes(data, "little", signed=True)


def _text(data: memoryview) -> str:
    return str(data, "utf-8", "surrogatepass")


def _ascii(data: memoryview) -> str:
    """A string of Python 2."""
    return str(data, "latin-1")


def _sized(layout: str, decode: Callable[[memoryview], Any]) -> Callable[[_Machine], None]:
    """A step that reads a length, then as many bytes, and pushes what they say."""
    return lambda machine: machine.push_sized(decode(machine.take(machine.number(layout))))


def _fixed(layout: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.push(machine.number(layout))


def _protocol(machine: _Machine) -> None:
    protocol = machine.number("B")
    if protocol > NEWEST_PROTOCOL:
        raise CheckpointError(f"the pickle is damaged: it says it is of protocol {protocol}")


_STOP: Final = ord(".")

_SET: Final = Global("builtins", "set")
_FROZENSET: Final = Global("builtins", "frozenset")

_SLOT: Final = 16
"""Bytes of a place on the stack, which grows by more than one at a time."""

_ENTRY: Final = 96
"""Bytes of an entry in a dict while that grows; a key that cannot be hashed is an object more."""

_COSTS: Final[Mapping[int, int]] = {
    **dict.fromkeys(b"JMG", _SLOT + 32),  # a number
    **dict.fromkeys(b"]})(lt\x85\x86\x87", _SLOT + 96),  # a list, a dict, a tuple, a mark
    **dict.fromkeys(b"dsu", _SLOT + 160),  # the first entry of a dict makes room for five
    **dict.fromkeys(b"ae\x90", _SLOT + 64),  # the same of a list
    **dict.fromkeys(b"qr\x94", _SLOT + _ENTRY + 32),  # in the memo, under a number
    **dict.fromkeys(b"R\x81\x8f\x91", _SLOT + 96),  # a stand-in
    **dict.fromkeys(b"\x92", _SLOT + 336),  # with a dict of keywords
    **dict.fromkeys(b"c\x93Q", _SLOT + 64),  # a name; one more kept outside
}
"""Opcode -> bytes of memory that it takes at most, beside those of `push_sized` and `to_mark`."""

_STEPS: Final[Mapping[int, Callable[[_Machine], None]]] = {
    0x80: _protocol,
    0x95: lambda m: m.number("<Q"),  # FRAME: how much to read ahead
    # Constants and plain values
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("J"): _fixed("<i"),
    ord("K"): _fixed("B"),
    ord("M"): _fixed("<H"),
    ord("G"): _fixed(">d"),
    0x8A: _sized("B", _long),
    0x8B: _sized("<I", _long),
    ord("X"): _sized("<I", _text),
    0x8C: _sized("B", _text),
    0x8D: _sized("<Q", _text),
    ord("T"): _sized("<I", _ascii),
    ord("U"): _sized("B", _ascii),
    ord("B"): _sized("<I", bytes),
    ord("C"): _sized("B", bytes),
    0x8E: _sized("<Q", bytes),
    0x96: _sized("<Q", bytes),
    # Containers
    ord(")"): lambda m: m.push(()),
    ord("]"): lambda m: m.push([]),
    ord("}"): lambda m: m.push({}),
    0x8F: lambda m: m.push(Stub(_SET, ())),
    ord("t"): lambda m: m.push(tuple(m.to_mark())),
    0x85: lambda m: m.top_as_tuple(1),
    0x86: lambda m: m.top_as_tuple(2),
    0x87: lambda m: m.top_as_tuple(3),
    ord("l"): lambda m: m.push(m.to_mark()),
    ord("d"): lambda m: m.push(m.paired(m.to_mark())),
    0x91: lambda m: m.push(Stub(_FROZENSET, (m.to_mark(),))),
    ord("a"): lambda m: m.append([m.stack.pop()]),
    ord("e"): lambda m: m.append(m.to_mark()),
    0x90: lambda m: m.append(m.to_mark()),
    ord("s"): lambda m: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    ord("u"): lambda m: m.set_items(m.to_mark()),
    # The stack and the memo
    ord("("): _Machine.mark,
    ord("0"): _Machine.pop,
    ord("1"): _Machine.forget_to_mark,
    ord("2"): lambda m: m.push(m.stack[-1]),
    ord("q"): lambda m: m.remember(m.number("B")),
    ord("r"): lambda m: m.remember(m.number("<I")),
    0x94: lambda m: m.remember(len(m.memo)),
    ord("h"): lambda m: m.push(m.memo[m.number("B")]),
    ord("j"): lambda m: m.push(m.memo[m.number("<I")]),
    # Names, calls and states: written down
    ord("c"): lambda m: m.name(m.line(), m.line()),
    0x93: _Machine.named,
    ord("R"): _Machine.call,
    0x81: _Machine.call,
    0x92: _Machine.call_with_keywords,
    ord("b"): _Machine.set_state,
    ord("Q"): _Machine.refer_outside,
}
"""Opcode -> what it does."""
