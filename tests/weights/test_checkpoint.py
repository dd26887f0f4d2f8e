"""Files of weights: what torch would read, from files that torch would execute."""

from __future__ import annotations

import builtins
import io
import itertools
import json
import os
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from weights.hostile import Archive, state_of

from yaml_attn.weights import CheckpointError, read_checkpoint
from yaml_attn.weights.safetensors import header
from yaml_attn.weights.state import state_dict
from yaml_attn.weights.tensors import Tensors
from yaml_attn.weights.unpickle import Global, Persistent, Stub
from yaml_attn.weights.writing import save

MARK = "executed"


class Head(nn.Module):
    """A parameter, a buffer, one that is not saved, and inner modules, as heads of YOLO have."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.arange(6.0).view(3, 2))
        self.register_buffer("grid", torch.zeros(4), persistent=False)
        self.register_buffer("nothing", None)
        self.m = nn.ModuleList([nn.Conv2d(4, 3, 1), nn.Conv2d(4, 3, 1, bias=False)])


class Net(nn.Module):
    """A network with the keys of YOLO's."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.model = nn.Sequential(inner, nn.ReLU(), nn.MultiheadAttention(4, 2), Head())
        self.names = {0: "person"}


class Evil:
    """Leaves a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {MARK}",)


def same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> bool:
    return list(found) == list(expected) and all(
        found[key].dtype == value.dtype and torch.equal(found[key], value)
        for key, value in expected.items()
    )


WRAPPED: dict[str, Callable[[Net], Any]] = {
    "model alone": lambda net: net,
    "training run": lambda net: {"epoch": 3, "model": net, "ema": None, "optimizer": None},
    "pair of ema and updates": lambda net: {"model": None, "ema": (net, 7)},
    "ultralytics": lambda net: {"model": None, "ema": net, "train_args": {"lr0": 0.01}},
    "state dict": lambda net: net.state_dict(),
    "state dict in a run": lambda net: {"state_dict": net.state_dict(), "epoch": 1},
    "data parallel": lambda net: {"model": wrap(net)},
    "keys of data parallel": lambda net: {
        f"module.{key}": value for key, value in net.state_dict().items()
    },
    "keys of an Ultralytics wrapper": lambda net: {
        f"model.{key}": value for key, value in net.state_dict().items()
    },
    "keys without model": lambda net: net.model.state_dict(),
}


def wrap(net: nn.Module) -> nn.Module:
    outer = nn.Module()
    outer.add_module("module", net)
    return outer


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("name", WRAPPED)
def test_every_form_gives_the_state_dict_bit_by_bit(
    name: str, legacy: bool, tmp_path: Path
) -> None:
    net = Net().half()
    path = tmp_path / "x.pt"
    torch.save(WRAPPED[name](net), path, _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(path)
    assert same(found.state, net.state_dict())
    assert "model.3.grid" not in found.state
    assert (found.layers, found.dtypes, found.unnumbered) == (4, ("float16",), ())
    classes = ["Sequential", "ReLU", "MultiheadAttention", "Head"]
    told = not name.startswith(("state dict", "keys"))
    assert found.modules == (dict(enumerate(classes)) if told else {})


@pytest.mark.parametrize("kind", ["checkpoint", "state dict", "safetensors"])
def test_what_is_written_here_is_read_here(kind: Any, tmp_path: Path) -> None:
    state = Net().state_dict()
    save(tmp_path / "x", state, kind)
    assert same(read_checkpoint(tmp_path / "x").state, state)


def test_views_parameters_with_attributes_and_every_dtype(tmp_path: Path) -> None:
    whole = torch.arange(24.0)
    marked = nn.Parameter(torch.ones(2))
    marked.tag = "x"  # type: ignore[attr-defined]
    tagged = torch.arange(3.0)
    tagged.tag = "x"  # type: ignore[attr-defined]
    state = {
        "model.0.transposed": whole.view(4, 6).t(),
        "model.0.part": whole[5:9],
        "model.0.last": torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "model.0.marked": marked,
        "model.0.tagged": tagged,
        "model.0.scalar": torch.tensor(3),
        "model.0.empty": torch.empty(0, 2),
    }
    kinds = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
    state |= {f"model.1.{kind}": torch.ones(3, dtype=getattr(torch, kind)) for kind in kinds}
    torch.save(state, tmp_path / "x.pt")
    assert same(read_checkpoint(tmp_path / "x.pt").state, state)


def test_the_average_is_preferred_and_the_rest_left_out(tmp_path: Path) -> None:
    net, average = Net(), Net()
    nn.init.ones_(average.model[0][0].weight)  # type: ignore[index]
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    net.model[0](torch.rand(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    torch.save(
        {"model": net, "ema": average, "optimizer": optimizer.state_dict()}, tmp_path / "x.pt"
    )
    found = read_checkpoint(tmp_path / "x.pt")
    assert same(found.state, average.state_dict())
    assert found.found.startswith("ema (")
    assert found.left_out == ("model", "optimizer")


@pytest.mark.parametrize(
    "key",
    ["criterion.scale", "model.00.weight", "model.\u0660.weight", f"model.{'9' * 900}.weight"],
)
def test_tensors_of_no_layer_are_named(key: str, tmp_path: Path) -> None:
    state = {"model.0.weight": torch.zeros(1), key: torch.ones(1)}
    torch.save(state, tmp_path / "x.pt")
    found = read_checkpoint(tmp_path / "x.pt")
    assert found.unnumbered == (key,)
    assert same(found.state, {"model.0.weight": torch.zeros(1)})


def test_a_place_for_a_module_that_is_none_is_passed_over(tmp_path: Path) -> None:
    net = Net()
    net.model[0].register_module("later", None)  # type: ignore[union-attr]
    torch.save({"model": net}, tmp_path / "x.pt")
    assert same(read_checkpoint(tmp_path / "x.pt").state, net.state_dict())


@pytest.mark.parametrize("state", [None, 5, (), ({}, None), {"_parameters": {}, "_buffers": {}}])
def test_an_object_without_the_parts_of_a_module_is_none(state: Any) -> None:
    whole, odd = module({}), Stub(Global("models", "Odd"), (), state)
    whole.state["_parameters"]["weight"] = tensor((8,), (1,))
    net = module({"0": odd, "1": whole})
    tensors = Tensors(lambda wanted: bytearray(wanted.size))
    assert list(state_dict(net, tensors)) == ["1.weight"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 1}, "it holds no tensors"),
        ({"backbone.conv.weight": torch.ones(1)}, "named otherwise, e.g. 'backbone.conv.weight'"),
        ([1, 2], "it holds no tensors"),
    ],
)
def test_a_file_without_layers_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(tmp_path / "x.pt")


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
def test_a_hostile_checkpoint_gives_its_weights_and_nothing_else(
    legacy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    net = Net()
    net.names = Evil()  # type: ignore[assignment]
    content = {"model": net, "optimizer": Evil(), "more": [Evil(), (builtins.eval, Evil())]}
    torch.save(content, "x.pt", _use_new_zipfile_serialization=not legacy)
    assert same(read_checkpoint("x.pt").state, net.state_dict())
    assert not Path(MARK).exists()
    torch.load("x.pt", weights_only=False)
    assert Path(MARK).exists()


def test_a_class_that_is_not_there_is_not_needed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"model": Net()}, buffer)
    path = tmp_path / "x.pt"
    # As long as the real one, for the pickle holds lengths.
    path.write_bytes(_rezipped(buffer.getvalue(), b"test_checkpoint\nNet", b"gone_gone_gone_\nNet"))
    assert same(read_checkpoint(path).state, Net().state_dict())
    assert read_checkpoint(path).found.endswith("gone_gone_gone_.Net)")


def _rezipped(data: bytes, old: bytes, new: bytes) -> bytes:
    """A torch file with other bytes in its pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(old, new))
    return out.getvalue()


