"""Rows as the parser of Ultralytics resolves them: against its own facts, and by hand."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from contextlib import suppress
from typing import Any

import facts
import pytest
from dialects.ultralytics_rows import SETTINGS, last, resolved
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn import dialects
from yaml_attn.dialects import several_maps
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.module_specs import HEADS as ENDS
from yaml_attn.dialects.ultralytics import legacy_head, resolve, task_of
from yaml_attn.dialects.ultralytics_rules import RULES
from yaml_attn.errors import BuildError, ConfigError, UsageError
from yaml_attn.graph.edits import apply, plan_after
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import find

MODELS = list(facts.models("ultralytics"))


def golden(model: str, network: Network | None = None) -> tuple[ResolvedLayer, ...]:
    scale = facts.models("ultralytics")[model]["scale"]
    network = network or facts.network("ultralytics", model)
    return resolve(network, facts.settings("ultralytics", model), find, scale=scale)


def as_json(value: Any) -> Any:
    """Tuples as lists, which is all that JSON has."""
    return [*map(as_json, value)] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("model", MODELS)
def test_numbers_channels_and_arguments_are_the_frameworks_own(model: str) -> None:
    for layer, fact in zip(golden(model), facts.layers("ultralytics", model), strict=True):
        assert layer.number == fact.number
        assert as_json(layer.channels) == fact.channels
        if isinstance(fact.args, str):  # the log has the end of them
            assert repr(as_json(layer.args)).endswith(fact.args)
        else:
            assert fact.args is None or as_json(layer.args) == fact.args


def test_nearly_all_facts_have_arguments() -> None:
    rows = [fact for model in MODELS for fact in facts.layers("ultralytics", model)]
    cut = [fact for fact in rows if not isinstance(fact.args, list)]
    assert (len(rows), len(cut)) == (5709, 9)


@pytest.mark.parametrize("model", MODELS)
def test_strides_are_the_frameworks_own(model: str) -> None:
    for layer, fact in zip(golden(model), facts.layers("ultralytics", model), strict=True):
        shape = fact.shape[0] if isinstance(layer.channels, tuple) else fact.shape
        if layer.module in ENDS or layer.module == "ImagePoolingAttn":
            assert layer.stride is None
        else:
            assert layer.module == "nn.ZeroPad2d" or layer.stride == 640 / shape[1]


@given(st.data())
def test_an_attention_changes_no_other_layer(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(MODELS))
    base = facts.network("ultralytics", model)
    # What nobody reads, such as the last text attention of YOLO-World, takes no attention.
    places = [
        layer.key
        for layer in base.layers[:-1]
        if base.consumers(layer.key) and not several_maps(base, layer.key)
    ]
    place = data.draw(st.sampled_from(places))
    layers = golden(model, apply(base, [plan_after(base, place, "SE", ["c2", 16])]))
    before = golden(model)
    at = next(layer.index for layer in layers if layer.module == "SE")
    assert [_bare(layer) for layer in layers if layer.index != at] == [*map(_bare, before)]
    read = before[place]
    assert (layers[at].args, layers[at].stride) == ((read.channels, 16), read.stride)


def _bare(layer: ResolvedLayer) -> ResolvedLayer:
    """A layer without its place and what is recorded of its row alone.

    The channels of modules that give no map are those of whatever row stands before.
    """
    channels = layer.channels if layer.stride else 0
    return dataclasses.replace(layer, index=0, channels=channels)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nc", 80),
        ("None", None),
        ("True", True),
        ("1e-4", 1e-4),
        ("[3, 5]", [3, 5]),
        ("c2", 32),
        ("ch", [32]),
        ("f", -1),
        ("i", 1),
        ("n", 9),
        ("kpt_shape", [17, 3]),
        ("reg_max", 16),
        ("end2end", None),
        ("max_channels", 1024),
        ("width", 0.5),
        ("scale", "n"),
        ("nearest", "nearest"),
        ("ch[f]", "ch[f]"),
        ("nn.SiLU()", "nn.SiLU()"),
        ("2 * nc", "2 * nc"),
        ("a", "a"),
        (r"'\d'", r"\d"),
    ],
)
def test_a_string_is_a_variable_of_the_parser_a_literal_or_itself(text: str, value: Any) -> None:
    assert last([-1, 9, "nn.Identity", [text, [text]]]).args == (value, [text])


@given(st.text(alphabet="[](){}'\"\\-+*,:#@x1.e_ \t\n\u0665") | st.text())
def test_no_string_does_more_than_fail(text: str) -> None:
    try:
        last([-1, 1, "nn.Identity", [text]])
    except BuildError as error:
        assert error.layer == 1  # noqa: PT017


odd = st.one_of(
    st.sampled_from(["nc", "c2", "ch", "kpt_shape", "None", "x", None, True, 0, -1, 10**400]),
    st.integers(1, 64),
    st.floats(),
    st.lists(st.integers(-2, 3), max_size=3),
)
settings = st.fixed_dictionaries(
    {},
    optional={
        "nc": odd,
        "scales": st.one_of(odd, st.dictionaries(st.sampled_from("nm"), st.lists(odd, max_size=4))),
        "depth_multiple": odd,
        "width_multiple": odd,
        "kpt_shape": odd,
        "channels": odd,
    },
)


@given(st.data(), settings)
def test_no_config_does_more_than_fail(data: st.DataObject, drawn: dict[str, Any]) -> None:
    rows: list[list[Any]] = [[-1, 1, "Conv", [16]]]
    for index in range(1, data.draw(st.integers(2, 5))):
        source = st.integers(-index, index - 1)
        listed = st.one_of(source, st.lists(source, max_size=3))
        module = st.sampled_from([*sorted(RULES), "SE", "CAN", "C3k2SE", "nn.SiLU"])
        args = st.lists(odd, max_size=8)
        number = st.one_of(st.integers(1, 3), odd)
        rows.append([data.draw(each) for each in (listed, number, module, args)])
    with suppress(ConfigError, UsageError):
        assert resolved(*rows[1:], **drawn)


@pytest.mark.parametrize("source", [-1, 0])
@pytest.mark.parametrize("first", [[1024], ["c2"], [], ["3x3"], [None]])
def test_an_attention_gets_the_real_channels_whatever_its_row_says(
    source: int, first: list[Any]
) -> None:
    layer = last([-1, 1, "Conv", [96]], [source, 1, "SE", first])
    channels = 48 if source == -1 else 32
    assert (layer.args, layer.channels, layer.stride) == ((channels,), channels, 2)


def test_the_other_arguments_of_an_attention_are_understood() -> None:
    assert last([-1, 1, "CBAM", [1024, "16", 7]]).args == (32, 16, 7)


@pytest.mark.parametrize("args", [["ch", "f"], [64, 3], []], ids=str)
def test_a_mechanism_of_two_inputs_gets_the_real_channels_of_both(args: list[Any]) -> None:
    conv = [-1, 1, "Conv", [128, 3, 2]]
    layer = last(conv, [[0, -1], 1, "CoExcitation", [*args, 8][: len(args) + 1 if args else 0]])
    assert layer.args == ((32, 64, 8) if args else (32, 64))
    assert (layer.channels, layer.stride) == (32, 2)


@pytest.mark.parametrize("scale", ["n", "m"])
@pytest.mark.parametrize(
    ("module", "block", "args"),
    [
        ("C2fSE", "C2f", [128, True]),
        ("C3k2_SE", "C3k2", [128, False, 0.25]),
        ("C3k2ThenCA", "C3k2", [128]),
        ("BottleneckSE", "Bottleneck", [128]),
    ],
)
def test_attention_in_a_block_is_read_as_the_block(
    module: str, block: str, args: list[Any], scale: str
) -> None:
    layer, plain = last([-1, 9, module, args], scale=scale), last([-1, 9, block, args], scale=scale)
    assert dataclasses.replace(layer, module=block) == plain
    assert layer.module == module


def test_a_module_of_the_framework_is_no_mechanism() -> None:
    assert last([-1, 1, "PSA", [128]]).args == (32, 64)


def test_no_layers_are_no_network() -> None:
    with pytest.raises(ConfigError, match="no layers"):
        resolve(Network(()), SETTINGS, find)


@pytest.mark.parametrize(
    ("model", "legacy"),
    [
        ("v3/yolov3", True),
        ("v5/yolov5@n", True),
        ("v6/yolov6@n", True),
        ("v8/yolov8@n", True),
        ("v9/yolov9c", True),
        ("v10/yolov10n@n", False),
        ("11/yolo11@n", False),
        ("12/yolo12@n", False),
        ("26/yolo26@n", False),
    ],
)
def test_which_networks_have_a_legacy_head(model: str, legacy: bool) -> None:
    assert legacy_head(facts.network("ultralytics", model)) is legacy


def test_attention_in_the_blocks_keeps_the_head_and_other_blocks_do_not() -> None:
    rows = facts.network("ultralytics", "11/yolo11@n").rows()

    def with_blocks(name: str) -> Network:
        return Network.read(
            {
                section: [[*row[:2], row[2].replace("C3k2", name), row[3]] for row in rows[section]]
                for section in rows
            }
        )

    assert not legacy_head(with_blocks("C3k2SE"))
    assert not legacy_head(with_blocks("C3k2ThenSE"))
    assert legacy_head(with_blocks("C2fSE"))


def test_yolov10_is_read_as_ultralytics_is() -> None:
    ours, theirs = dialects.find("ultralytics"), dialects.find("yolov10")
    assert (ours.name, theirs.name) == ("ultralytics", "yolov10")
    assert ours.resolve == theirs.resolve


def test_resolving_imports_no_torch() -> None:
    imports = "import sys, yaml_attn.dialects.ultralytics, yaml_attn.dialects.filenames"
    code = f"{imports}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_head_tells_the_task() -> None:
    # As `guess_model_task` of 8.4.190 says of its own configs; RT-DETR's is not asked there.
    tasks = {"v10Detect": "detect", "YOLOESegment": "segment", "SemanticSegment": "semantic"}
    tasks |= {"Pose26": "pose", "OBB": "obb", "Classify": "classify", "RTDETRDecoder": "detect"}
    assert {head: task_of(head) for head in tasks} == tasks
