"""Where NumPy is missing, which torch alone does not need, everything works and is silent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

from yaml_attn import load
from yaml_attn.building import bundled
from yaml_attn.weights import read_checkpoint

BLOCKED = "import sys\nsys.modules['numpy'] = None\n"

BUILD = """\
import yaml_attn
print(yaml_attn.load("yolov5n").insert("SE", after=8).build(imgsz=64).parameters)
"""

EVERY_KIND = """\
from yaml_attn.weights import read_checkpoint, save
import torch
from pathlib import Path
kinds = (
    "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
)
state = {
    f"model.0.{kind}": (torch.arange(24).view(2, 3, 4) * 7 % 5).to(getattr(torch, kind))
    for kind in kinds
}
state["model.1.turned"] = torch.rand(3, 5).T
state["model.1.number"] = torch.tensor(-1.5)
state["model.1.nothing"] = torch.empty(0, 4)
state["model.1.odd"] = torch.tensor([float("inf"), -0.0, 1e-45])
torch.save(state, "expected.pt")
save(Path("x.safetensors"), state, "safetensors")
save(Path("none.safetensors"), {}, "safetensors")
found = read_checkpoint("x.safetensors").state
assert list(found) == list(state)
assert all(found[key].dtype == each.dtype for key, each in state.items())
assert all(torch.equal(found[key], each) for key, each in state.items())
"""

WEIGHTS = "from yaml_attn.cli import main; main()"


def run(code: str, folder: Path, *args: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", BLOCKED + code, *args],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_the_api_builds_without_a_word_of_numpy(tmp_path: Path) -> None:
    assert run(BUILD, tmp_path) == "1880349\n"


def test_safetensors_hold_every_kind_of_number_exactly(tmp_path: Path) -> None:
    run(EVERY_KIND, tmp_path)
    expected = torch.load(tmp_path / "expected.pt", weights_only=True)
    data = (tmp_path / "x.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    # Byte for byte what NumPy gives.
    assert data[start:] == b"".join(
        bytes(each.contiguous().reshape(-1).view(torch.uint8).numpy()) for each in expected.values()
    )
    assert (tmp_path / "none.safetensors").stat().st_size % 8 == 0


def test_weights_are_moved_and_written(tmp_path: Path) -> None:
    base = load("yolov5n")
    base.insert("SE", after=8, parameters={"identity_init": True}).save(tmp_path / "x.yaml")
    model = bundled.build(base.network, base.document.settings)
    torch.save(model.state_dict(), tmp_path / "base.pt")
    call = ("weights", "-w", "base.pt", "-b", "yolov5n", "-c", "x.yaml")
    for name in ("x.safetensors", "x.pt"):
        out = run(WEIGHTS, tmp_path, *call, "--state-dict", "-o", name)
        assert f"Wrote {name}" in out
    found, same = (read_checkpoint(tmp_path / name).state for name in ("x.safetensors", "x.pt"))
    assert list(found) == list(same)
    assert all(torch.equal(found[key], same[key]) for key in same)
