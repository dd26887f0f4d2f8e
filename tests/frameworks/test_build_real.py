"""Every config of the real frameworks, built by our builders with each framework itself.

What comes out must be the facts of `data/*.json`: per row the count after depth scaling, the
parameters and the shape, in whole the parameters, the strides and the FLOPs.
"""

from __future__ import annotations

import dataclasses
import json
import textwrap
from pathlib import Path
from typing import Any

import facts
import pytest
import yaml
from frameworks.real import checkout, checkout_python, need_ultralytics, run_python

import yaml_attn
from yaml_attn.modules import SE

pytestmark = pytest.mark.frameworks

FACTS_OF = "8.4.190"
"""The version of Ultralytics that the facts are of."""

OTHER_STRIDES = {
    "Classify": [],
    "Depth": [8, 16, 32],
    "RTDETRDecoder": [8, 16, 32],
    "SemanticSegment": [8, 16],
}
"""Heads for which the framework notes a stride of its own (1 or 32), not those of their maps."""

ULTRALYTICS = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    import torch
    from yaml_attn.errors import YamlAttnError
    from yaml_attn.frameworks.runtime.build import build

    def answer(request):
        try:
            return asdict(build(**request))
        except YamlAttnError as error:
            return {"error": str(error)}

    torch.set_num_threads(1)
    asked = json.loads(Path(sys.argv[1]).read_text())
    Path("answers.json").write_text(json.dumps([answer(each) for each in asked]))
    tasks = sys.modules["ultralytics.nn.tasks"]
    print(*(name for name in vars(tasks) if "yaml_attn" in name))  # what is left of ours
"""

CHECKOUT = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    from yaml_attn.errors import YamlAttnError
    from yaml_attn.frameworks.checkout.build import Request, build_all
    asked = [Request(**each) for each in json.loads(Path(sys.argv[1]).read_text())]
    repo = Path(sys.argv[2])
    answers = build_all(repo, asked, dialect=sys.argv[3], timeout=60)
    answers = [
        {"error": str(each)} if isinstance(each, YamlAttnError) else asdict(each)
        for each in answers
    ]
    Path("answers.json").write_text(json.dumps(answers))
"""


def ask(python: str, script: str, requests: list[dict[str, Any]], cwd: Path, *args: object) -> Any:
    """What a builder answers, run by a Python that has the framework; nothing is printed."""
    (cwd / "requests.json").write_text(json.dumps(requests))
    code = ("-c", textwrap.dedent(script), "requests.json")
    result = run_python(python, *code, *args, cwd=cwd, timeout=900)
    assert result.stdout.strip() == ""
    return json.loads((cwd / "answers.json").read_text())


def config(framework: str, name: str) -> str:
    """The text of a config, from the facts."""
    rows = facts.network(framework, name).rows()
    return yaml.safe_dump({**facts.settings(framework, name), **rows}, sort_keys=False)


def comparable(shape: Any) -> Any:
    """A shape of the facts as reports have it: what a head returns by name, in its order."""
    if isinstance(shape, dict):
        return [comparable(each) for each in shape.values()]
    if isinstance(shape, list):
        return [each if isinstance(each, int) else comparable(each) for each in shape]
    assert shape == "NoneType"
    return []


def assert_as_measured(framework: str, name: str, report: Any) -> None:
    expected, layers = facts.models(framework)[name], facts.layers(framework, name)
    assert "error" not in report, f"{name}: {report['error']}"
    found = [(each["number"], each["parameters"], each["shape"]) for each in report["layers"]]
    measured = [(each.number, each.parameters, comparable(each.shape)) for each in layers]
    assert found == measured, name
    assert report["parameters"] == expected["parameters"], name
    head = report["layers"][-1]["module"]
    assert report["strides"] == OTHER_STRIDES.get(head, expected["strides"]), name
    gflops = sum(each["flops"] for each in report["layers"]) / 1e9
    assert gflops == pytest.approx(expected["gflops"], abs=5.1e-5), name


def version_of(python: str, cwd: Path) -> str:
    code = "import ultralytics; print(ultralytics.__version__)"
    return run_python(python, "-c", code, cwd=cwd).stdout.split()[-1]


@need_ultralytics()
def test_every_config_and_scale_of_ultralytics_is_built_as_measured(
    python: str, tmp_path: Path
) -> None:
    version = version_of(python, tmp_path)
    if version != FACTS_OF:
        pytest.skip(f"the facts are of Ultralytics {FACTS_OF}, this is {version}")
    models = facts.models("ultralytics")
    requests = [
        {"text": config("ultralytics", name), "name": "any.yaml", "scale": model["scale"]}
        for name, model in models.items()
    ]
    reports = ask(python, ULTRALYTICS, requests, tmp_path)
    for name, report in zip(models, reports, strict=True):
        assert_as_measured("ultralytics", name, report)


@pytest.mark.parametrize("framework", ["yolov5", "yolov7", "yolov9", "yolov3"])
def test_every_config_of_a_checkout_is_built_as_measured(framework: str, tmp_path: Path) -> None:
    repo, models = checkout(framework), facts.models(framework)
    requests = [{"text": config(framework, name), "name": "any.yaml"} for name in models]
    reports = ask(checkout_python(), CHECKOUT, requests, tmp_path, repo, framework)
    for name, report in zip(models, reports, strict=True):
        assert_as_measured(framework, name, report)


