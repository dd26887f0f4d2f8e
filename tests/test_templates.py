"""The templates against the facts of their frameworks, carried in data/templates.json.

Those of YOLOv5 have their facts there; of the others it names the model in another file of facts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import facts
import pytest
import torch
import yaml
from conftest import Run

from yaml_attn import dialects
from yaml_attn.building.bundled import build
from yaml_attn.document.document import Document
from yaml_attn.graph.network import IMAGE, Network
from yaml_attn.mechanisms.registry import find

ROOT = Path(__file__).parents[1]
FACTS = json.loads((ROOT / "tests/data/templates.json").read_text(encoding="utf-8"))
NAMES = sorted(FACTS["templates"])
YOLOV5 = [name for name in NAMES if name.startswith("yolov5")]
OTHERS = [name for name in NAMES if name not in YOLOV5]
MODELS = [
    (name, model)
    for name in OTHERS
    for model in facts.models(FACTS["templates"][name]["framework"])
    if model.partition("@")[0] == FACTS["templates"][name]["model"]
]
"""Each template with the models that its framework makes of it: one for each scale."""

KEYS = ["nc", "depth_multiple", "width_multiple", "anchors"]
KEYS_BY_SCALE = ["nc", "scales"]

template = pytest.mark.parametrize("name", NAMES)


def text(name: str) -> str:
    return (ROOT / "templates" / f"{name}.yaml").read_bytes().decode("ascii")


def config(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text(name))
    return data


def settings(name: str) -> dict[str, Any]:
    return {key: value for key, value in config(name).items() if key not in {"backbone", "head"}}


def framework(name: str) -> str:
    """The framework that the facts of a template are from."""
    found: str = FACTS["templates"][name].get("framework", "yolov5")
    return found


def strides(network: Network) -> list[int]:
    """The stride of every layer, from the rows alone; Concat's inputs must agree."""
    found: list[int] = []
    for layer in network.layers:
        inputs = {1 if s.key == IMAGE else found[s.key] for s in layer.sources}
        if layer.module.endswith("Detect"):
            break
        assert len(inputs) == 1, f"{layer.module} {layer.key} joins strides {sorted(inputs)}"
        stride = inputs.pop()
        if layer.module in {"Focus", "MP"} or (layer.module == "Conv" and layer.args[2:3] == [2]):
            stride *= 2
        elif layer.module == "nn.Upsample":
            stride //= layer.args[1]
        found.append(stride)
    return found


def test_every_template_has_facts_and_every_fact_a_template() -> None:
    assert sorted(path.stem for path in (ROOT / "templates").iterdir()) == NAMES


@template
def test_keys_are_in_the_usual_order(name: str) -> None:
    keys = KEYS_BY_SCALE if framework(name) == "ultralytics" else KEYS
    assert list(config(name)) == [*keys, "backbone", "head"]


@pytest.mark.parametrize("name", YOLOV5)
def test_rows_and_settings_are_the_facts(name: str) -> None:
    fact, data = FACTS["templates"][name], config(name)
    assert data["nc"] == 80
    assert data["depth_multiple"] == fact["depth_multiple"]
    assert data["width_multiple"] == fact["width_multiple"]
    assert data["anchors"] == FACTS["anchors"].get(fact["anchors"], fact["anchors"])
    assert {key: data[key] for key in ("backbone", "head")} == FACTS["layouts"][fact["layout"]]


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_rows_and_settings_are_those_of_the_frameworks_own_model(name: str, model: str) -> None:
    rows = facts.network(framework(name), model).rows()
    assert {key: config(name)[key] for key in ("backbone", "head")} == rows
    assert settings(name) == facts.settings(framework(name), model)


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_every_layer_is_what_the_framework_makes_of_it(name: str, model: str) -> None:
    scale = model.partition("@")[2] or None
    resolve = dialects.find(framework(name)).resolve
    layers = resolve(Network.read(config(name)), settings(name), find, scale=scale)
    for layer, fact in zip(layers, facts.layers(framework(name), model), strict=True):
        assert (layer.number, layer.channels) == (fact.number, fact.channels)
        assert isinstance(fact.args, str) or list(layer.args) == fact.args


def test_each_scale_of_a_template_is_a_model() -> None:
    assert len(MODELS) == 2 + 2 * 5


@template
def test_the_framework_is_recognised(name: str) -> None:
    assert dialects.recognise(Network.read(config(name)), settings(name)) == framework(name)


