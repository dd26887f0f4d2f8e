"""A user's own class in the real frameworks: trained, and reloaded by another process."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from frameworks.drawing import draw_dataset
from frameworks.real import checkout, checkout_python, need_ultralytics, run_python
from own_class import parameters, write_own

import yaml_attn
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.frameworks.checkout.train_command import config_target, train_command
from yaml_attn.mechanisms.custom import load_own

pytestmark = pytest.mark.frameworks

# What reads the rows of today's YOLOv7 loads its own checkpoints only with this.
STOCK_LOADING = {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}

CASES = {
    "yolov5": ("models/yolov5s.yaml", "8", 512, "--imgsz 64 --noplots"),
    "yolov7": ("cfg/training/yolov7-tiny.yaml", "28", 512, "--img-size 64 64"),
}

RELOAD = """
import json, sys
from models.experimental import attempt_load
layers = [each for each in attempt_load(sys.argv[1], "cpu").model if "yaml_attn" in each.type]
found = [[each.type, sum(p.numel() for p in each.parameters())] for each in layers]
print("FOUND", json.dumps([found, "yaml_attn" in sys.modules]))
"""


@pytest.mark.parametrize("name", CASES)
def test_a_checkout_trains_and_reloads_it(name: str, tmp_path: Path) -> None:
    base, after, channels, options = CASES[name]
    repo = tmp_path / name
    shutil.copytree(checkout(name), repo, ignore=shutil.ignore_patterns(".git", "runs", "*.cache"))
    before = {path: path.read_bytes() for path in repo.rglob("*.py")}
    source = write_own(tmp_path)
    config = yaml_attn.load(repo / base).insert(source, after=after, args=[0.5])
    file = config.save(tmp_path / f"{name}_Mine.yaml")
    document = yaml_attn.load(file, own=[source]).document
    Checkout(repo).plan((), document, own=[load_own(source)]).write()

    command = shlex.split(train_command(document, config_target(file, repo), repo))[1:]
    data = draw_dataset(tmp_path / "data")
    few = f"--data {data} --epochs 1 --batch-size 4 --device cpu --workers 0 {options}"
    python = checkout_python()
    run_python(python, *command, *shlex.split(few), cwd=repo, ours=False, env=STOCK_LOADING)
    (best,) = repo.glob("runs/train/exp/weights/best.pt")
    said = run_python(python, "-c", RELOAD, best, cwd=repo, ours=False, env=STOCK_LOADING).stdout
    expected = ["models.yaml_attn_modules.Mine", parameters(channels)]
    assert json.loads(said.split("FOUND ")[1]) == [[expected], False]

    Checkout(repo).plan_undo().write()
    assert {path: path.read_bytes() for path in repo.rglob("*.py")} == before


BASE = """
from pathlib import Path
import ultralytics
print("BASE", next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml")))
"""

LAUNCH = """
import sys
import yaml_attn.frameworks.ultralytics as ours
ours.register("./mine.py:Mine")
from ultralytics.models.yolo.detect import DetectionTrainer
import ultralytics.utils.dist as dist
trainer = DetectionTrainer(overrides=dict(
    model=sys.argv[1], data=sys.argv[2], epochs=1, imgsz=64, batch=4, device="cpu", workers=0,
    plots=False, project="runs", name="child", exist_ok=True, task="detect",
))
trainer.setup_model()
print("FOLDER", trainer.save_dir)
print("FILE", dist.generate_ddp_file(trainer))
"""


@need_ultralytics()
def test_ultralytics_trains_it_and_other_processes_know_it(python: str, tmp_path: Path) -> None:
    source = write_own(tmp_path)
    said = run_python(python, "-c", BASE, cwd=tmp_path).stdout
    base = said.split("BASE ")[1].strip()
    config = yaml_attn.load(base, scale="n").insert(source, after=8).insert(source, edge=(4, 15))
    file = config.save(tmp_path / "yolov8n_Mine.yaml")
    data = draw_dataset(tmp_path / "data")
    image = data.parent / "images/train/0.bmp"

    yolo = ("-m", "yaml_attn", "yolo")
    few = ("epochs=1", "imgsz=64", "batch=4", "device=cpu", "workers=0", "plots=False")
    where = (f"project={tmp_path / 'cli'}", "name=one")
    train = (*yolo, "--own", "./mine.py:Mine", "train", f"model={file}", f"data={data}")
    run_python(python, *train, *few, *where, cwd=tmp_path)
    (best,) = tmp_path.glob("cli/one/weights/best.pt")
    predict = ("predict", f"model={best}", f"source={image}", "imgsz=64", "device=cpu")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = shutil.move(tmp_path / "mine.py", elsewhere)
    Path(moved).write_text(Path(moved).read_text() + "\n# newer\n")
    run_python(python, *yolo, "--own", "./mine.py:Mine", *predict, cwd=elsewhere)
    unknown = run_python(python, *yolo, *predict, cwd=tmp_path, code=2)
    assert "the checkpoint needs a class of mine.py" in unknown.stderr

    # No two GPUs here: the file that the launcher starts on each is run as one CPU process.
    launched = run_python(python, "-c", LAUNCH, file, data, cwd=elsewhere).stdout.splitlines()
    said_of = dict(line.split(" ", 1) for line in launched if line.startswith(("FILE ", "FOLDER ")))
    run_python(python, said_of["FILE"], cwd=elsewhere)
    assert (elsewhere / said_of["FOLDER"] / "weights/best.pt").is_file()
