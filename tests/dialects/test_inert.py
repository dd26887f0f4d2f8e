"""Nothing of a config that a framework might run gets to it; all that published ones have does."""

from __future__ import annotations

from typing import Any

import facts
import hostile
import pytest

from yaml_attn.dialects.inert import Meaning, by_spelling, refuse_code
from yaml_attn.errors import UntrustedError

BASE: dict[str, Any] = {
    "nc": 80,
    "anchors": 3,
    "depth_multiple": 0.33,
    "width_multiple": 0.5,
    "backbone": [[-1, 1, "Conv", [64, 3, 2]]],
    "head": [[[0], 1, "Detect", ["nc", "anchors"]]],
}

_LAYERS = {"Conv", "Detect", "nn.Identity", "nn.Upsample"}
_VARIABLES = {"anchors", "c2", "ch", "d", "f", "i", "layers", "m", "n", "na", "nc", "width"}
_CODE = {"DetectMultiBackend", "DetectionModel", "AutoBackend", "attempt_load", "load_checkpoint"}
_CODE |= {"os", "parse_model", "torch_load", "yaml_model_load", "nn.Parameter"}


def meaning(name: str) -> Meaning:
    """What names mean to some parser."""
    if name in _LAYERS:
        return "layer"
    if name in _VARIABLES:
        return "variable"
    return "code" if name in _CODE else by_spelling(name)


def with_row(module: str, *args: Any) -> dict[str, Any]:
    return {**BASE, "backbone": [*BASE["backbone"], [-1, 1, module, list(args)]]}


@pytest.mark.parametrize("name", hostile.shapes())
def test_what_a_framework_might_run_is_refused(name: str) -> None:
    more, row = hostile.shapes()[name]
    rows = [*BASE["backbone"], *([row] if row else [])]
    with pytest.raises(UntrustedError) as caught:
        refuse_code({**BASE, **more, "backbone": rows}, meaning)
    assert caught.value.layer == (None if row is None else 1)


@pytest.mark.parametrize(
    "row",
    [
        "abcd",
        {"a": 1, "b": 2, "exec": 3, "d": 4},
        [-1, 1, "exec"],
        [-1, hostile.RUN, "Conv", [64]],
        [-1, 1, "Conv", hostile.RUN],
        [-1, 1, b"exec", []],
        [hostile.RUN, 1, "Conv", [64]],
    ],
)
def test_what_is_no_row_is_refused(row: Any) -> None:
    with pytest.raises(UntrustedError) as caught:
        refuse_code({**BASE, "head": [row]}, meaning)
    assert caught.value.layer == 1


@pytest.mark.parametrize("section", ["backbone", "head"])
def test_rows_that_are_no_list_are_refused(section: str) -> None:
    with pytest.raises(UntrustedError):
        refuse_code({**BASE, section: hostile.RUN}, meaning)


@pytest.mark.parametrize("framework", ["yolov3", "yolov5", "yolov7", "yolov9", "ultralytics"])
def test_every_official_config_is_plain_data(framework: str) -> None:
    for name in facts.models(framework):
        rows = facts.network(framework, name).rows()
        refuse_code({**facts.settings(framework, name), **rows})


@pytest.mark.parametrize(
    "arg",
    [
        *("nearest", "bilinear", "None", "nc", "anchors", "c2", "ch[f]", "anchors[0][1]", "1e-4"),
        *("na * (nc + 5)", "-1", "[1, 2]", "(1, None)", "nn.SiLU", "nn.SiLU()", "torch.nn.ReLU6()"),
        *("nn.LeakyReLU(0.1)", "nn.ReLU(inplace=True)", "resnet18", "mobilenet-v3", "3x3", "Conv"),
        *("'nearest'", "", 3, 0.5, None, True, [1, ["relu"]], {"mode": "nearest"}),
    ],
)
def test_what_args_really_say_is_let_through(arg: Any) -> None:
    refuse_code(with_row("nn.Upsample", arg), meaning)


@pytest.mark.parametrize(
    "module",
    ["Conv", "nn.Identity", "nn. Identity", "torch.nn.Identity", "ES", "S2-MLP", "C3[SE]", "C3+SE"],
)
def test_layers_and_names_of_nothing_are_let_through(module: str) -> None:
    # Of a name that means nothing, the framework says so.
    refuse_code(with_row(module), meaning)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("activation", "nn.LeakyReLU(0.1)"),
        ("activation", None),
        ("names", ["person", "traffic light", "type"]),
        ("title", "YOLOv5 with SE (mine, 2024)"),
        ("text_model", "mobileclip2:b"),
        ("fusion_mode", "bifpn"),
        ("scale", "m"),
        ("yaml_file", "yolo11n_SE.yaml"),
        ("width_multiple", "None"),
        ("scales", {"n": [0.5, 0.25, 1024], "m": [0.5, 1.0, 512]}),
    ],
)
def test_what_settings_really_say_is_let_through(key: str, value: Any) -> None:
    refuse_code({**BASE, key: value}, meaning)


def test_a_key_of_the_config_is_a_variable_where_the_parser_has_it() -> None:
    def also(name: str) -> Meaning:
        return "variable" if name == "nkpt" else meaning(name)

    refuse_code({**with_row("Conv", "nkpt * 2"), "nkpt": 17}, also)
    for value in ([17], "17"):  # times a large number, these would fill the memory
        with pytest.raises(UntrustedError):
            refuse_code({**with_row("Conv", "nkpt * 2"), "nkpt": value}, also)


def test_a_variable_of_the_parser_that_is_no_value_is_refused() -> None:
    with pytest.raises(UntrustedError):
        refuse_code(with_row("Conv", "layers"), meaning)
