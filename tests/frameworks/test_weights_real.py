"""Pretrained weights in real trainings: every way in which they get there starts from them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
from frameworks.drawing import draw_dataset
from frameworks.real import checkout, checkout_python, need_ultralytics, run_python

pytestmark = pytest.mark.frameworks

FEW = "epochs=1 imgsz=64 batch=4 device=cpu workers=0 plots=False"

PREPARE = """
    import sys, torch, ultralytics, yaml_attn
    from pathlib import Path
    from ultralytics.nn.tasks import DetectionModel
    for classes in (3, 80):
        torch.manual_seed(classes)
        model = DetectionModel("yolov8n.yaml", nc=classes, verbose=False)
        for key, value in model.state_dict().items():
            if value.is_floating_point() and "dfl" not in key:
                value.normal_(0, 0.1) if "var" not in key else value.uniform_(0.5, 1.5)
        task = {"train_args": {"task": "detect"}}
        torch.save({"model": model.half(), **task}, f"base{classes}.pt")
    base = next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml"))
    yaml_attn.load(base).insert("SE", after=4).save("yolov8n_SE.yaml")
"""

# Training is stopped as it begins, where all weights are loaded.
START = """
    import json, sys, torch
    from ultralytics import YOLO
    from yaml_attn.frameworks.ultralytics import load_pretrained

    class Stop(Exception): pass

    def stop(trainer):
        stop.state = {key: value.float() for key, value in trainer.model.state_dict().items()}
        raise Stop

    def start(model, **options):
        model.add_callback("on_pretrain_routine_end", stop)
        try:
            model.train(data=sys.argv[1], epochs=1, imgsz=64, batch=4, device="cpu", workers=0,
                        plots=False, project="runs", name="one", exist_ok=True, **options)
        except Stop:
            return stop.state

    def started_from(state, classes):
        base = torch.load(f"base{classes}.pt", weights_only=False)["model"].float().state_dict()
        same = {}
        for key, value in base.items():
            _, index, rest = key.split(".", 2)
            found = state.get(f"model.{int(index) + (int(index) > 4)}.{rest}")
            same[key] = found is not None and torch.equal(found, value)
        head = [value for key, value in same.items() if key.startswith("model.22.")]
        return [sum(same.values()), len(same), sum(head), len(head)]

    def way(name, classes):
        base, moved = f"base{classes}.pt", f"moved{classes}.pt"
        if name == "load_pretrained":
            model = YOLO("yolov8n_SE.yaml")
            load_pretrained(model, base)
            return start(model)
        return {
            "load base": lambda: start(YOLO("yolov8n_SE.yaml").load(base)),
            "load moved": lambda: start(YOLO("yolov8n_SE.yaml").load(moved)),
            "pretrained base": lambda: start(YOLO("yolov8n_SE.yaml"), pretrained=base),
            "pretrained moved": lambda: start(YOLO("yolov8n_SE.yaml"), pretrained=moved),
            "model moved": lambda: start(YOLO(moved)),
        }[name]()

    NAMES = ["load_pretrained", "load base", "load moved", "pretrained base", "pretrained moved",
             "model moved"]
    found = {name: {n: started_from(way(name, n), n) for n in (3, 80)} for name in NAMES}
    print("STARTED", json.dumps(found))
