"""Our configs in the real Ultralytics: trained, resumed, reloaded elsewhere, run, exported."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from frameworks.drawing import draw_dataset
from frameworks.real import need_ultralytics, run_python

pytestmark = [pytest.mark.frameworks, need_ultralytics()]

OWN = ["yaml_attn.modules.se.SE", "yaml_attn.modules.coord_att.CoordAtt"]
OWN += ["yaml_attn.modules.cbam.CBAM"]

BUILD = """
    import json, sys
    from pathlib import Path
    import ultralytics, yaml_attn
    from yaml_attn import Insert
    models = Path(ultralytics.__file__).parent / "cfg" / "models"
    found = sorted(models.rglob(sys.argv[1]))
    if not found:
        sys.exit(f"this version has no {sys.argv[1]}")
    source, target = sys.argv[3].split(":")
    config = yaml_attn.load(found[0]).edit(
        Insert("SE", after=sys.argv[4]), Insert("CBAM", after="P3"),
        Insert("CoordAtt", edge=(int(source), int(target))),
    )
    config.save(sys.argv[2])
"""

REGISTERED = "import yaml_attn.frameworks.ultralytics\n"

TRAIN = """
    import sys
    from ultralytics import RTDETR, YOLO
    config, data, size = sys.argv[1:4]
    model = (RTDETR if "rtdetr" in config else YOLO)(config)
    model.train(data=data, epochs=1, imgsz=int(size), device="cpu", workers=0,
                plots=False, project="runs", name="one", exist_ok=True, batch=int(sys.argv[4]))
    print("BEST", model.trainer.best)
"""

USE = """
    import json, sys
    import numpy, onnxruntime, torch
    from ultralytics import RTDETR, YOLO
    best, image, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    make = RTDETR if "rtdetr" in sys.argv[4] else YOLO
    boxes = len(make(best).predict(image, imgsz=size, conf=1e-6, device="cpu")[0].boxes)
    file = make(best).export(format="onnx", imgsz=size, device="cpu")
    model = make(best).model.float().eval()
    x = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    rows = [each for each in model.model if "yaml_attn" in each.type]
    seen = {}
    def keep(row, inputs, output):
        seen[row] = (inputs[0], output)
    hooks = [row.register_forward_hook(keep) for row in rows]
    with torch.no_grad():
        expected = model(x)[0].numpy()
        for hook in hooks:
            hook.remove()
        model.fuse()
        fused = max(float((row(given) - gave).abs().max()) for row, (given, gave) in seen.items())
    found = onnxruntime.InferenceSession(file).run(None, {"images": x.numpy()})[0]
    error = numpy.abs(expected - found)
    if make is RTDETR:  # its queries come in the order of their scores, of which some are equal
        error = numpy.abs(expected[0][:, None] - found[0][None]).max(-1).min(1)
    print("USED", json.dumps({
        "boxes": boxes, "rows": [row.type for row in rows], "fused": fused,
        "scale": float(numpy.abs(expected).max()),
        "error": float(error.max()),
        "ours": sorted(name for name in sys.modules if name.startswith("yaml_attn.f")),
    }))
