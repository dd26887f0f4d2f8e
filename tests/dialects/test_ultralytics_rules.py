"""What the parser of Ultralytics does with each module; `test_ultralytics.py` has its own facts."""

from __future__ import annotations

from typing import Any

import pytest
from dialects.ultralytics_rows import last

from yaml_attn.dialects.module_specs import HEADS as ENDS
from yaml_attn.dialects.ultralytics_rules import HEADS, KEEPING, REPEATING, RULES, SCALED
from yaml_attn.errors import BuildError


@pytest.mark.parametrize("module", sorted(SCALED))
def test_a_scaled_module_is_repeated_as_a_whole(module: str) -> None:
    layer = last([-1, 9, module, [128, 64, 32, 1]])
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 64, 32, 1), 64, 3)


@pytest.mark.parametrize("module", sorted(REPEATING))
def test_a_repeating_module_gets_the_number(module: str) -> None:
    layer = last([-1, 9, module, [128, False]])
    assert (layer.args, layer.channels, layer.copies) == ((32, 64, 3, False), 64, 1)


@pytest.mark.parametrize("module", sorted(KEEPING))
def test_any_other_module_keeps_its_args_and_channels(module: str) -> None:
    layer = last([-1, 9, module, [128, 3]])
    assert (layer.args, layer.channels, layer.copies) == ((128, 3), 32, 3)


@pytest.mark.parametrize(
    ("row", "args", "channels", "stride"),
    [
        ([-1, 1, "Conv", [80, 1]], (32, 40, 1), 40, 2),
        ([-1, 1, "Conv", ["c2", 1]], (32, 16, 1), 16, 2),
        ([-1, 1, "Classify", ["nc"]], (32, 80), 80, None),
        ([-1, 1, "AIFI", [1024, 8]], (32, 1024, 8), 32, 2),
        ([-1, 1, "HGStem", [32, 48]], (32, 32, 48), 48, 8),
        ([-1, 6, "HGBlock", [48, 128, 3]], (32, 48, 128, 3, 2), 128, 2),
        ([-1, 6, "HGBlock", [48, 128]], (32, 48, 128, 2), 128, 2),
        ([-1, 1, "ResNetLayer", [32, 64, 2, False, 4]], (32, 64, 2, False, 4), 256, 4),
        ([-1, 1, "ResNetLayer", [3, 64, 1, True, 1]], (3, 64, 1, True, 1), 64, 8),
        ([-1, 1, "nn.Upsample", ["None", 2, "nearest"]], (None, 2, "nearest"), 32, 1),
        ([-1, 1, "nn.BatchNorm2d", [7]], (32,), 32, 2),
        ([-1, 1, "nn.Conv2d", [32, 48, 1]], (32, 48, 1), 32, 2),
        ([-1, 1, "nn.GELU", []], (), 32, None),
        ([-1, 1, "torchvision.ops.SqueezeExcitation", ["c2", 16]], (32, 16), 32, None),
        ([[-1, 0], 1, "Concat", [1]], (1,), 64, 2),
        ([-1, 1, "CBLinear", [[64, 128]]], (32, [64, 128]), (64, 128), 2),
        ([-1, 1, "C2fAttn", [128, 7, 8]], (32, 64, 1, 32, 4), 64, 2),
        ([-1, 1, "C2fAttn", [128, 7, 1, 512, True, 1, 0.25]],
         (32, 64, 1, 16, 1, 512, True, 1, 0.25), 64, 2),
        ([-1, 1, "TorchVision", [768, "convnext_tiny", "DEFAULT", True, 2, True]],
         ("convnext_tiny", "DEFAULT", True, 2, True), 768, None),
        ([-1, 1, "Index", [96, 4]], (4,), 96, None),
    ],
)  # fmt: skip
def test_what_the_constructor_gets(
    row: list[Any], args: tuple[Any, ...], channels: int, stride: float | None
) -> None:
    layer = last(row)
    assert (layer.args, layer.channels, layer.stride) == (args, channels, stride)