"""


def said(output: str, word: str) -> Any:
    return json.loads(
        next(line for line in output.splitlines() if line.startswith(f"{word} ")).split(" ", 1)[1]
    )


def prepared(python: str, folder: Path) -> Path:
    """Weights of a base for three classes and for eighty, the same moved, and data of three."""
    run_python(python, "-c", textwrap.dedent(PREPARE), cwd=folder)
    for classes in (3, 80):
        files = ("-w", f"base{classes}.pt", "-c", "yolov8n_SE.yaml", "-o", f"moved{classes}.pt")
        command = ("-m", "yaml_attn", "weights", "-b", "yolov8n.yaml", *files)
        moved = run_python(python, *command, cwd=folder)
        # Its layers are not bundled, but at hand.
        levels = re.search(r"its own size: P3 ([\d.]+) %, P4 ([\d.]+) %, P5 ", moved.stdout)
        assert levels
        assert min(map(float, levels.groups())) > 1
        assert "layer 5 (SE) does not start as the identity" in moved.stderr
    return draw_dataset(folder / "data")


@need_ultralytics()
def test_every_way_into_a_training_starts_from_the_moved_tensors(
    python: str, tmp_path: Path
) -> None:
    data = prepared(python, tmp_path)
    result = run_python(python, "-c", textwrap.dedent(START), data, cwd=tmp_path)
    found = said(result.stdout, "STARTED")
    assert len(found) == 6
    for name, started in found.items():
        # The data has three classes: of eighty, the six tensors with a number for each are lost.
        assert started == {"3": [355, 355, 85, 85], "80": [349, 355, 79, 85]}, name
    output = result.stdout + result.stderr
    assert "6 tensors of the head start anew, for it is built for 3 classes" in output
    assert "355 tensors are moved to where their layers are now" in output


@need_ultralytics()
def test_the_yolo_command_trains_from_the_weights_of_the_base(python: str, tmp_path: Path) -> None:
    data = prepared(python, tmp_path)
    command = ("-m", "yaml_attn", "yolo", "train", "model=yolov8n_SE.yaml", f"data={data}")
    few = (*FEW.split(), f"project={tmp_path / 'runs'}", "name=one")
    result = run_python(python, *command, "pretrained=base3.pt", *few, cwd=tmp_path)
    output = result.stdout + result.stderr
    assert "Transferred 355/357 items" in output
    assert "355 tensors are moved to where their layers are now" in output
    assert "give its row the arguments [256, 16, False, True]" in output
    assert (tmp_path / "runs/one/weights/best.pt").is_file()


LAUNCH = """
    import subprocess, sys
    import ultralytics.utils.dist as dist
    from ultralytics import YOLO
    from ultralytics.engine.trainer import BaseTrainer
    from yaml_attn.frameworks.ultralytics import load_pretrained

    def train(trainer):
        # The file that is started on each of two GPUs, as one process of a CPU.
        file = dist.generate_ddp_file(trainer)
        text = open(file).read()
        check = (
            "import torch\\n"
            "def stop(trainer):\\n"
            "    torch.save({k: v.float() for k, v in trainer.model.state_dict().items()}, "
            "'started.pt')\\n"
            "    raise SystemExit\\n"
        )
        where = "    trainer.train()"
        assert where in text
        text = text.replace(
            where, f"    trainer.add_callback('on_pretrain_routine_end', stop)\\n{where}"
        )
        open("child.py", "w").write(check + text)

    model = YOLO("yolov8n_SE.yaml")
    options = {"pretrained": sys.argv[2]} if sys.argv[3] == "argument" else {}
    if sys.argv[3] == "load":
        model.load(sys.argv[2])
    if sys.argv[3] == "load_pretrained":
        load_pretrained(model, sys.argv[2])
    BaseTrainer.train = train
    try:
        model.train(data=sys.argv[1], epochs=1, imgsz=64, batch=4, device="cpu", workers=0,
                    plots=False, project="runs", name="ddp", exist_ok=True, **options)
    except FileNotFoundError:
        pass  # nothing was trained in this process
    sys.exit(subprocess.run([sys.executable, "child.py"]).returncode)
"""

COMPARE = """
    import torch
    state = torch.load("started.pt")
    base = torch.load("base3.pt", weights_only=False)["model"].float().state_dict()
    same = 0
    for key, value in base.items():
        _, index, rest = key.split(".", 2)
        same += torch.equal(state[f"model.{int(index) + (int(index) > 4)}.{rest}"], value)
    print("SAME", same)
"""


@need_ultralytics()
def test_so_do_the_processes_of_a_multi_gpu_training(python: str, tmp_path: Path) -> None:
    data = prepared(python, tmp_path)
    for way in ("load_pretrained", "load", "argument"):
        script = textwrap.dedent(LAUNCH)
        run_python(python, "-c", script, data, tmp_path / "base3.pt", way, cwd=tmp_path)
        found = run_python(python, "-c", textwrap.dedent(COMPARE), cwd=tmp_path)
        assert said(found.stdout, "SAME") == 355, way
        (tmp_path / "started.pt").unlink()


MINE = """
from torch import nn
class Mine(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)
    def forward(self, x):
        return x * self.conv(x).sigmoid()
