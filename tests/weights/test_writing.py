"""What is written is what frameworks load, and needs no class but torch's own."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor

from yaml_attn.errors import OutputError, UsageError
from yaml_attn.files import standing
from yaml_attn.weights.safetensors import header
from yaml_attn.weights.writing import kind_of, save, tree

STATE = {
    "model.0.conv.weight": torch.rand(2, 3, 1, 1).half(),
    "model.0.bn.num_batches_tracked": torch.tensor(4),
    "model.10.anchors": torch.arange(6.0).view(3, 2),
    "model.10.type.weight": torch.rand(2),  # a name that an nn.Module has itself
}


def equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    return list(found) == list(expected) and all(
        torch.equal(found[key].double(), expected[key].double()) for key in expected
    )


def test_a_checkpoint_is_loaded_as_train_py_loads_it(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    save(path, STATE, "checkpoint", config={"nc": 3, "backbone": []})
    ckpt = torch.load(path, map_location="cpu", weights_only=False)
    state = ckpt["model"].float().state_dict()
    assert equal(state, STATE)
    assert state["model.0.conv.weight"].dtype == torch.float32
    assert state["model.0.bn.num_batches_tracked"].dtype == torch.int64
    assert ckpt["model"].yaml == {"nc": 3, "backbone": []}
    # What YOLOv7 reads further, and what Ultralytics takes the network from.
    assert ckpt["epoch"] + 1 == 0
    assert ckpt["optimizer"] is None
    assert (ckpt.get("ema") or ckpt["model"]) is ckpt["model"]


def test_a_checkpoint_names_no_class_but_torchs(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    save(path, STATE, "checkpoint", config={"nc": 3})
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("data.pkl"))
        names = set(re.findall(rb"c([\w.]+\n\w+)\n", archive.read(name)))
    modules = {each.partition(b"\n")[0].split(b".")[0] for each in names}
    assert modules <= {b"torch", b"collections", b"__builtin__"}
    assert b"torch.nn.modules.module\nModule" in names


def test_a_state_dict_needs_no_trust(tmp_path: Path) -> None:
    save(tmp_path / "x.pt", STATE, "state dict")
    found = torch.load(tmp_path / "x.pt", weights_only=True)
    assert equal(found, STATE)
    assert [found[key].dtype for key in STATE] == [value.dtype for value in STATE.values()]


def test_safetensors_are_as_the_package_reads_and_writes_them(tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.torch")
    save(tmp_path / "x.safetensors", STATE, "safetensors")
    found = package.load_file(tmp_path / "x.safetensors")
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[key], STATE[key]) for key in STATE)


def test_the_header_of_safetensors_is_the_formats() -> None:
    text = header({"a": ("float32", (2, 3), 24), "b": ("bool", (), 1)})
    assert int.from_bytes(text[:8], "little") == len(text) - 8
    assert len(text) % 8 == 0
    assert text[8:].rstrip() == (
        b'{"__metadata__":{"format":"pt"},'
        b'"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},'
        b'"b":{"dtype":"BOOL","shape":[],"data_offsets":[24,25]}}'
    )


def test_of_a_view_only_what_it_shows_is_written(tmp_path: Path) -> None:
    save(tmp_path / "x.pt", {"model.0.a": torch.rand(1_000_000)[:3]}, "state dict")
    assert (tmp_path / "x.pt").stat().st_size < 10_000


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        save(path, STATE, "state dict")
    assert path.read_text() == "precious"
    save(path, STATE, "state dict", over=standing(path))
    assert equal(torch.load(path), STATE)


def test_the_name_says_the_kind() -> None:
    assert kind_of(Path("x.pt"), plain=False) == "checkpoint"
    assert kind_of(Path("x.pth"), plain=True) == "state dict"
    assert kind_of(Path("x.safetensors"), plain=False) == "safetensors"
    with pytest.raises(UsageError, match="no name for weights"):
        kind_of(Path("x.yaml"), plain=False)


def test_a_tree_of_modules_has_the_keys() -> None:
    found = tree(STATE)
    assert equal(found.state_dict(), STATE)
    assert len(found.model) == 11
