"""Attention inside the blocks of the real frameworks: counted, trained, reloaded, exported."""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from frameworks.drawing import draw_dataset
from frameworks.real import checkout, checkout_python, need_ultralytics, run_python

import yaml_attn
from yaml_attn.document.document import Document
from yaml_attn.frameworks.checkout.patch import Checkout

pytestmark = pytest.mark.frameworks

REGISTERED = "import yaml_attn.frameworks.ultralytics\n"

# What reads the rows of today's YOLOv7 and YOLOv9 loads its own checkpoints only with this.
STOCK_LOADING = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}

COUNTS = """
    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())
    def hidden(c):
        return -(-c // 128) * 8
    def se(c):
        return 2 * c * hidden(c)
    def cbam(c):
        return 2 * c * hidden(c) + hidden(c) + c + 2 * 7**2 + 2
    def bottlenecks(row):
        return [each for each in row.modules() if type(each).__name__ == "Bottleneck"]
    def out(block):
        return getattr(block, max(n for n, _ in block.named_children() if n[:2] == "cv")).conv
"""

BUILD = """
    import json, re, sys
    from pathlib import Path
    import torch, ultralytics
    from ultralytics import YOLO
    name, block, mechanism, behind = sys.argv[1:5]
    found = list(Path(ultralytics.__file__).parent.rglob(f"{name}.yaml"))
    if not found:
        print("RESULT", json.dumps({}))
        sys.exit()
    stock = found[0].read_text(encoding="utf-8")
    added = {"SE": se, "CBAM": cbam}[mechanism]
    result = {}
    for scale in "nsmlx":
        plain, ours = Path(f"{name}{scale}.yaml"), Path(f"{name}{scale}-inside.yaml")
        plain.write_text(stock, encoding="utf-8")
        row = f" {block}{'Then' if behind else ''}{mechanism},"
        ours.write_text(stock.replace(f" {block},", row), encoding="utf-8")
        base, model = YOLO(plain).model, YOLO(ours).model
        rows = [each for each in base.model if type(each).__name__ == block]
        widths = [out(each) for row in rows for each in ([row] if behind else bottlenecks(row))]
        missing, unexpected = model.load_state_dict(base.state_dict(), strict=False)
        assert not unexpected and all(".attn." in key for key in missing), (missing, unexpected)
        mine = [each for each in model.model if mechanism in each.type]
        assert [each.i for each in mine] == [each.i for each in rows]
        assert all(each.np == count(each) for each in mine)
        assert getattr(model.model[-1], "legacy", 0) == getattr(base.model[-1], "legacy", 0)
        assert [r[2] for r in model.yaml["backbone"]].count(block) == 0
        own = sum(added(each.out_channels) for each in widths)
        result[scale] = [count(base), count(model), own]
    print("RESULT", json.dumps(result))
"""


def said(output: str, word: str) -> Any:
    line = next(line for line in output.splitlines() if line.startswith(f"{word} "))
    return json.loads(line.split(" ", 1)[1])


def script(*parts: str) -> str:
    return "".join(textwrap.dedent(part) for part in parts)


@need_ultralytics()
@pytest.mark.parametrize(
    ("name", "block", "mechanism", "behind"),
    [
        ("yolov8", "C2f", "SE", ""),
        ("yolov8", "C2f", "SE", "behind"),
        ("yolo11", "C3k2", "CBAM", ""),
        ("yolov5", "C3", "CBAM", ""),
    ],
)
def test_every_scale_has_what_the_attentions_add(
    python: str, name: str, block: str, mechanism: str, behind: str, tmp_path: Path
) -> None:
    code = script(REGISTERED, COUNTS, BUILD)
    ran = run_python(python, "-c", code, name, block, mechanism, behind, cwd=tmp_path)
    found = said(ran.stdout, "RESULT")
    if not found:
        pytest.skip(f"this version of Ultralytics has no {name}.yaml")
    assert set(found) == set("nsmlx")
    for base, count, added in found.values():
        assert added > 0
        assert count == base + added


