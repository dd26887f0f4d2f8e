"""Our configs in real checkouts that `apply` made them known to: trained, reloaded, exported."""

from __future__ import annotations

import json
import shlex
import shutil
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
from frameworks.drawing import draw_dataset
from frameworks.real import checkout, checkout_python, run_python

import yaml_attn
from yaml_attn import Insert
from yaml_attn.document.document import Document
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.frameworks.checkout.train_command import config_target, train_command

pytestmark = pytest.mark.frameworks

# What reads the rows of today's YOLOv7 and YOLOv9 loads its own checkpoints only with this.
STOCK_LOADING = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}


class Case(NamedTuple):
    """A config of the checkout, where attention goes into it, and how training is told the size."""

    base: str
    after: str
    edge: tuple[int, int]
    options: str


CASES = {
    "yolov5": Case("models/yolov5s.yaml", "SPPF", (4, 16), "--imgsz 64 --noplots"),
    "yolov7": Case("cfg/training/yolov7-tiny.yaml", "28", (14, 50), "--img-size 64 64"),
    "yolov9": Case("models/detect/gelan-s.yaml", "9", (4, 14), "--imgsz 64 --noplots"),
    "yolov3": Case("models/yolov3-spp.yaml", "10", (8, 18), "--imgsz 64 --noplots"),
}

USE = """
    import json, sys
    import numpy, onnxruntime, torch
    from models.experimental import attempt_load
    class Net(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model
        def forward(self, x):
            y = self.model(x)
            while not isinstance(y, torch.Tensor):
                y = y[0]
            return y
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model = attempt_load(sys.argv[1], "cpu").float().eval()
        net = Net(model)
        expected = net(x).numpy()
        torch.onnx.export(net, (x,), "m.onnx", input_names=["x"], opset_version=17, dynamo=False)
    found = onnxruntime.InferenceSession("m.onnx").run(None, {"x": x.numpy()})[0]
    print("USED", json.dumps({
        "rows": [each.type for each in model.model if "yaml_attn" in each.type],
        "shape": expected.shape, "scale": float(numpy.abs(expected).max()),
        "error": float(numpy.abs(expected - found).max()),
        "ours": sorted(name for name in sys.modules if name.split(".")[0] == "yaml_attn"),
    }))
"""


@pytest.mark.parametrize("name", CASES)
def test_a_checkout_trains_reloads_and_exports(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    repo = tmp_path / name
    shutil.copytree(checkout(name), repo, ignore=shutil.ignore_patterns(".git", "runs", "*.cache"))
    before = {path: path.read_bytes() for path in repo.rglob("*.py")}
    config = yaml_attn.load(repo / case.base).edit(
        Insert("SE", after=case.after),
        Insert("CBAM", after="detect"),
        Insert("CoordAtt", edge=case.edge),
    )
    document = Document.load(config.save(tmp_path / f"{name}_attn.yaml"))

    Checkout(repo).plan((), document).write()
    assert not Checkout(repo).plan((), document).changes
    target = config_target(tmp_path / f"{name}_attn.yaml", repo)
    command = shlex.split(train_command(document, target, repo))[1:]
    assert (repo / command[0]).is_file()

    python = checkout_python()
    data = draw_dataset(tmp_path / "data")
    few = f"--data {data} --epochs 1 --batch-size 4 --device cpu --workers 0 {case.options}"
    run_python(python, *command, *shlex.split(few), cwd=repo, ours=False, env=STOCK_LOADING)
    (best,) = repo.glob("runs/train/exp/weights/best.pt")
    use = textwrap.dedent(USE)
    used = run_python(python, "-c", use, best, cwd=repo, ours=False, env=STOCK_LOADING)
    found = json.loads(used.stdout.split("USED ")[1])
    prefix = "models.yaml_attn_modules."
    assert set(found["rows"]) == {f"{prefix}{each}" for each in ("SE", "CBAM", "CoordAtt")}
    assert found["ours"] == []
    assert found["error"] <= 1e-5 * found["scale"]

    Checkout(repo).plan_undo().write()
    assert {path: path.read_bytes() for path in repo.rglob("*.py")} == before