@pytest.mark.parametrize(
    ("head", "args", "given"),
    [
        ("Detect", ["nc"], (80, 8, True)),
        ("v10Detect", ["nc"], (80,)),
        ("Segment", ["nc", 32, 256], (80, 32, 128, 8, True)),
        ("Segment26", ["nc", 32, 256], (80, 32, 128, 8, True)),
        ("Pose", ["nc", "kpt_shape"], (80, [17, 3], 8, True)),
        ("Pose26", ["nc", [5, 2]], (80, [5, 2], 8, True)),
        ("OBB", ["nc", 1], (80, 1, 8, True)),
        ("OBB26", ["nc", 1], (80, 1, 8, True)),
        ("WorldDetect", ["nc", 512, False], (80, 512, False, 8, True)),
        ("YOLOEDetect", ["nc", 512, True], (80, 512, True, 8, True)),
        ("YOLOESegment", ["nc", 32, 256, 512, True], (80, 32, 128, 512, True, 8, True)),
        ("YOLOESegment26", ["nc", 32, 256, 512, True], (80, 32, 128, 512, True, 8, True)),
        ("SemanticSegment", ["nc"], (80,)),
        ("Depth", [256], (256,)),
        ("Depth", [256, "log"], (256,)),
    ],
)
def test_a_head_gets_what_it_is_told_and_the_channels_of_what_it_reads(
    head: str, args: list[Any], given: tuple[Any, ...]
) -> None:
    rows = [-1, 1, "Conv", [128]], [[0, 1], 1, head, args]
    layer = last(*rows, reg_max=8, end2end=True)
    assert layer.args == (*given, [32, 64])
    assert (layer.channels, layer.stride) == (64, None)


@pytest.mark.parametrize(
    ("head", "args", "given"),
    [
        ("RTDETRDecoder", ["nc"], (80, [32, 64])),
        ("RTDETRDecoder", ["nc", 256], (80, [32, 64], 256)),
        ("ImagePoolingAttn", [256], (256, [32, 64])),
    ],
)
def test_two_modules_get_the_channels_second(
    head: str, args: list[Any], given: tuple[Any, ...]
) -> None:
    assert last([-1, 1, "Conv", [128]], [[0, 1], 1, head, args]).args == given


def test_each_head_is_tried_here_and_known_to_end_a_network() -> None:
    assert HEADS.keys() <= ENDS
    assert len(HEADS) == 16
    assert ENDS & RULES.keys() == HEADS.keys()