"""

# template, our file, edge, place, image size, batch
CONFIGS = {
    "yolov8n": ("yolov8.yaml", "yolov8n-attn.yaml", "4:14", "SPPF", 64, 4),
    "yolo11n": ("yolo11.yaml", "yolo11n-attn.yaml", "4:15", "SPPF", 64, 4),
    # It picks 300 places of the image, which needs as many.
    "rtdetr-l": ("rtdetr-l.yaml", "rtdetr-l-attn.yaml", "3:19", "9", 160, 2),
}


def said(output: str, word: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(f"{word} ")).split(" ", 1)[
        1
    ]


def call(
    python: str, folder: Path, script: str, *args: object, code: int = 0, first: str = ""
) -> Any:
    return run_python(python, "-c", first + textwrap.dedent(script), *args, cwd=folder, code=code)


def config(python: str, folder: Path, name: str) -> Path:
    template, file, edge, place, *_ = CONFIGS[name]
    result = run_python(
        python,
        "-c",
        f"from pathlib import Path; import ultralytics; "
        f"p = Path(ultralytics.__file__).parent; print(*p.rglob({template!r}))",
        cwd=folder,
    )
    if not result.stdout.strip():
        pytest.skip(f"this version of Ultralytics has no {template}")
    call(python, folder, BUILD, template, file, edge, place)
    return folder / file


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_dataset(tmp_path / "data")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_trains_and_its_checkpoint_serves_where_nothing_is_registered(
    python: str, name: str, data: Path, tmp_path: Path
) -> None:
    file = config(python, tmp_path, name)
    size, batch = CONFIGS[name][4:]
    trained = call(python, tmp_path, TRAIN, file, data, size, batch, first=REGISTERED)
    best = said(trained.stdout, "BEST")
    image = data.parent / "images/train/0.bmp"
    used = json.loads(said(call(python, tmp_path, USE, best, image, size, name).stdout, "USED"))
    assert used["boxes"] > 0
    assert sorted(used["rows"]) == sorted(OWN)
    assert used["fused"] == 0
    assert used["error"] <= 1e-5 * used["scale"]
    assert used["ours"] == []


RESUME = """
    import sys
    from ultralytics import YOLO
    class Interrupted(Exception): pass
    def interrupt(trainer):
        raise Interrupted
    model = YOLO(sys.argv[1])
    model.add_callback("on_model_save", interrupt)
    try:
        model.train(data=sys.argv[2], epochs=2, imgsz=64, batch=4, device="cpu", workers=0,
                    plots=False, project="runs", name="one", exist_ok=True)
    except Interrupted:
        print("LAST", model.trainer.last)
"""

CONTINUE = """
    import sys
    from ultralytics import YOLO
    model = YOLO(sys.argv[1])
    model.train(resume=True)
    print("EPOCHS", model.trainer.start_epoch, model.trainer.epoch + 1)
"""


def test_an_interrupted_training_resumes_in_a_fresh_process(
    python: str, data: Path, tmp_path: Path
) -> None:
    file = config(python, tmp_path, "yolov8n")
    last = said(call(python, tmp_path, RESUME, file, data, first=REGISTERED).stdout, "LAST")
    # What builds from rows must know them: this is what the import is for.
    assert "KeyError: 'SE'" in call(python, tmp_path, CONTINUE, last, code=1).stderr
    resumed = call(python, tmp_path, CONTINUE, last, first=REGISTERED)
    assert said(resumed.stdout, "EPOCHS") == "1 2"


LAUNCH = """
    import sys
    from ultralytics import YOLO
    from ultralytics.models.yolo.detect import DetectionTrainer
    import ultralytics.utils.dist as dist
    trainer = DetectionTrainer(overrides=dict(
        model=sys.argv[1], data=sys.argv[2], epochs=1, imgsz=64, batch=4, device="cpu", workers=0,
        plots=False, project="runs", name="child", exist_ok=True, task="detect",
    ))
    print("WITHOUT", dist.generate_ddp_file.__wrapped__(trainer))
    print("FOLDER", trainer.save_dir)
    print("WITH", dist.generate_ddp_file(trainer))
