"""Files of weights made to harm whoever reads them, each of a given size.

What unpickling runs, what takes a hundred times its own size in memory, what is read twice, what
never ends. `test_hostile.py` reads small ones, `benchmarks/hostile_checkpoints.py` large ones.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import torch

MARK = "executed"
PROTOCOL = b"\x80\x02"


class Evil:
    """Leaves a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {MARK}",)


# --- zip archives, written by hand: Python's own module writes none of these


class Archive:
    """A zip archive of stored entries whose directory says what it is told to."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.directory = bytearray()
        self.count = 0

    def put(self, name: str, data: bytes) -> int:
        """Store an entry, and list it; gives where its header is."""
        at = len(self.data)
        self.data += self.local(name, len(data), zlib.crc32(data)) + data
        self.list(name, at, len(data), zlib.crc32(data))
        return at

    @staticmethod
    def local(name: str, size: int, crc: int) -> bytes:
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 10, 0, 0, 0, 0, crc, size, size, len(name), 0)
        return head + name.encode()

    def list(
        self, name: str, at: int, size: int, crc: int = 0, *, method: int = 0, extra: bytes = b""
    ) -> None:
        """List an entry in the directory, wherever it is."""
        self.directory += struct.pack(
            "<4s6H3L5H2L",
            *(
                b"PK\1\2",
                10,
                10,
                0,
                method,
                0,
                0,
                crc,
                size,
                size,
                len(name),
                len(extra),
                0,
                0,
                0,
                0,
                at,
            ),
        )
        self.directory += name.encode() + extra
        self.count += 1

    def bytes(self, count: int | None = None, length: int | None = None) -> bytes:
        """The archive; `count` and `length` are what it says of its directory."""
        count = self.count if count is None else count
        length = len(self.directory) if length is None else length
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, len(self.data), 0)
        return bytes(self.data + self.directory + end)


def zipped(pickled: bytes, records: Mapping[str, bytes] | None = None) -> bytes:
    """A file of torch with this pickle."""
    archive = Archive()
    archive.put("a/data.pkl", pickled)
    for name, data in (records or {}).items():
        archive.put(f"a/data/{name}", data)
    return archive.bytes()


def state_of(storages: Mapping[str, int]) -> bytes:
    """The pickle of a state dict: a tensor of float32 for each storage, with so many numbers."""
    out = [PROTOCOL, b"}("]
    for at, (key, numbers) in enumerate(storages.items()):
        out += [_word(f"model.0.w{at}"), _tensor(key, numbers)]
    return b"".join([*out, b"u."])


def _word(text: str) -> bytes:
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def _tensor(key: str, numbers: int) -> bytes:
    storage = b"(" + _word("storage") + b"ctorch\nFloatStorage\n" + _word(key) + _word("cpu")
    shape, stride = _number(numbers) + b"\x85", _number(1) + b"\x85"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + (storage + _number(numbers) + b"tQ")
        + (_number(0) + shape + stride + b"\x89" + b"NtR")
    )


def nested_entries(size: int) -> bytes:
    """Each entry begins in the one before and ends where all end."""
    archive, count = Archive(), 400
    names = [f"a/data/{n}" for n in range(count)]
    heads = [len(Archive.local(name, 0, 0)) for name in names]
    archive.put("a/data.pkl", b"")
    sizes = [sum(heads[n + 1 :]) + size for n in range(count)]
    storages = {str(n): each // 4 for n, each in enumerate(sizes) if each % 4 == 0}
    archive = Archive()
    archive.put("a/data.pkl", state_of(storages))
    inside, crc = bytes(size), 0
    starts: list[tuple[str, int, int, int]] = []
    blob = inside
    for name in reversed(names):
        crc = zlib.crc32(blob)
        starts.append((name, len(blob), crc, 0))
        blob = Archive.local(name, len(blob), crc) + blob
    at = len(archive.data)
    archive.data += blob
    for name, length, crc, _ in reversed(starts):
        archive.list(name, at, length, crc)
        at += len(Archive.local(name, 0, 0))
    return archive.bytes()


def one_entry_under_many_names(size: int) -> bytes:
    """A directory that says a thousand times where the same bytes are."""
    archive, count = Archive(), 1000
    numbers = size // 4
    archive.put("a/data.pkl", state_of({str(n): numbers for n in range(count)}))
    data = bytes(numbers * 4)
    at = archive.put("a/data/0", data)
    for n in range(1, count):
        archive.list(f"a/data/{n}", at, len(data), zlib.crc32(data))
    return archive.bytes()


def a_name_twice(size: int) -> bytes:
    archive = Archive()
    archive.put("a/data.pkl", state_of({"0": size // 4}))
    archive.put("a/data/0", bytes(size // 4 * 4))
    archive.put("a/data/0", bytes(size // 4 * 4))
    return archive.bytes()


def directory_of_many(size: int) -> bytes:
    """A directory as large as the file, of entries that are nowhere."""
    archive = Archive()
    archive.put("a/data.pkl", PROTOCOL + b"}.")
    for n in range(min(size // 50, 65_534)):
        archive.list(f"{n:04x}", 0, 0)
    return archive.bytes()


def directory_that_lies(size: int) -> bytes:
    """It says to have one entry, and has as many as fit."""
    archive = Archive()
    archive.put("a/data.pkl", PROTOCOL + b"}.")
    for n in range(size // 50):
        archive.list(f"{n:04x}", 0, 0)
    return archive.bytes(count=1)


def directory_beyond_the_end(size: int) -> bytes:
    archive = Archive()
    archive.put("a/data.pkl", PROTOCOL + b"}." + bytes(size))
    return archive.bytes(count=65_535, length=2**32 - 2)


def deflated(size: int) -> bytes:
    """A thousandth of what it is unpacked."""
    archive = Archive()
    archive.put("a/data.pkl", state_of({"0": size * 100}))
    packed = zlib.compress(bytes(size * 100), 9)[2:-4]
    at = archive.put("a/data/1", packed)
    archive.list("a/data/0", at, len(packed), method=8)
    return archive.bytes()


# --- pickles


def _repeated(step: bytes, end: bytes = b"0N.") -> Callable[[int], bytes]:
    return lambda size: zipped(PROTOCOL + b"(" + step * (size // len(step)) + b"1" + end[1:])


def distinct_names(size: int) -> bytes:
    return zipped(
        PROTOCOL + b"(" + b"".join(b"c%06x\nxy\n" % n for n in range(size // 11)) + b"1N."
    )


def memo_of_all(size: int) -> bytes:
    steps = (b"r" + struct.pack("<I", n) for n in range(size // 5))
    return zipped(PROTOCOL + b"N" + b"".join(steps) + b".")


def wide_text(size: int) -> bytes:
    """One character that makes the other ones four bytes each."""
    text = "a" * size + "\U0001f600"
    return zipped(PROTOCOL + _word(text) + b".")


def unhashable_keys(size: int) -> bytes:
    return zipped(PROTOCOL + b"}(" + b")\x85N" * (size // 3) + b"u.")


def shared_tensor(size: int) -> bytes:
    """One tensor under as many names as fit."""
    out = [PROTOCOL, b"}(", _word("model.0.w"), _tensor("0", 0), b"q\x01"]
    out += [b"X\x0f\0\0\0model.0.%07d" % n + b"h\x01" for n in range(size // 22)]
    return zipped(b"".join([*out, b"u."]), {"0": b""})


def _module(parameters: bytes, modules: bytes) -> bytes:
    parts = _word("_parameters") + parameters + _word("_buffers") + b"}"
    return b"cm\nNet\n)\x81}(" + parts + _word("_modules") + modules + b"ub"


def doubling_modules(size: int) -> bytes:
    """Each holds the one before twice: 2^50 modules."""
    del size
    inner = _module(b"}", b"}") + b"q\x00"
    for n in range(50):
        held = b"}(" + _word("a") + b"h%c" % n + _word("b") + b"h%cu" % n
        inner += _module(b"}", held) + b"q%c" % (n + 1)
    return zipped(PROTOCOL + inner + b".")


def long_names(size: int) -> bytes:
    """Modules in modules, each with a name that the keys of all inside begin with."""
    inner = _module(b"}", b"}") + b"q\x01"
    name = _word("n" * size) + b"q\x00"
    out = name + b"0" + inner
    for n in range(1, 50):
        out += _module(b"}", b"}(h\x00h%cu" % n) + b"q%c" % (n + 1)
    return zipped(PROTOCOL + out + b".")


def objects_as_names(size: int) -> bytes:
    """A module's parameter is called by an object that holds the one before twice."""
    del size
    out = b"cm\nN\n)\x81q\x00"
    for n in range(60):
        out += b"cm\nN\n(h%ch%ct\x81q%c" % (n, n, n + 1)
    parameters = b"}(h\x3c" + _tensor("0", 1) + b"u"
    return zipped(PROTOCOL + out + _module(parameters, b"}") + b".", {"0": bytes(4)})