IDENTITY = """
    import sys
    from pathlib import Path
    import torch, ultralytics
    from ultralytics import YOLO
    base = next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml")).read_text(encoding="utf-8")
    Path("yolov8n.yaml").write_text(base, encoding="utf-8")
    # The block's own arguments, then SE's: ratio, bias, identity_init.
    row = f"{sys.argv[1]}, [128, True, 1, 0.5, 16, False, True]"
    inside = base.replace("C2f, [128, True]", row)
    assert inside != base
    Path("yolov8n-inside.yaml").write_text(inside, encoding="utf-8")
    plain, model = (YOLO(name).model.eval() for name in ("yolov8n.yaml", "yolov8n-inside.yaml"))
    missing, _ = model.load_state_dict(plain.state_dict(), strict=False)
    assert missing
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(plain(x)[0], model(x)[0])
        assert torch.equal(plain.fuse()(x)[0], model.fuse()(x)[0])
"""


@need_ultralytics()
@pytest.mark.parametrize("module", ["C2fSE", "C2fThenSE"])
def test_attention_that_starts_as_the_identity_leaves_a_pretrained_model_as_it_was(
    python: str, module: str, tmp_path: Path
) -> None:
    run_python(python, "-c", script(REGISTERED, IDENTITY), module, cwd=tmp_path)


TRAIN = """
    import sys
    from pathlib import Path
    import json, ultralytics
    from ultralytics import YOLO
    base = next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml")).read_text(encoding="utf-8")
    backbone, head, rest = base.partition("head:")
    text = backbone.replace(" C2f,", " C2fSE,") + head + rest.replace(" C2f,", " C2fThenSE,")
    Path("yolov8n-inside.yaml").write_text(text, encoding="utf-8")
    model = YOLO("yolov8n-inside.yaml")
    model.train(data=sys.argv[1], epochs=1, imgsz=64, device="cpu", workers=0, plots=False,
                project="runs", name="one", exist_ok=True, batch=4)
    print("BEST", json.dumps(str(model.trainer.best)))
"""

USE = """
    import json, sys
    import numpy, onnxruntime, torch
    from ultralytics import YOLO
    best, image = sys.argv[1:]
    boxes = len(YOLO(best).predict(image, imgsz=64, conf=1e-6, device="cpu")[0].boxes)
    metrics = YOLO(best).val(data=sys.argv[2].replace("images/train/0.bmp", "data.yaml"), imgsz=64,
                             device="cpu", workers=0, plots=False, batch=4)
    file = YOLO(best).export(format="onnx", imgsz=64, device="cpu")
    model = YOLO(best).model.float().eval()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(x)[0].numpy()
        fused = model.fuse()(x)[0].numpy()
    found = onnxruntime.InferenceSession(file).run(None, {"images": x.numpy()})[0]
    print("USED", json.dumps({
        "boxes": boxes, "scale": float(numpy.abs(expected).max()),
        "error": float(numpy.abs(expected - found).max()),
        "fused": float(numpy.abs(expected - fused).max()),
        "kinds": sorted({type(each).__name__ for each in model.modules()
                         if type(each).__module__ == "yaml_attn.modules.attentive"}),
        "ours": sorted(name for name in sys.modules if name.startswith("yaml_attn.f")),
    }))
"""


@need_ultralytics()
def test_a_model_trains_and_its_checkpoint_serves_where_nothing_is_registered(
    python: str, tmp_path: Path
) -> None:
    data = draw_dataset(tmp_path / "data")
    trained = run_python(python, "-c", script(REGISTERED, TRAIN), data, cwd=tmp_path)
    image = data.parent / "images/train/0.bmp"
    best = said(trained.stdout, "BEST")
    used = said(run_python(python, "-c", script(USE), best, image, cwd=tmp_path).stdout, "USED")
    assert used["boxes"] > 0
    assert used["kinds"] == ["AttentiveBlock", "AttentiveBottleneck"]
    assert used["error"] <= 1e-5 * used["scale"]
    assert used["fused"] <= 1e-5 * used["scale"]
    assert used["ours"] == []


class Case(NamedTuple):
    """A config of the checkout, what is written for what in it, and how it is trained."""

    base: str
    old: str
    new: str
    options: str