@pytest.mark.parametrize(
    ("framework", "name"),
    [
        ("yolov5", "yolov5s"),
        ("yolov5", "yolov5s-seg"),
        ("yolov3", "models/yolov3-spp"),
        ("yolov7", "cfg/training/yolov7-tiny"),
        ("yolov7", "cfg/training/yolov7-w6"),
    ],
)
def test_the_report_is_the_bundled_builders(framework: str, name: str, tmp_path: Path) -> None:
    text = config(framework, name)
    request = {"text": text, "name": "any.yaml"}
    (report,) = ask(
        checkout_python(), CHECKOUT, [request], tmp_path, checkout(framework), framework
    )
    path = tmp_path / "any.yaml"
    path.write_text(text)
    bundled = yaml_attn.load(path, dialect=framework).build()
    assert report == json.loads(json.dumps(dataclasses.asdict(bundled)))


INSERTED = {
    "v8/yolov8@n": 9,
    "v8/yolov8@s": 9,
    "v8/yolov8@m": 9,
    "11/yolo11@n": 10,
    "26/yolo26@n": 10,
    "v10/yolov10n@n": 8,
    "rt-detr/rtdetr-l@l": 4,
    "v8/yolov8-seg@n": 6,
    "v8/yolov8-pose@n": 6,
    "v8/yolov8-obb@n": 6,
    "v8/yolov8-cls@n": 6,
    "v8/yolov8-world@s": 6,
    "11/yoloe-11-seg@s": 6,
    "26/yolo26-sem@n": 6,
    "26/yolo26-depth@n": 6,
}
"""A model of each kind -> where SE goes."""


def attended(text: str, after: int, cwd: Path) -> str:
    path = cwd / "base.yaml"
    path.write_text(text)
    return yaml_attn.load(path).insert("SE", after=after).text


def assert_only_attention_is_new(base: Any, edited: Any, after: int) -> None:
    own = edited["layers"][after + 1]
    assert (own["module"], own["shape"]) == ("SE", edited["layers"][after]["shape"])
    se = SE(own["shape"][0])
    assert own["parameters"] == sum(each.numel() for each in se.parameters())
    assert edited["parameters"] == base["parameters"] + own["parameters"]
    assert edited["strides"] == base["strides"]


@need_ultralytics()
def test_attention_in_each_kind_of_model_is_all_that_is_new(python: str, tmp_path: Path) -> None:
    requests = []
    for name, after in INSERTED.items():
        text = config("ultralytics", name)
        scale = {"name": "any.yaml", "scale": facts.models("ultralytics")[name]["scale"]}
        edited = attended(text, after, tmp_path)
        requests.append({"text": text, **scale})
        requests.append({"text": edited, **scale})
        # 300 queries of RT-DETR need as many pixels on its maps.
        requests.append({"text": edited, **scale, "imgsz": 128, "real": True})
    answers = ask(python, ULTRALYTICS, requests, tmp_path)
    built = []
    for at, (name, after) in enumerate(INSERTED.items()):
        base, edited, real = answers[3 * at : 3 * at + 3]
        if "error" in base:  # older versions do not know every module, nor what new ones take
            assert " has no " in base["error"] or name.startswith("26/"), f"{name}: {base}"
            continue
        assert_only_attention_is_new(base, edited, after)
        assert real["parameters"] == edited["parameters"], name
        built.append(name)
    missing = INSERTED.keys() - built if version_of(python, tmp_path) == FACTS_OF else ()
    assert not missing
    assert {"v8/yolov8@n", "v8/yolov8-seg@n", "v8/yolov8-cls@n", "rt-detr/rtdetr-l@l"} <= {*built}


@pytest.mark.parametrize(
    ("framework", "name", "after", "parameters"),
    [
        ("yolov5", "yolov5s", 8, 7_268_157),
        ("yolov7", "cfg/training/yolov7-tiny", 28, 6_261_530),
        ("yolov9", "models/detect/gelan-s", 9, 7_234_400),
        ("yolov3", "models/yolov3-tiny", 9, 8_860_558),
    ],
)
def test_a_checkout_builds_attention_and_stays_as_it_is(
    framework: str, name: str, after: int, parameters: int, tmp_path: Path
) -> None:
    repo = checkout(framework)
    before = {path: path.stat().st_mtime_ns for path in repo.rglob("*")}
    text = config(framework, name)
    edited = attended(text, after, tmp_path)
    requests = [
        {"text": text, "name": "any.yaml"},
        {"text": edited, "name": "any.yaml"},
        {"text": edited, "name": "any.yaml", "imgsz": 64, "real": True, "flops": [after + 1]},
        {"text": edited.replace(" SE, ", " ES, "), "name": "any.yaml"},
    ]
    base, edited, real, unknown = ask(
        checkout_python(), CHECKOUT, requests, tmp_path, repo, framework
    )
    assert_only_attention_is_new(base, edited, after)
    assert edited["parameters"] == real["parameters"] == parameters
    assert [each["index"] for each in real["layers"] if each["flops"] is not None] == [after + 1]
    assert unknown["error"].startswith(f"layer {after + 1}: the checkout has no module ES")
    assert {path: path.stat().st_mtime_ns for path in repo.rglob("*")} == before