@pytest.mark.parametrize(
    ("scale", "c3k2", "bare", "a2c2f"),
    [
        (None, (False, 0.25), (), (True, 4)),
        ("n", (False, 0.25), (), (True, 4)),
        ("m", (True, 0.25), (True,), (True, 4)),
        ("l", (True, 0.25), (True,), (True, 4, True, 1.2)),
    ],
)
def test_large_models_have_larger_blocks(
    scale: str | None, c3k2: tuple[Any, ...], bare: tuple[Any, ...], a2c2f: tuple[Any, ...]
) -> None:
    assert last([-1, 2, "C3k2", [64, False, 0.25]], scale=scale).args[3:] == c3k2
    assert last([-1, 2, "C3k2", [64]], scale=scale).args[3:] == bare
    assert last([-1, 2, "A2C2f", [64, True, 4]], scale=scale).args[3:] == a2c2f


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ([-1, 1, "sppf", [64]], "sppf is no module of Ultralytics", "SPPF"),
        ([-1, 1, "CBMA", [64]], "CBMA is no module of Ultralytics", "CBAM"),
        ([-1, 1, "nn.", []], "nn. is no module", None),
        ([-1, 1, "nn.a.b", []], "nn.a.b is no module", None),
        ([-1, 1, "torch.nn.SiLU", []], "torch.nn.SiLU is no module", None),
        ([-1, 1, "C3k", [64]], "C3k is no module of Ultralytics", "C3k2"),
        ([-1, 3, "CrossConvSE", [64]], "CrossConv is no module of Ultralytics", None),
        ([-1, 3, "C2f[SE]", [64]], "how the command line spells it", "C2fSE"),
        ([-1, 1, "Conv", []], "args[0] of Conv is missing", "output channels"),
        ([-1, 1, "Conv", [10**400]], "args[0] of Conv is 1000", "at most 1048576"),
        ([-1, 1, "Conv", ["ch[f]"]], "args[0] of Conv is 'ch[f]'", None),
        ([-1, 1, "Conv", [64, "3x3"]], "Ultralytics fails on '3x3'", "a literal of Python"),
        ([-1, 1, "Conv", [64, ""]], "Ultralytics fails on ''", None),
        ([-1, 1, "Conv", [64, "{[]: 1}"]], "Ultralytics fails on '{[]: 1}'", None),
        ([-1, 1, "Conv", [64, "[" * 150]], "Ultralytics fails on", None),
        ([-1, 1, "Conv", [64, "1" * 201]], "Ultralytics fails on", None),
        ([-1, 1, "Conv", [64, "m"]], "'m' in args is a variable of the parser", None),
        ([-1, 10**9, "C2f", [64]], "number of C2f is 1000000000", "at most 100 times"),
        ([[-1], 1, "Conv", [64]], "reads one layer", "-1, not [-1]"),
        ([[-1], 1, "nn.Identity", []], "nn.Identity reads one layer", None),
        ([[-1], 1, "torchvision.ops.X", []], "torchvision.ops.X reads one layer", None),
        ([[-1], 1, "SE", [64]], "SE reads one layer", "-1, not [-1]"),
        ([[-1], 1, "Index", [64, 1]], "Index reads one layer", None),
        ([-1, 1, "CAN", ["ch", "f"]], "its `from` is a number", "such as [6, 4]"),
        ([-1, 1, "Concat", [1]], "reads several layers", "[-1, 6]"),
        ([-1, 1, "Silence", []], "Silence can only be the first layer", "nn.Identity"),
        ([-1, 1, "HGStem", [64]], "args[1] of HGStem is missing", None),
        ([-1, 1, "ResNetLayer", [64, 64]], "ResNetLayer has 2 args", "at least 4"),
        ([-1, 1, "C2fAttn", [64, 32]], "args[2] of C2fAttn is missing", "number of heads"),
        ([-1, 1, "C2fAttn", [64, 32, 6]], "divides 16 channels, of 32, among 3", "args[2]"),
        ([-1, 1, "C2fAttn", [64, 32, 1, 9, True, 1, "x"]], "args[6] of C2fAttn is 'x'", None),
        ([-1, 1, "C2fAttn", [64, 32, 1, 9, True, 1, -1]], "args[6] of C2fAttn is -1", "expansion"),
        ([-1, 1, "Detect", ["nc"]], "Detect reads several layers", None),
        ([[0], 1, "Detect", ["nc", "anchors"]], "Detect has 2 args", "[nc]"),
        ([[0], 1, "Detect", ["anchors"]], "args[0] of Detect is 'anchors'", "number of classes"),
        ([[0], 1, "Segment", ["nc", 32]], "Segment has 2 args", "[nc, nm, npr]"),
        ([[0], 1, "Pose", ["nc", [17]]], "args[1] of Pose is [17]", "[17, 3]"),
        ([[0], 1, "RTDETRDecoder", []], "args[0] of RTDETRDecoder is missing", "classes"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_constructed_is_named(
    row: list[Any], message: str, hint: str | None
) -> None:
    with pytest.raises(BuildError) as caught:
        last(row)
    assert caught.value.layer == 1
    assert message in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")


def test_keypoints_need_their_shape() -> None:
    with pytest.raises(BuildError, match=r"args\[1\] of Pose is 1\.0") as caught:
        last([[0], 1, "Pose", ["nc", "kpt_shape"]], kpt_shape=1.0)
    assert "kpt_shape" in (caught.value.hint or "")