def code(size: int) -> bytes:
    del size
    return zipped(pickle.dumps({"model": Evil(), "more": [Evil()]}, 2))


def code_in_every_opcode(size: int) -> bytes:
    """What pickle calls by each of its opcodes that call."""
    del size
    text = _word(f"touch {MARK}")
    calls = [
        b"cos\nsystem\n(" + text + b"tR",
        b"cos\nsystem\n(" + text + b"t\x81",
        b"cos\nsystem\n(" + text + b"t}\x92",
        b"(cos\nsystem\n" + text + b"o",
        b"(" + text + b"ios\nsystem\n",
    ]
    return zipped(PROTOCOL + b"(" + b"".join(calls[:3]) + b"l.")


# --- before torch 1.6, safetensors, tar


def _stream(root: bytes, keys: bytes, storages: bytes) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = [pickle.dumps(each, 2) for each in (0x1950A86A20F9469CFC6C, 1001, system)]
    return b"".join([*head, root, keys, storages])


def stream_of_one_storage_twice(size: int) -> bytes:
    numbers = size // 4
    storage = struct.pack("<q", numbers) + bytes(4 * numbers)
    return _stream(state_of({"0": numbers}), pickle.dumps(["0", "0"], 2), storage * 2)


def stream_that_claims(size: int) -> bytes:
    storage = struct.pack("<q", 2**60) + bytes(size)
    return _stream(state_of({"0": size}), pickle.dumps(["0"], 2), storage)