FEW = "--epochs 1 --batch-size 4 --device cpu --workers 0"
CASES = {
    "yolov5": Case("models/yolov5s.yaml", " C3,", " C3SE,", "train.py --imgsz 64 --noplots"),
    "yolov7": Case(
        "cfg/training/yolov7-tiny.yaml",
        "Conv, [64, 1, 1, None, 1, nn.LeakyReLU(0.1)]],  # 7",
        "BottleneckSE, [64]],  # 7",
        "train.py --img-size 64 64",
    ),
    "yolov9": Case(
        "models/detect/gelan-s.yaml",
        "RepNCSPELAN4, [128, 128, 64, 3]]",
        "BottleneckCSPSE, [128]]",
        "train.py --imgsz 64 --noplots --hyp data/hyps/hyp.scratch-high.yaml",
    ),
    "yolov3": Case(
        "models/yolov3-spp.yaml",
        "Bottleneck, [128]",
        "BottleneckThenSE, [128]",
        "train.py --imgsz 64 --noplots",
    ),
}

LOAD = """
    import copy, io, json, sys
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
    saved = torch.load(sys.argv[1], map_location="cpu", weights_only=False)["model"].float().eval()
    with torch.no_grad():
        model = attempt_load(sys.argv[1], "cpu").float().eval()  # which fuses
        net = Net(model)
        expected = net(x).numpy()
        unfused = Net(copy.deepcopy(saved))(x).numpy()
        torch.onnx.export(net, (x,), "m.onnx", input_names=["x"], opset_version=17, dynamo=False)
    found = onnxruntime.InferenceSession("m.onnx").run(None, {"x": x.numpy()})[0]
    print("USED", json.dumps({
        "rows": sorted({each.type for each in model.model if "yaml_attn" in each.type}),
        "scale": float(numpy.abs(expected).max()),
        "error": float(numpy.abs(expected - found).max()),
        "fused": float(numpy.abs(expected - unfused).max()),
        "ours": sorted(name for name in sys.modules if name.split(".")[0] == "yaml_attn"),
    }))
"""


def copied(name: str, folder: Path) -> Path:
    repo = folder / name
    shutil.copytree(checkout(name), repo, ignore=shutil.ignore_patterns(".git", "runs", "*.cache"))
    return repo


@pytest.mark.parametrize("name", CASES)
def test_a_checkout_trains_reloads_and_exports(name: str, tmp_path: Path) -> None:
    case, repo = CASES[name], copied(name, tmp_path)
    before = {path: path.read_bytes() for path in repo.rglob("*.py")}
    text = (repo / case.base).read_text(encoding="utf-8")
    assert case.old in text
    file = (repo / case.base).with_name("inside.yaml")
    file.write_text(text.replace(case.old, case.new), encoding="utf-8")
    document = Document.load(file)
    plan = Checkout(repo).plan((), document)
    plan.write()
    assert not Checkout(repo).plan((), document).changes

    python, data = checkout_python(), draw_dataset(tmp_path / "data")
    script_name, *options = case.options.split()
    command = [script_name, "--cfg", file, "--weights", "", "--data", data, *FEW.split(), *options]
    run_python(python, *command, cwd=repo, ours=False, env=STOCK_LOADING)
    (best,) = repo.glob("runs/train/exp/weights/best.pt")
    used = said(
        run_python(
            python, "-c", script(LOAD), best, cwd=repo, ours=False, env=STOCK_LOADING
        ).stdout,
        "USED",
    )
    assert used["rows"] == [f"models.yaml_attn_modules.{each}" for each in plan.mechanisms]
    assert used["ours"] == []
    assert used["error"] <= 1e-5 * used["scale"]
    assert used["fused"] <= 1e-4 * used["scale"]

    Checkout(repo).plan_undo().write()
    assert {path: path.read_bytes() for path in repo.rglob("*.py")} == before


COUNTED = """
    import sys
    from models.yolo import Model
    for name in sys.argv[1:]:
        print("COUNT", name, sum(each.numel() for each in Model(name).parameters()))
"""