def tensor(
    shape: Any, strides: Any, *, offset: Any = 0, count: Any = 8, kind: str = "Float"
) -> Any:
    outside = Persistent(("storage", Global("torch", f"{kind}Storage"), "0", "cpu", count))
    args = (outside, offset, shape, strides, False, None)
    return Stub(Global("torch._utils", "_rebuild_tensor_v2"), args)


@pytest.mark.parametrize(
    "described",
    [
        tensor((9,), (1,)),
        tensor((8,), (1,), offset=1),
        tensor((2, 4), (5, 1)),
        tensor((2**40,), (0,)),
        tensor((2,), (-1,), offset=1),
        tensor((2,), (1,), offset=-1),
        tensor((2.0,), (1,)),
        tensor((2,), (1, 1)),
        tensor([2], [1]),
        tensor((2**70,), (1,)),
        tensor((1,) * 100, (1,) * 100),
        tensor((True,), (1,)),
        tensor((2,), (1,), count=2**70),
        tensor((2,), (1,), count="8"),
        tensor((2,), (1,), kind="ComplexFloat"),
        Stub(Global("torch._utils", "_rebuild_tensor_v2"), ()),
        Stub(Global("torch._utils", "_rebuild_tensor_v2"), (1, 2, 3, 4)),
        Stub(Global("torch._utils", "_rebuild_qtensor"), ()),
    ],
)
def test_a_tensor_that_its_storage_does_not_hold_is_refused(described: Any) -> None:
    tensors = Tensors(lambda wanted: bytearray(wanted.size))
    assert tensors.tensor(tensor((2, 4), (4, 1))) is not None
    with pytest.raises(CheckpointError):
        tensors.tensor(described)


