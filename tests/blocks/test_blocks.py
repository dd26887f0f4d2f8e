"""The base networks' layers against their formulas, written out again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from yaml_attn.blocks import BLOCKS, NOT_BUNDLED
from yaml_attn.blocks.conv import Conv, CrossConv, DWConv, Focus, MixConv2d, same_padding, settle
from yaml_attn.blocks.csp import C3, C3SPP, C3TR, Bottleneck, BottleneckCSP, C3Ghost, C3x
from yaml_attn.blocks.ghost import GhostBottleneck, GhostConv
from yaml_attn.blocks.heads import Classify, Detect, Segment
from yaml_attn.blocks.pooling import SPP, SPPF
from yaml_attn.blocks.reshape import Concat, Contract, Expand
from yaml_attn.blocks.transformer import TransformerBlock
from yaml_attn.dialects import yolov3, yolov5, yolov7

ANCHORS = [[10, 14, 23, 27], [81, 82, 135, 169]]


@pytest.fixture(autouse=True)
def _same_numbers_each_run() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("dialect", [yolov3, yolov5, yolov7])
def test_every_module_of_a_dialect_has_its_class_or_is_known_not_to(dialect: Any) -> None:
    name = dialect.DIALECT.name
    missing = NOT_BUNDLED.get(name, frozenset())
    assert BLOCKS[name].keys() | missing == dialect.RULES.keys()
    assert not BLOCKS[name].keys() & missing


def test_conv_is_convolution_norm_and_activation() -> None:
    layer, x = Conv(4, 6, 3, 2, g=2), torch.randn(2, 4, 9, 8)
    raw = F.conv2d(x, layer.conv.weight, stride=2, padding=1, groups=2)
    mean, var = raw.mean((0, 2, 3), keepdim=True), raw.var((0, 2, 3), False, keepdim=True)
    torch.testing.assert_close(layer(x), F.silu((raw - mean) / (var + 1e-5).sqrt()))


@pytest.mark.parametrize("kernel", [1, 3, 5, (1, 3)])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_keeps_the_size(kernel: int | tuple[int, ...], dilation: int) -> None:
    padding = same_padding(kernel, dilation)
    conv = nn.Conv2d(1, 1, kernel, 1, padding, dilation)  # type: ignore[arg-type]
    assert conv(torch.zeros(1, 1, 17, 19)).shape == (1, 1, 17, 19)


def test_settle_sets_norms_and_only_the_activations_not_given() -> None:
    given = nn.ReLU()
    layer = nn.Sequential(Conv(1, 1), Conv(1, 1, act=given), Conv(1, 1, act=False), SPP(2, 2))
    settle(layer, nn.Hardswish())
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.03)}
    kinds = [type(module.act).__name__ for module in layer.modules() if isinstance(module, Conv)]
    assert kinds == ["Hardswish", "ReLU", "Identity", "Hardswish", "Hardswish"]


@pytest.mark.parametrize(
    ("layer", "adds"),
    [
        (Bottleneck(8, 8), True),
        (Bottleneck(8, 8, shortcut=False), False),
        (Bottleneck(8, 16), False),
        (CrossConv(8, 8, shortcut=True), True),
        (CrossConv(8, 8), False),
    ],
)
def test_a_shortcut_where_the_channels_allow(layer: Bottleneck | CrossConv, adds: bool) -> None:
    x = torch.randn(2, 8, 5, 6)
    inner = layer.cv2(layer.cv1(x))
    torch.testing.assert_close(layer(x), x + inner if adds else inner)


@pytest.mark.parametrize("cls", [C3, C3x, C3TR, C3Ghost, C3SPP])
def test_the_c3_family_joins_an_inner_path_and_a_direct_one(cls: type[C3]) -> None:
    layer, x = cls(8, 16), torch.randn(2, 8, 6, 6)
    joined = torch.cat([layer.m(layer.cv1(x)), layer.cv2(x)], 1)
    torch.testing.assert_close(layer(x), layer.cv3(joined))


def test_bottleneck_csp_normalises_the_joined_paths() -> None:
    layer, x = BottleneckCSP(8, 16, 2), torch.randn(2, 8, 6, 6)
    joined = torch.cat([layer.cv3(layer.m(layer.cv1(x))), layer.cv2(x)], 1)
    torch.testing.assert_close(layer(x), layer.cv4(F.silu(layer.bn(joined))))
    assert len(layer.m) == 2


def test_sppf_is_spp_with_windows_5_9_13() -> None:
    fast, slow, x = SPPF(16, 24).eval(), SPP(16, 24).eval(), torch.randn(2, 16, 20, 13)
    slow.load_state_dict(fast.state_dict())
    torch.testing.assert_close(fast(x), slow(x))


def test_contract_and_expand_are_inverse_and_focus_is_contract_and_conv() -> None:
    x = torch.randn(2, 3, 8, 12)
    contracted = Contract(2)(x)
    torch.testing.assert_close(Expand(2)(contracted), x)
    torch.testing.assert_close(contracted[:, :3], x[..., ::2, ::2])
    focus = Focus(3, 8, 3)
    corners = (x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2])
    torch.testing.assert_close(focus(x), focus.conv(torch.cat(corners, 1)))


def test_concat_joins_channels() -> None:
    assert Concat()([torch.zeros(1, 3, 2, 2), torch.zeros(1, 5, 2, 2)]).shape == (1, 8, 2, 2)


def test_ghost_layers_derive_half_of_the_channels() -> None:
    layer, x = GhostConv(8, 16, 3, 2), torch.randn(2, 8, 8, 8)
    first = layer.cv1(x)
    torch.testing.assert_close(layer(x), torch.cat([first, layer.cv2(first)], 1))
    assert layer.cv2.conv.groups == 8
    assert GhostBottleneck(8, 16, 3, 2)(x).shape == (2, 16, 4, 4)
    assert DWConv(8, 16, 3).conv.groups == 8


def test_mixconv_shares_channels_or_weights_equally() -> None:
    x = torch.zeros(1, 8, 6, 6)
    by_channels, by_weights = MixConv2d(8, 16, (1, 3)), MixConv2d(8, 20, (1, 3), 1, False)
    assert [conv.out_channels for conv in by_channels.m] == [8, 8]  # type: ignore[union-attr]
    assert [conv.out_channels for conv in by_weights.m] == [18, 2]  # type: ignore[union-attr]
    assert by_weights(x).shape == (1, 20, 6, 6)


def test_the_transformer_attends_over_all_pixels() -> None:
    block, x = TransformerBlock(8, 8, 4, 1), torch.randn(2, 8, 3, 5)
    layer = block.tr[0]
    pixels = x.flatten(2).permute(0, 2, 1)
    tokens = pixels + block.linear(pixels)
    projections = (layer.q(tokens), layer.k(tokens), layer.v(tokens))
    weights, biases = layer.ma.in_proj_weight.chunk(3), layer.ma.in_proj_bias.chunk(3)
    q, k, v = (
        F.linear(p, w, b).unflatten(2, (4, 2)).transpose(1, 2)
        for p, w, b in zip(projections, weights, biases, strict=True)
    )
    scores = (q @ k.transpose(2, 3) / 2**0.5).softmax(-1)
    tokens = tokens + layer.ma.out_proj((scores @ v).transpose(1, 2).flatten(2))
    tokens = tokens + layer.fc2(layer.fc1(tokens))
    torch.testing.assert_close(block(x), tokens.permute(0, 2, 1).reshape(x.shape))


def test_detect_decodes_one_cell_as_the_formula_says() -> None:
    head = Detect(3, ANCHORS, [8, 16]).eval()
    head.set_stride([16, 32])
    maps = [torch.randn(1, 8, 4, 6), torch.randn(1, 16, 2, 3)]
    boxes, raw = head(maps)
    assert boxes.shape == (1, 2 * (4 * 6 + 2 * 3), 8)
    anchor, row, column = 1, 2, 5
    values = raw[0][0, anchor, row, column].sigmoid()
    centre = (2 * values[:2] - 0.5 + torch.tensor([column, row])) * 16
    size = (2 * values[2:4]) ** 2 * torch.tensor([23.0, 27.0])
    expected = torch.cat([centre, size, values[4:]])
    torch.testing.assert_close(boxes[0, anchor * 24 + row * 6 + column], expected)


def test_anchors_are_turned_round_when_small_ones_meet_large_strides() -> None:
    head = Detect(3, ANCHORS, [8, 16])
    head.set_stride([32, 16])
    assert head.anchors[0, 0].tolist() == [81 / 32, 82 / 32]


def test_boxes_need_strides() -> None:
    with pytest.raises(RuntimeError, match="set_stride"):
        Detect(3, ANCHORS, [8, 16]).eval()([torch.zeros(1, 8, 2, 2), torch.zeros(1, 16, 1, 1)])


def test_segment_adds_raw_coefficients_and_prototypes_at_twice_the_size() -> None:
    head = Segment(3, ANCHORS, 4, 8, [8, 16]).eval()
    head.set_stride([16, 32])
    maps = [torch.randn(1, 8, 4, 4), torch.randn(1, 16, 2, 2)]
    boxes, masks, raw = head(maps)
    assert (boxes.shape, masks.shape) == ((1, 2 * (16 + 4), 12), (1, 4, 8, 8))
    torch.testing.assert_close(boxes[0, :16, 8:], raw[0][0, 0].flatten(0, 1)[:, 8:])
    training, prototypes = head.train()(maps)
    assert [tuple(one.shape) for one in training] == [(1, 2, 4, 4, 12), (1, 2, 2, 2, 12)]
    assert prototypes.shape == (1, 4, 8, 8)


def test_classify_scores_the_mean_of_the_map() -> None:
    layer, x = Classify(8, 5).eval(), torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(layer(x), layer.linear(layer.conv(x).mean((2, 3))))
    torch.testing.assert_close(layer([x[:, :3], x[:, 3:]]), layer(x))