def test_yolov5s_has_the_parameters_that_the_bundled_layers_have(tmp_path: Path) -> None:
    repo = copied("yolov5", tmp_path)
    counts = {"C3SE": 7_252_285, "C3CBAM": 7_253_849, "C3ECA": 7_235_418}
    backbone, head, rest = (repo / "models/yolov5s.yaml").read_text("utf-8").partition("head:")
    for module in counts:
        text = backbone.replace(" C3,", f" {module},") + head + rest
        (repo / "models" / f"{module}.yaml").write_text(text, encoding="utf-8")
    Checkout(repo).plan([*counts]).write()
    names = [f"models/{module}.yaml" for module in counts]
    ran = run_python(checkout_python(), "-c", script(COUNTED), *names, cwd=repo, ours=False)
    lines = [line.split() for line in ran.stdout.splitlines() if line.startswith("COUNT")]
    assert {Path(name).stem: int(count) for _, name, count in lines} == counts


EVERY = """\
nc: 2
depth_multiple: 0.67
width_multiple: 0.5
anchors: [[10, 13, 16, 30, 33, 23]]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 3, BottleneckSE, [64]]
  - [-1, 3, BottleneckCSPSE, [128]]
  - [-1, 3, C3SE, [128, True, 1, 0.5, 4]]
  - [-1, 3, C3GhostSE, [128]]
  - [-1, 3, C3xThenSE, [128]]
  - [-1, 3, GhostBottleneckSE, [128]]
  - [-1, 3, CrossConvSE, [128, 3, 1, 1, 1.0, True]]
  - [-1, 1, GhostBottleneckThenSE, [256, 3, 2]]
head:
  - [[8], 1, Detect, [nc, anchors]]
"""


def test_every_block_of_yolov5_is_built_as_the_bundled_one(tmp_path: Path) -> None:
    repo = copied("yolov5", tmp_path)
    file = repo / "models/every.yaml"
    file.write_text(EVERY, encoding="utf-8")
    Checkout(repo).plan((), Document.load(file)).write()
    ran = run_python(
        checkout_python(), "-c", script(COUNTED), "models/every.yaml", cwd=repo, ours=False
    )
    count = next(line for line in ran.stdout.splitlines() if line.startswith("COUNT"))
    expected = yaml_attn.load(file).build(imgsz=64).parameters
    assert int(count.split()[-1]) == expected


HOSTS = """
    import json, torch
    from ultralytics.nn import tasks
    from yaml_attn.dialects.block_attention import HOSTS
    from yaml_attn.modules import SE
    found = {}
    for block in sorted(HOSTS & vars(tasks).keys() - {"C3k", "CrossConv"}):
        for name in (f"{block}SE", f"{block}ThenSE"):
            rows = [[-1, 1, "Conv", [64, 3, 2]], [-1, 3, name, [64]]]
            head = [[[-1], 1, "Detect", [2]]]
            sizes = {"scale": "s", "scales": {"s": [1.0, 0.5, 1024]}}
            config = {"nc": 2, **sizes, "backbone": rows, "head": head}
            model = tasks.DetectionModel(config, ch=3, nc=2, verbose=False).eval()
            model(torch.rand(1, 3, 64, 64))
            own = [each.fc1.in_channels for each in model.model[1].modules() if type(each) is SE]
            found[name] = own
    print("RESULT", json.dumps(found))
"""


@need_ultralytics()
def test_every_block_of_ultralytics_takes_attention(python: str, tmp_path: Path) -> None:
    ran = run_python(python, "-c", script(REGISTERED, HOSTS), cwd=tmp_path)
    found = said(ran.stdout, "RESULT")
    assert {"BottleneckSE", "BottleneckCSPSE", "C2SE", "C2fSE", "C3SE", "C3GhostSE", "C3xSE"} <= {
        *found
    }
    alone = ("Bottleneck", "GhostBottleneck")
    for name, channels in found.items():
        whole = "Then" in name or (name.startswith(alone) and "CSP" not in name)
        copies = 3 if (name.startswith(alone) and "CSP" not in name) or "Then" not in name else 1
        assert channels == [32 if whole else 16] * copies, name