def wrapped(described: Any, times: int) -> Any:
    for _ in range(times):
        described = Stub(Global("torch._utils", "_rebuild_parameter"), (described, False, None))
    return described


def test_a_parameter_of_a_parameter_is_one_but_not_without_end() -> None:
    tensors = Tensors(lambda wanted: bytearray(wanted.size))
    assert tensors.tensor(wrapped(tensor((2,), (1,)), 3)) is not None
    assert tensors.tensor(wrapped(tensor((2,), (1,)), 4)) is None


def test_a_storage_that_is_of_two_sizes_is_refused() -> None:
    tensors = Tensors(lambda wanted: bytearray(wanted.size))
    assert tensors.tensor(tensor((2,), (1,), count=8)) is not None
    with pytest.raises(CheckpointError, match="two sizes of storage '0'"):
        tensors.tensor(tensor((2,), (1,), count=4))


def test_other_calls_describe_no_tensor() -> None:
    tensors = Tensors(lambda wanted: bytearray(wanted.size))
    made = tensor((2,), (1,))
    for described in (
        None,
        5,
        Stub(Global("os", "_rebuild_tensor_v2"), made.args),
        Stub("torch._utils._rebuild_tensor_v2", made.args),
        Stub(Global("builtins", "eval"), ("1",)),
        wrapped(made, 5),
    ):
        assert tensors.tensor(described) is None


def module(modules: dict[str, Any]) -> Stub:
    state = {"_parameters": {}, "_buffers": {}, "_modules": modules}
    return Stub(Global("models", "Net"), (), state)


def test_modules_that_hold_one_another_end() -> None:
    endless = module({})
    endless.state["_modules"]["again"] = endless
    doubling = module({})
    for _ in range(50):
        doubling = module({"a": doubling, "b": doubling})
    for root in (endless, doubling):
        with pytest.raises(CheckpointError, match="without end"):
            state_dict(root, Tensors(lambda wanted: bytearray(wanted.size)))


def test_thousands_of_tensors_in_one_storage_are_refused() -> None:
    many = {f"model.{n}.weight": tensor((8,), (1,)) for n in range(1000)}
    with pytest.raises(CheckpointError, match="share one storage"):
        state_dict(many, Tensors(lambda wanted: bytearray(wanted.size)))