@template
def test_text_is_ascii_with_lf_and_one_final_newline(name: str) -> None:
    content = text(name)
    assert "\r" not in content
    assert "\t" not in content
    assert content.endswith("\n")
    assert not content.endswith("\n\n")
    assert content == "".join(line.rstrip() + "\n" for line in content.splitlines())
    assert max(map(len, content.splitlines())) <= 100


@template
def test_header_says_what_it_is_and_whose_licence(name: str) -> None:
    first, second, *_ = text(name).splitlines()
    assert first.startswith(f"# YOLO{name.removeprefix('yolo').split('-')[0]}")
    assert second == "# A base config of yaml-attn, Apache-2.0."
    assert "  # [from, number, module, args]" in text(name).splitlines()


@template
def test_index_comments_are_the_index_of_their_row(name: str) -> None:
    rows = re.findall(r"(?m)^  - \[.*$", text(name).partition("\nbackbone:")[2])
    numbered = {
        index: int(found[1])
        for index, row in enumerate(rows)
        if (found := re.search(r"  # (\d+)", row))
    }
    assert len(rows) == len(Network.read(config(name)))
    assert all(index == written for index, written in numbered.items())
    network = Network.read(config(name))
    skipped_to = {s.key for layer in network.layers for s in layer.sources if not s.relative}
    assert skipped_to <= set(numbered), "a row that is read by its index has it in its comment"


@template
def test_references_join_equal_strides_and_detect_reads_the_promised_ones(name: str) -> None:
    network = Network.read(config(name))
    detect = network.layers[-1]
    assert detect.module in {"Detect", "IDetect"}
    found = strides(network)
    assert [found[s.key] for s in detect.sources] == FACTS["templates"][name]["strides"]
    reads = FACTS["templates"][name].get("reads", ["C3"] * len(detect.sources))
    assert [network[s.key].module for s in detect.sources] == reads


@template
def test_level_comments_are_the_strides(name: str) -> None:
    found = strides(Network.read(config(name)))
    comments = re.findall(r"  # (\d+) \(P(\d)/(\d+)", text(name))
    assert len(comments) >= 8
    for index, level, stride in comments:
        assert found[int(index)] == int(stride) == 2 ** int(level)


@template
def test_each_layer_but_the_last_is_read(name: str) -> None:
    network = Network.read(config(name))
    unread = [layer.key for layer in network.layers[:-1] if not network.consumers(layer.key)]
    assert unread == []


@pytest.mark.parametrize("name", [name for name in NAMES if framework(name) != "ultralytics"])
def test_built_model_has_the_parameters_and_strides_of_the_framework(name: str) -> None:
    with torch.device("meta"):
        model = build(
            Network.read(config(name)),
            settings(name),
            init=False,
            dialect=dialects.find(framework(name)),
        )
    fact = FACTS["templates"][name]
    whole = facts.models(framework(name))[fact["model"]] if "model" in fact else fact
    assert sum(parameter.numel() for parameter in model.parameters()) == whole["parameters"]
    assert list(model.model[-1].stride) == fact["strides"] == whole["strides"]


@pytest.mark.parametrize(("name", "model"), [each for each in MODELS if "@" in each[1]])
def test_parameters_in_comments_are_those_of_the_scale(name: str, model: str) -> None:
    scale = model.partition("@")[2]
    written = re.search(rf"(?m)^  {scale}: .*  # (\d+\.\d) million parameters$", text(name))
    assert written
    assert written[1] == f"{facts.models(framework(name))[model]['parameters'] / 1e6:.1f}"


@pytest.mark.parametrize("name", OTHERS)
def test_attention_goes_into_a_template(name: str, run: Run, tmp_path: Path) -> None:
    base, after = Document.parse(text(name).encode()), 9
    result = run(
        *("insert", "--base", f"{name}.yaml", "--module", "SE", "--after", after),
        *("-o", "out.yaml", "--no-build"),
    )
    assert result.code == 0, result.err
    edited = Document.load(tmp_path / "out.yaml").network
    assert len(edited) == len(base.network) + 1
    assert (edited.layers[after + 1].module, edited.layers[after + 1].sources[0].key) == ("SE", 9)
    without = [layer.module for layer in edited.layers if layer.module != "SE"]
    assert without == [layer.module for layer in base.network.layers]
