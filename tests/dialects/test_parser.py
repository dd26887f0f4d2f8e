"""What the parsers of YOLOv3, YOLOv5, YOLOv7 and YOLOv9 have in common, against their own facts."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import facts
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn import dialects
from yaml_attn.dialects.arguments import TorchCall
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.module_specs import HEADS
from yaml_attn.errors import BuildError, UsageError
from yaml_attn.graph.edits import apply, plan_after
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

NAMES = ["yolov3", "yolov5", "yolov7", "yolov9"]
MODELS = [(name, model) for name in NAMES for model in facts.models(name)]
SETTINGS: dict[str, Any] = {
    "nc": 80,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "anchors": [[10, 13], [30, 61]],
}


def resolved(name: str, *rows: list[Any], **settings: Any) -> tuple[ResolvedLayer, ...]:
    network = Network.read({"backbone": [[-1, 1, "Conv", [64, 3, 2]], *rows]})
    return dialects.find(name).resolve(network, SETTINGS | settings, find)


def golden(name: str, model: str, network: Network | None = None) -> tuple[ResolvedLayer, ...]:
    network = network or facts.network(name, model)
    return dialects.find(name).resolve(network, facts.settings(name, model), find)


def as_json(value: Any) -> Any:
    """Tuples as lists, which is all that JSON has."""
    return [*map(as_json, value)] if isinstance(value, list | tuple) else value


def as_printed(value: Any) -> str:
    """As Python prints a list of arguments, torch's one activation among them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_printed, value))}]"
    if value == TorchCall("LeakyReLU", (0.1,)):
        return "LeakyReLU(negative_slope=0.1)"
    return repr(value)


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_numbers_channels_and_arguments_are_the_frameworks_own(name: str, model: str) -> None:
    for layer, fact in zip(golden(name, model), facts.layers(name, model), strict=True):
        assert layer.number == fact.number
        if name != "yolov5":  # whose facts have neither of the following
            assert as_json(layer.channels) == fact.channels
            write = as_printed if isinstance(fact.args, str) else as_json
            assert fact.args is None or write(layer.args) == fact.args
        elif layer.module not in HEADS:
            assert layer.channels == fact.shape[0]


@pytest.mark.parametrize(("name", "model"), MODELS)
def test_strides_are_the_frameworks_own(name: str, model: str) -> None:
    for layer, fact in zip(golden(name, model), facts.layers(name, model), strict=True):
        shape = fact.shape[0] if isinstance(layer.channels, tuple) else fact.shape
        if layer.module in HEADS:
            assert layer.stride is None
        else:
            assert layer.module == "nn.ZeroPad2d" or layer.stride == 640 / shape[1]


def test_nearly_all_facts_have_arguments() -> None:
    layers = [fact for name, model in MODELS for fact in facts.layers(name, model)]
    assert sum(fact.args is not None for fact in layers) == 79 + 2448 + 847


@given(st.data())
def test_an_attention_changes_no_other_layer(data: st.DataObject) -> None:
    name, model = data.draw(st.sampled_from(MODELS))
    base = facts.network(name, model)
    inner = base.layers[:-1]
    places = [layer.key for layer in inner if not dialects.several_maps(base, layer.key)]
    place = data.draw(st.sampled_from(places))
    edited = apply(base, [plan_after(base, place, "SE", ["c2", 16])])
    layers = golden(name, model, edited)
    at = next(layer.index for layer in layers if layer.module == "SE")
    rest = [dataclasses.replace(layer, index=0) for layer in layers if layer.index != at]
    before = golden(name, model)
    # What is recorded for a head is of no meaning: the channels of whatever row stands before it.
    rest[-1] = dataclasses.replace(rest[-1], channels=before[-1].channels)
    assert rest == [dataclasses.replace(layer, index=0) for layer in before]
    read = before[place]
    assert (layers[at].args, layers[at].stride) == ((read.channels, 16), read.stride)


@pytest.mark.parametrize("name", NAMES)
class TestEveryDialect:
    def test_an_attention_gets_the_real_channels_of_what_it_reads(self, name: str) -> None:
        layer = resolved(name, [-1, 9, "SE", [1024, "True"]])[-1]
        assert (layer.args, layer.channels, layer.copies) == ((32, True), 32, 3)

    def test_one_of_two_inputs_gets_those_of_both(self, name: str) -> None:
        rows = [[-1, 1, "Conv", [128, 3, 2]], [[0, -1], 1, "CoExcitation", ["ch", "f", 8]]]
        layer = resolved(name, *rows)[-1]
        assert (layer.args, layer.channels, layer.stride) == ((32, 64, 8), 32, 2)

    def test_attention_in_a_block_scales_as_the_block(self, name: str) -> None:
        layers = resolved(name, [-1, 9, "BottleneckSE", [128]], [-1, 9, "Bottleneck", [128]])
        assert [(layer.copies, layer.channels) for layer in layers[1:]] == [(3, 64), (3, 64)]

    def test_an_unknown_module_is_refused_in_its_own_name(self, name: str) -> None:
        title = dialects.find(name).title
        with pytest.raises(BuildError, match=f"layer 1: Konv is no module of {title}") as caught:
            resolved(name, [-1, 1, "Konv", [64]])
        assert "Did you mean Conv" in (caught.value.hint or "")
        with pytest.raises(BuildError, match=rf"C2fSE is C2f\[SE\], and .* of {title}"):
            resolved(name, [-1, 1, "C2fSE", [64]])

    def test_there_is_no_scale_to_choose(self, name: str) -> None:
        dialect = dialects.find(name)
        with pytest.raises(UsageError, match=f"of a {dialect.title} config") as caught:
            dialect.resolve(Network(()), SETTINGS, find, scale="m")
        assert ".yaml" in (caught.value.hint or "")

    def test_only_yolov5_has_a_multiple_of_channels(self, name: str) -> None:
        layer = resolved(name, [-1, 1, "Conv", [72]], channel_multiple=3)[-1]
        assert layer.channels == (36 if name == "yolov5" else 40)

    def test_the_name_of_a_variable_of_the_parser_is_no_argument(self, name: str) -> None:
        for taken in ("c1", "act", "Concat", "sum"):
            with pytest.raises(BuildError, match="name of Python or of the framework"):
                resolved(name, [-1, 1, "Conv", [64, taken]])

    def test_resolving_imports_no_torch(self, name: str) -> None:
        code = f"import sys, yaml_attn.dialects.{name}; sys.exit('torch' in sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True)