"""


@need_ultralytics()
def test_a_class_that_nobody_has_named_is_asked_for(python: str, tmp_path: Path) -> None:
    data = prepared(python, tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    text = (tmp_path / "yolov8n_SE.yaml").read_text()
    (tmp_path / "yolov8n_Mine.yaml").write_text(text.replace("SE, [256]", "Mine, [256]"))
    train = ("train", "model=yolov8n_Mine.yaml", "pretrained=base3.pt", f"data={data}")
    few = (*FEW.split(), f"project={tmp_path / 'runs'}", "name=one")
    command = ("-m", "yaml_attn", "yolo")
    failed = run_python(python, *command, *train, *few, cwd=tmp_path, code=2)
    assert "yaml-attn yolo --own ./FILE.py:Mine" in failed.stderr
    assert "Traceback" not in failed.stderr
    known = run_python(python, *command, "--own", "./mine.py:Mine", *train, *few, cwd=tmp_path)
    output = known.stdout + known.stderr
    assert "355 tensors are moved" in output
    assert "layer 5 (Mine) has no way to start as the identity" in output.replace("Layer", "layer")


# --- checkouts: the command that `apply` prints starts from what `weights` has written

CHECKOUTS = {
    # All but the anchors of the head; SE's own two of v5 and v7, whose layers are bundled.
    "yolov5": ("models/yolov5s.yaml", "8", "--imgsz 64 --noplots", "350/351"),
    "yolov7": ("cfg/training/yolov7-tiny.yaml", "28", "--img-size 64 64", "344/346"),
    "yolov9": ("models/detect/gelan-s.yaml", "8", "--imgsz 64 --noplots", "1339/1341"),
}

SAVE = """
    import sys, torch
    from models.yolo import Model
    model = Model(sys.argv[1], ch=3, nc=3)
    torch.save({"epoch": -1, "model": model.half(), "ema": None, "optimizer": None}, sys.argv[2])
    print("TENSORS", len(model.state_dict()))
"""

# The optimizer is made when all weights are loaded.
LOADED = """
    import runpy, sys, torch
    def stop(*args, **options): raise SystemExit
    torch.optim.SGD = stop
    del sys.argv[0]
    sys.path.insert(0, "")
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("name", CHECKOUTS)
def test_the_command_of_a_checkout_loads_every_tensor(name: str, tmp_path: Path) -> None:
    base, after, options, loaded = CHECKOUTS[name]
    repo = tmp_path / name
    shutil.copytree(checkout(name), repo, ignore=shutil.ignore_patterns(".git", "runs", "*.cache"))
    python, loading = checkout_python(), {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    weights, config = tmp_path / "base.pt", tmp_path / "attn.yaml"
    save = textwrap.dedent(SAVE)
    made = run_python(python, "-c", save, base, weights, cwd=repo, ours=False, env=loading)
    count = said(made.stdout, "TENSORS")

    ours = ("-m", "yaml_attn")
    insert = ("insert", "-b", repo / base, "-m", "SE", "--after", after, "--identity-init")
    run_python(python, *ours, *insert, "--no-build", "-o", config, cwd=tmp_path)
    move = ("weights", "-w", weights, "-b", repo / base, "-c", config, "--nc", 3)
    moved = run_python(python, *ours, *move, cwd=tmp_path).stdout
    assert f"Transferred {count} of {count} tensors" in moved or name == "yolov9"
    apply = run_python(python, *ours, "apply", "--repo", repo, "--config", config, cwd=tmp_path)
    line = next(line for line in apply.stdout.splitlines() if "python train" in line)
    command = shlex.split(line[line.index("python ") :])[1:]
    assert command[command.index("--weights") + 1].endswith("attn.pt")

    data = draw_dataset(tmp_path / "data")
    few = f"--data {data} --epochs 1 --batch-size 4 --device cpu --workers 0 {options}"
    words = (textwrap.dedent(LOADED), *command, *shlex.split(few))
    trained = run_python(python, "-c", *words, cwd=repo, ours=False, env=loading)
    assert f"Transferred {loaded} items" in trained.stdout + trained.stderr