"""


def test_the_processes_of_a_multi_gpu_training_know_the_mechanisms(
    python: str, data: Path, tmp_path: Path
) -> None:
    # No two GPUs here: the file that its launcher starts on each is run as one CPU process.
    file = config(python, tmp_path, "yolov8n")
    launched = call(python, tmp_path, LAUNCH, file, data, first=REGISTERED).stdout
    run_python(python, said(launched, "WITH"), cwd=tmp_path)
    assert (tmp_path / said(launched, "FOLDER") / "weights/best.pt").is_file()
    failed = run_python(python, said(launched, "WITHOUT"), cwd=tmp_path, code=1)
    assert "KeyError: 'SE'" in failed.stderr


def test_the_yolo_command_trains_a_config_and_keeps_the_exit_code(
    python: str, data: Path, tmp_path: Path
) -> None:
    file = config(python, tmp_path, "yolov8n")
    command = ("-m", "yaml_attn", "yolo", "detect", "train", f"model={file}", f"data={data}")
    few = ("epochs=1", "imgsz=64", "batch=4", "device=cpu", "workers=0", "plots=False")
    run_python(python, *command, *few, f"project={tmp_path / 'cli'}", "name=one", cwd=tmp_path)
    (best,) = tmp_path.glob("cli/one/weights/best.pt")
    image = data.parent / "images/train/0.bmp"
    predict = ("-m", "yaml_attn", "yolo", "predict", f"model={best}", f"source={image}")
    run_python(python, *predict, "imgsz=64", "device=cpu", cwd=tmp_path)
    missing = ("-m", "yaml_attn", "yolo", "predict", "model=no_such_model.yaml")
    run_python(python, *missing, cwd=tmp_path, code=1)


SCALES = """
    import json, sys
    from ultralytics import YOLO
    found = {}
    for scale in "nsmlx":
        model = YOLO(sys.argv[1].replace("yolov8-", f"yolov8{scale}-")).model
        ours = [each for each in model.model if "yaml_attn" in each.type]
        found[scale] = [[each.type, each.np if "np" in vars(each) else None,
                         next(each.parameters()).shape[1]] for each in ours]
    print("FOUND", json.dumps(found))
"""


def test_every_scale_gets_the_channels_that_its_rows_read(python: str, tmp_path: Path) -> None:
    # One file for all scales: the framework takes the letter out of the name that is asked for.
    file = config(python, tmp_path, "yolov8n").rename(tmp_path / "yolov8-attn.yaml")
    found = json.loads(said(call(python, tmp_path, SCALES, file, first=REGISTERED).stdout, "FOUND"))
    widths = {scale: [width for *_, width in rows] for scale, rows in found.items()}
    # SE reads SPPF, CoordAtt layer 4, CBAM the P3 that Detect reads.
    assert widths == {
        "n": [256, 64, 64],
        "s": [512, 128, 128],
        "m": [576, 192, 192],
        "l": [512, 256, 256],
        "x": [640, 320, 320],
    }


STOCK = """
    import sys
    import ultralytics.nn.tasks as tasks
    from ultralytics import YOLO
    from yaml_attn.modules import SE
    tasks.SE = SE
    for scale in "nx":
        model = YOLO(sys.argv[1].replace("yolov8-", f"yolov8{scale}-")).model
        print("WIDTH", model.model[10].fc1.in_channels)
"""


def test_the_c2_spelling_needs_nothing_but_the_class(python: str, tmp_path: Path) -> None:
    build = """
        import sys, ultralytics, yaml_attn
        from pathlib import Path
        base = next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml"))
        text = yaml_attn.load(base).insert("SE", after="SPPF").text
        Path(sys.argv[1]).write_text(text.replace("SE, [1024]", "SE, [c2]"), encoding="utf-8")
    """
    file = tmp_path / "yolov8-stock.yaml"
    call(python, tmp_path, build, file)
    widths = call(python, tmp_path, STOCK, file).stdout
    assert [line for line in widths.splitlines() if "WIDTH" in line] == ["WIDTH 256", "WIDTH 640"]


TASKS = """
    import sys
    from pathlib import Path
    import torch, ultralytics, yaml_attn
    from ultralytics import YOLO
    for name in ("yolov8-seg", "yolov8-pose", "yolov8-cls", "yolov8-obb"):
        found = list(Path(ultralytics.__file__).parent.rglob(f"{name}.yaml"))
        if not found:
            continue  # obb came after 8.0.200
        file = Path(name.replace("yolov8", "yolov8m") + "-se.yaml")
        file.write_text(yaml_attn.load(found[0]).insert("SE", after=6).text, encoding="utf-8")
        model = YOLO(str(file), task=name[7:].replace("seg", "segment").replace("cls", "classify"))
        model.model.eval()(torch.zeros(1, 3, 64, 64))
        print("TASK", name, model.model.model[7].type, model.model.model[7].fc1.in_channels)