def stream_of_code(size: int) -> bytes:
    del size
    return _stream(pickle.dumps(Evil(), 2), pickle.dumps([], 2), b"")


def stream_of_sets(size: int) -> bytes:
    """The budget is one for all five pickles."""
    part = size // 3
    sets = PROTOCOL + b"(" + b"\x8f" * part + b"1N."
    return sets * 3


def tar(size: int) -> bytes:
    """As torch wrote before 0.1.10."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in (("storages", bytes(size)), ("pickle", pickle.dumps(Evil(), 2))):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def bare_pickle(size: int) -> bytes:
    del size
    return pickle.dumps(Evil(), 2)


def _safetensors(text: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + data


def _spans(spans: Mapping[str, list[int]], size: int) -> bytes:
    entries = {
        name: {"dtype": "F32", "shape": [(end - start) // 4], "data_offsets": [start, end]}
        for name, (start, end) in spans.items()
    }
    return _safetensors(json.dumps(entries).encode(), bytes(size))


def header_of_lists(size: int) -> bytes:
    return _safetensors(b'{"a":[' + b",".join([b"[]"] * (size // 3)) + b"]}")


def header_that_claims(size: int) -> bytes:
    return struct.pack("<Q", 2**62) + b"{" + bytes(size)


def overlapping_spans(size: int) -> bytes:
    end = size // 8 * 8
    spans = {f"model.0.w{n}": [n * 4, end] for n in range(100)}
    return _spans(spans, end)


def overlap_with_a_hole(size: int) -> bytes:
    """As many bytes as the file has, but some twice and some never."""
    half = size // 8 * 4
    return _spans({"model.0.a": [0, half], "model.0.b": [0, half]}, 2 * half)


def spans_with_a_hole(size: int) -> bytes:
    half = size // 8 * 4
    return _spans({"model.0.a": [half, 2 * half]}, 2 * half)


def a_header_with_a_name_twice(size: int) -> bytes:
    del size
    entry = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    return _safetensors(b'{"model.0.a":' + entry + b',"model.0.a":' + entry + b"}", bytes(4))


def odd_entries(entry: bytes, name: str = "model.0.a") -> Callable[[int], bytes]:
    return lambda _: _safetensors(
        b'{"%b":%b,"model.0.b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}'
        % (name.encode(), entry),
        bytes(4),
    )


KINDS: Mapping[str, Callable[[int], bytes]] = {
    "zip: nested entries": nested_entries,
    "zip: one entry under many names": one_entry_under_many_names,
    "zip: a name twice": a_name_twice,
    "zip: a directory of many entries": directory_of_many,
    "zip: a directory that says to have one": directory_that_lies,
    "zip: a directory beyond the end": directory_beyond_the_end,
    "zip: a deflated entry": deflated,
    "pickle: empty sets": _repeated(b"\x8f"),
    "pickle: empty lists": _repeated(b"]"),
    "pickle: empty dicts": _repeated(b"}"),
    "pickle: marks": _repeated(b"("),
    "pickle: dicts of one": _repeated(b"}NNs"),
    "pickle: lists of one": _repeated(b"]Na"),
    "pickle: sets of one": _repeated(b"\x8f(N\x90"),
    "pickle: frozensets": _repeated(b"(\x91"),
    "pickle: tuples": _repeated(b"N\x85"),
    "pickle: tuples that are doubled": _repeated(b"N22\x87"),
    "pickle: calls": _repeated(b"NNR"),
    "pickle: calls with keywords": _repeated(b"NNN\x92"),
    "pickle: numbers": _repeated(b"M\xff\xff"),
    "pickle: fractions": _repeated(b"G\x40\x09\x21\xfb\x54\x44\x2d\x18"),
    "pickle: long numbers": _repeated(b"\x8a\x02\xff\x7f"),
    "pickle: texts": _repeated(b"\x8c\x02ab"),
    "pickle: bytes": _repeated(b"C\x02ab"),
    "pickle: bytearrays": _repeated(b"\x96\x01\0\0\0\0\0\0\0a"),
    "pickle: objects kept outside": _repeated(b"NQ"),
    "pickle: names": distinct_names,
    "pickle: remembered places": _repeated(b"N\x94"),
    "pickle: numbered places": memo_of_all,
    "pickle: wide text": wide_text,
    "pickle: keys that cannot be hashed": unhashable_keys,
    "pickle: code": code,
    "pickle: code by every opcode": code_in_every_opcode,
    "state: one tensor under many names": shared_tensor,
    "modules: doubling": doubling_modules,
    "modules: long names": long_names,
    "modules: objects as names": objects_as_names,
    "before 1.6: a storage twice": stream_of_one_storage_twice,
    "before 1.6: a storage that claims": stream_that_claims,
    "before 1.6: code": stream_of_code,
    "before 1.6: empty sets": stream_of_sets,
    "before 0.1.10: tar": tar,
    "a bare pickle": bare_pickle,
    "safetensors: lists": header_of_lists,
    "safetensors: a length that claims": header_that_claims,
    "safetensors: overlap": overlapping_spans,
    "safetensors: overlap and a hole": overlap_with_a_hole,
    "safetensors: a hole": spans_with_a_hole,
    "safetensors: a name twice": a_header_with_a_name_twice,
    "safetensors: offsets of fractions": odd_entries(
        b'{"dtype":"F32","shape":[0],"data_offsets":[0.0,0.0]}'
    ),
    "safetensors: offsets that are no list": odd_entries(
        b'{"dtype":"F32","shape":[0],"data_offsets":5}'
    ),
    "safetensors: an entry that is no object": odd_entries(b"[1]"),
    "safetensors: no numbers of huge shape": odd_entries(
        b'{"dtype":"F32","shape":[0,2305843009213693952,2305843009213693952],"data_offsets":[0,0]}'
    ),
    "safetensors: a key of 3,000 parts": odd_entries(
        b'{"dtype":"F32","shape":[0],"data_offsets":[0,0]}', "model.0" + ".a" * 3000
    ),
}
"""What it is -> a file of about so many bytes."""


def honest(size: int) -> bytes:
    """A checkpoint of which all bytes are weights, to compare with."""
    out = io.BytesIO()
    parts = 64
    state = {f"model.0.w{n}": torch.zeros(max(size // 4 // parts, 1)) for n in range(parts)}
    torch.save(state, out)
    return out.getvalue()
