"""The templates against the facts of the framework, carried in data/templates.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from yaml_attn.building.bundled import build
from yaml_attn.config.network import IMAGE, Network

ROOT = Path(__file__).parents[1]
FACTS = json.loads((ROOT / "tests/data/templates.json").read_text(encoding="utf-8"))
NAMES = sorted(FACTS["templates"])
KEYS = ["nc", "depth_multiple", "width_multiple", "anchors", "backbone", "head"]

template = pytest.mark.parametrize("name", NAMES)


def text(name: str) -> str:
    return (ROOT / "templates" / f"{name}.yaml").read_bytes().decode("ascii")


def config(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(text(name))
    return data


def strides(network: Network) -> list[int]:
    """The stride of every layer, from the rows alone; Concat's inputs must agree."""
    found: list[int] = []
    for layer in network.layers:
        inputs = {1 if s.key == IMAGE else found[s.key] for s in layer.sources}
        if layer.module == "Detect":
            break
        assert len(inputs) == 1, f"{layer.module} {layer.key} joins strides {sorted(inputs)}"
        stride = inputs.pop()
        if layer.module == "Focus" or (layer.module == "Conv" and layer.args[2:3] == [2]):
            stride *= 2
        elif layer.module == "nn.Upsample":
            stride //= layer.args[1]
        found.append(stride)
    return found


def test_every_template_has_facts_and_every_fact_a_template() -> None:
    assert sorted(path.stem for path in (ROOT / "templates").iterdir()) == NAMES


@template
def test_rows_and_settings_are_the_facts(name: str) -> None:
    fact, data = FACTS["templates"][name], config(name)
    assert list(data) == KEYS
    assert data["nc"] == 80
    assert data["depth_multiple"] == fact["depth_multiple"]
    assert data["width_multiple"] == fact["width_multiple"]
    assert data["anchors"] == FACTS["anchors"].get(fact["anchors"], fact["anchors"])
    assert {key: data[key] for key in ("backbone", "head")} == FACTS["layouts"][fact["layout"]]


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
    assert first.startswith(f"# YOLOv5{name.removeprefix('yolov5').split('-')[0]}")
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
    assert detect.module == "Detect"
    found = strides(network)
    assert [found[s.key] for s in detect.sources] == FACTS["templates"][name]["strides"]
    assert {network[s.key].module for s in detect.sources} == {"C3"}


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


@template
def test_built_model_has_the_parameters_and_strides_of_the_framework(name: str) -> None:
    data = config(name)
    settings = {key: data[key] for key in KEYS[:4]}
    with torch.device("meta"):
        model = build(Network.read(data), settings, init=False)
    fact = FACTS["templates"][name]
    assert sum(parameter.numel() for parameter in model.parameters()) == fact["parameters"]
    assert list(model.model[-1].stride) == fact["strides"]