"""


def test_every_task_builds_with_attention(python: str, tmp_path: Path) -> None:
    lines = call(python, tmp_path, TASKS, first=REGISTERED).stdout.splitlines()
    said_of = {line.split()[1]: line.split()[2:] for line in lines if line.startswith("TASK ")}
    assert set(said_of) >= {"yolov8-seg", "yolov8-pose", "yolov8-cls"}
    assert set(map(tuple, said_of.values())) == {("yaml_attn.modules.se.SE", "384")}


NATIVE = """
    import sys
    from ultralytics import YOLO
    import ultralytics, yaml_attn
    from pathlib import Path
    base = next(Path(ultralytics.__file__).parent.rglob("yolov8.yaml"))
    text = yaml_attn.load(base).insert("SE", after="SPPF").text
    row = "torchvision.ops.SqueezeExcitation, [c2, 16]"
    Path("yolov8s-native.yaml").write_text(text.replace("SE, [1024]", row), encoding="utf-8")
    print("WIDTH", YOLO("yolov8s-native.yaml").model.model[10].fc1.in_channels)
"""


def test_the_native_spelling_needs_nothing_of_ours(python: str, tmp_path: Path) -> None:
    version = run_python(
        python, "-c", "import ultralytics as u; print(u.__version__)", cwd=tmp_path
    )
    known = tuple(map(int, version.stdout.split()[-1].split("."))) >= (8, 3, 100)
    result = call(python, tmp_path, NATIVE, code=0 if known else 1)
    assert "WIDTH 512" in result.stdout if known else "KeyError" in result.stderr


SAVED = """
    import torch
    from ultralytics import YOLO
    torch.save({"model": YOLO("yolov8s.yaml").model}, "yolov8s.pt")
"""

OPENED = """
    from ultralytics import YOLO
    from ultralytics.nn.tasks import DetectionModel
    opened = YOLO("yolov8s_SE.pt")
    built = DetectionModel(opened.model.yaml, verbose=False)
    built.load(opened.model)
    moved, own = opened.model.state_dict(), built.state_dict()
    same = sum(bool((own[key] == moved[key]).all()) for key in moved)
    print("BUILT", opened.task, sum(each.numel() for each in built.parameters()), same)
"""


def test_a_checkpoint_of_moved_weights_is_trained_at_its_scale(python: str, tmp_path: Path) -> None:
    # What `model=yolov8s_SE.pt` builds, of which nothing but the file tells the scale.
    call(python, tmp_path, SAVED)
    edit = ("insert", "-b", "yolov8s.yaml", "-m", "SE", "--after", "SPPF", "--no-build", "-q")
    run_python(python, "-m", "yaml_attn", *edit, cwd=tmp_path)
    weights = ("-w", "yolov8s.pt", "-b", "yolov8s.yaml", "-c", "yolov8s_SE.yaml")
    said_of = run_python(python, "-m", "yaml_attn", "weights", *weights, cwd=tmp_path).stdout
    assert "Transferred 355 of 355 tensors" in said_of
    built = said(call(python, tmp_path, OPENED, first=REGISTERED).stdout, "BUILT")
    assert built.split() == ["detect", "11199328", "355"]


def test_a_study_is_built_with_the_installed_package_and_says_so(
    python: str, tmp_path: Path
) -> None:
    study = (
        "ablate",
        "-b",
        "yolov8.yaml",
        "-m",
        "SE+CBAM",
        "--at",
        "SPPF",
        "--identity-init",
        "-q",
    )
    run_python(python, "-m", "yaml_attn", *study, cwd=tmp_path)
    found = json.loads((tmp_path / "ablation" / "manifest.json").read_text())
    version = run_python(
        python, "-c", "import ultralytics as u; print(u.__version__)", cwd=tmp_path
    )
    assert found["built_with"] == [f"ultralytics {version.stdout.split()[-1]}"]
    base, both = found["variants"]
    assert both["parameters"] == base["parameters"] + both["parameters_added"]
    assert (both["parameters_added"], both["starts_as_identity"]) == (8_192 + 8_564, True)
