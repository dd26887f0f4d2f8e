from __future__ import annotations

from functools import partial

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.mechanisms.contract import check
from yaml_attn.modules import AxialAttention
from yaml_attn.modules.axial import RowAttention


def image(channels: int, height: int = 3, width: int = 4) -> Tensor:
    return torch.randn(2, channels, height, width, dtype=torch.float64)


def norm(bn: nn.BatchNorm2d, channel: int, value: Tensor) -> Tensor:
    """One value of one channel."""
    spread = (bn.running_var[channel] + bn.eps).sqrt()
    shift = 0 if bn.bias is None else bn.bias[channel]
    return (value - bn.running_mean[channel]) / spread * bn.weight[channel] + shift


def normed(bn: nn.BatchNorm2d, vector: Tensor) -> Tensor:
    return torch.stack([norm(bn, channel, value) for channel, value in enumerate(vector)])


def row_by_hand(layer: RowAttention, row: Tensor, span: int) -> Tensor:
    """One row (h, W) of one image, head by head, pixel by pixel."""
    width, length = row.shape
    head = width // layer.heads
    qkv = [normed(layer.bn, layer.qkv.weight.flatten(1) @ pixel) for pixel in row.T]
    y = torch.zeros_like(row)
    for g in range(layer.heads):
        parts = [
            pixel[2 * head * g :][: 2 * head].split((head // 2, head // 2, head)) for pixel in qkv
        ]
        for o in range(length):
            logits, far = [], []
            for p in range(length):
                distance = max(-(span - 1), min(span - 1, p - o))
                rq, rk, rv = layer.relative.weight[distance + span - 1].split(
                    (head // 2, head // 2, head)
                )
                q, k = parts[o][0], parts[p][1]
                logits.append(
                    norm(layer.bn_qk, g, q @ k)
                    + norm(layer.bn_qr, g, q @ rq)
                    + norm(layer.bn_kr, g, k @ rk)
                )
                far.append(rv)
            weights = torch.stack(logits).softmax(0)
            content = sum(weights[p] * parts[p][2] for p in range(length))
            place = sum(weights[p] * far[p] for p in range(length))
            for c in range(head):
                at = g * head + c
                y[at, o] = norm(layer.bn_v, at, content[c]) + norm(layer.bn_r, at, place[c])
    return y


@pytest.mark.parametrize(("heads", "span"), [(1, 56), (2, 56), (2, 3), (2, 1)])
def test_attention_along_rows_is_the_paper_s_equation(heads: int, span: int) -> None:
    layer, x = randomised(RowAttention(8, heads, span)), image(8, 2, 5)
    wanted = [
        torch.stack([row_by_hand(layer, row, span) for row in each.unbind(1)], 1) for each in x
    ]
    torch.testing.assert_close(layer(x), torch.stack(wanted))


@pytest.mark.parametrize("last_relu", [True, False])
def test_the_layer_reads_columns_then_rows_in_a_bottleneck(last_relu: bool) -> None:
    layer, x = randomised(AxialAttention(6, last_relu=last_relu)), image(6)
    narrow = layer.down(x)
    by_column = layer.columns(narrow.transpose(2, 3)).transpose(2, 3)
    wanted = x + layer.bn(layer.up(layer.rows(by_column).relu()))
    torch.testing.assert_close(layer(x), wanted.relu() if last_relu else wanted)


def seen_by_the_first_pixel(layer: nn.Module) -> Tensor:
    x = image(8).requires_grad_()
    layer(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert not x.grad[1].any()
    return x.grad[0].abs().sum(0) > 0


def test_a_pixel_sees_its_row_in_one_pass_and_the_map_in_two() -> None:
    once = seen_by_the_first_pixel(randomised(RowAttention(8, 1, 56)))
    assert once.tolist() == [[True] * 4, [False] * 4, [False] * 4]
    layer = randomised(AxialAttention(8, last_relu=False))
    layer.relu = layer.down[2] = nn.Identity()  # which may hide what is seen
    assert seen_by_the_first_pixel(layer).all()


def test_weights_that_are_all_alike_give_the_mean() -> None:
    layer, x = randomised(RowAttention(8, 2, 1)), image(8)  # span 1: no distance is told apart
    for each in (layer.bn_qk, layer.bn_qr, layer.bn_kr):
        nn.init.zeros_(each.weight)
    values = layer.bn(layer.qkv(x)).unflatten(1, (2, 8))[:, :, 4:].flatten(1, 2)
    place = layer.relative.weight[0, 4:].repeat(2)[:, None, None].expand(8, 3, 4)
    wanted = layer.bn_v(values.mean(3, keepdim=True).expand_as(x))
    torch.testing.assert_close(layer(x), wanted + layer.bn_r(place[None].expand_as(x)))


def test_a_bias_of_the_logits_would_change_nothing() -> None:
    layer, x = randomised(RowAttention(8, 2, 5)), image(8)
    wanted = layer(x)
    layer.bn_qk.bias = nn.Parameter(torch.randn(2, dtype=torch.float64))
    torch.testing.assert_close(layer(x), wanted)


def test_heads_keep_eight_channels_or_a_multiple() -> None:
    with torch.device("meta"):
        heads = {c: AxialAttention(c).heads for c in (1, 32, 100, 256, 1024)}
        assert AxialAttention(256, 3).heads == 2
    assert heads == {1: 1, 32: 2, 100: 7, 256: 8, 1024: 8}


def test_identity_init_keeps_negative_values_and_the_default_does_not() -> None:
    x = torch.randn(2, 16, 3, 4)
    assert torch.equal(AxialAttention(16, identity_init=True)(x), x)
    assert (AxialAttention(16)(x) >= 0).all()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"span": 0}, "span must be positive, not 0"),
        ({"heads": 0}, "must be positive, not 0"),
        ({"ratio": 0}, "ratio must be positive, not 0"),
    ],
)
def test_what_is_not_positive_is_refused(options: dict[str, int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        AxialAttention(16, **options)


def test_a_span_shorter_than_the_map_keeps_every_promise() -> None:
    checks = check(partial(AxialAttention, span=3, heads=2), 64)
    assert [each for each in checks if not each.passed] == []