def torch_zip(pickled: bytes, records: Mapping[str, bytes], compression: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, data in records.items():
            archive.writestr(f"archive/{name}", data)
    return out.getvalue()


def zipped(*names: str) -> bytes:
    """An archive of empty pickles."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x80\x02}.")
    return out.getvalue()


def claiming(data: bytes, size: int) -> bytes:
    """The archive, its directory telling of another size of the first record."""
    at = data.index(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", size) + data[at + 4 :]


def stream(cut: int = 0, **changed: tuple[bytes, bytes]) -> bytes:
    """Four numbers as torch wrote them before 1.6, some of the bytes changed or left out."""
    buffer = io.BytesIO()
    state = {"model.0.weight": torch.zeros(4)}
    torch.save(state, buffer, _use_new_zipfile_serialization=False)
    data = buffer.getvalue()
    for old, new in changed.values():
        assert data.count(old) == 1
        data = data.replace(old, new)
    return data[: len(data) - cut]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stream(version=(b"M\xe9\x03.", b"M\xea\x03.")), "a version of torch's format"),
        (stream(order=(b"little_endianq\x02\x88", b"little_endianq\x02\x89")), "big-endian"),
        (stream(4), "cut off: storage '[0-9]+' is not whole"),
        (stream(16 + 8), "cut off or damaged: a storage is missing"),
        (stream(count=(b"\x04\0\0\0\0\0\0\0", b"\x02\0\0\0\0\0\0\0")), "has another size"),
        (stream(count=(b"\x04\0\0\0\0\0\0\0", b"\xff" * 8)), "is not whole"),
        (b"", "no file of weights"),
        (b"hello, world", "no file of weights"),
        (b"PK\x03\x04 and no archive", "archive is damaged"),
        (torch_zip(b"\x80\x02", {}), "cut off"),
        (torch_zip(b"\x80\x02}.", {}, zipfile.ZIP_DEFLATED), "is compressed"),
        (torch_zip(b"\x80\x02}.", {"byteorder": b"big"}), "big-endian"),
        (zipped("data.pkl"), "zip archive without weights"),
        (zipped("archive/data.pkl", "other/data.pkl"), "zip archive without weights"),
        (claiming(torch_zip(b"\x80\x02}.", {}), 60_000), "claims to have 60000 bytes"),
        (torch_zip(b"\x80\x02}.", {"constants.pkl": b""}), "TorchScript"),
        (pickle.dumps({"a": 1}, 2), "not one of torch"),
        (struct.pack("<Q", 2**60) + b"{}", "cut off"),
        (struct.pack("<Q", 9) + b"{" * 9, "no JSON"),
        (struct.pack("<Q", 100_000) + b'{"a":' * 20_000, "no JSON"),
        (header({"model.0.a": ("float32", (2**40,), 2**42)}), "does not fit"),
        (header({"model.0.a": ("float32", (2,), 8)}) + b"1234", "does not fit"),
        (header({"model.0.a": ("float32", (-2, -1), 8)}) + b"12345678", "does not fit"),
    ],
    ids=itertools.count(),  # the bytes differ between the processes that share the tests
)
def test_a_broken_file_says_what_is_wrong(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_checkpoint(path)
    assert caught.value.path == path


def test_a_storage_that_is_smaller_than_it_claims_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"model.0.weight": torch.zeros(1000)}, buffer)
    data = buffer.getvalue()
    claim, huge = struct.pack("<H", 1000), struct.pack("<H", 60_000)
    (tmp_path / "x.pt").write_bytes(_rezipped(data, b"M" + claim, b"M" + huge))
    with pytest.raises(CheckpointError, match="of 4000 bytes, not of 240000"):
        read_checkpoint(tmp_path / "x.pt")


def test_tensors_that_overlap_in_a_safetensors_file_are_refused(tmp_path: Path) -> None:
    text = header({f"model.{n}.a": ("float32", (2,), 8) for n in range(2)})
    text = text.replace(b"[8,16]", b"[0,8] ")
    (tmp_path / "x.safetensors").write_bytes(text + bytes(8))
    with pytest.raises(CheckpointError, match="overlap"):
        read_checkpoint(tmp_path / "x.safetensors")


def test_sizes_of_64_bits_are_read(tmp_path: Path) -> None:
    archive = Archive()
    places = [
        (name, archive.put(name, data), data)
        for name, data in (("a/data.pkl", state_of({"0": 2})), ("a/data/0", bytes(8)))
    ]
    archive.directory.clear()
    for name, at, data in places:
        wide = struct.pack("<2H3Q", 1, 24, len(data), len(data), at)
        archive.list(name, 2**32 - 1, 2**32 - 1, zlib.crc32(data), extra=wide)
    (tmp_path / "x.pt").write_bytes(archive.bytes(count=2))
    assert same(read_checkpoint(tmp_path / "x.pt").state, {"model.0.w0": torch.zeros(2)})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.pt")
    for path, what in ((tmp_path / "x.pt", "no regular file"), (tmp_path, "a folder")):
        with pytest.raises(CheckpointError, match=what):
            read_checkpoint(path)


def test_a_missing_file_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_checkpoint(tmp_path / "x.pt")


ENTRY: Any = {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        {"model.0.weight": []},
        {"model.0.weight": ENTRY | {"data_offsets": [0.0, 8.0]}},
        {"model.0.weight": ENTRY | {"data_offsets": [False, 8]}},
        {"model.0.weight": ENTRY | {"shape": [8.0]}},
        {"model.0.weight": ENTRY | {"shape": [True, 8]}},
        {"model.0.weight": ENTRY | {"shape": [-2, -4]}},
        {"model.0.weight": ENTRY | {"shape": [0, 2**61, 2**61], "data_offsets": [0, 0]}},
        {"model.0.weight": ENTRY | {"shape": [0] * 5_000, "data_offsets": [0, 0]}},
        {"model.0.weight": ENTRY | {"dtype": ["U8"]}},
        {f"model.0.{'a.' * 3_000}weight": ENTRY},
    ],
)
def test_a_safetensors_header_that_cannot_be_is_refused(tmp_path: Path, entries: Any) -> None:
    text = json.dumps(entries).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


@pytest.mark.parametrize("form", ["zip", "before 1.6", "safetensors"])
def test_damaged_bytes_are_read_or_refused(form: str, tmp_path: Path) -> None:
    path, net = tmp_path / "x.pt", Net()
    if form == "safetensors":
        save(path, net.state_dict(), "safetensors")
    else:
        torch.save({"model": net}, path, _use_new_zipfile_serialization=form == "zip")
    data, chance = path.read_bytes(), random.Random(form)  # noqa: S311
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 3])):
            damaged[chance.randrange(min(len(data), 4000))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice([len(data), chance.randrange(len(data))])])
        with suppress(CheckpointError):
            read_checkpoint(path)
