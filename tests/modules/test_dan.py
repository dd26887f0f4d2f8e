from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from abilities import UNTOLD, needs_half
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.mechanisms.contract import check
from yaml_attn.modules import DANChannel, DANPosition
from yaml_attn.modules._parts import block_means


def image(height: int = 3, width: int = 4) -> Tensor:
    return torch.randn(2, 5, height, width, dtype=torch.float64)


def projected(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    """A 1x1 convolution of the columns (C, N) of one image, as a product."""
    y = conv.weight.flatten(1) @ columns
    return y if conv.bias is None else y + conv.bias[:, None]


def share(logits: Tensor, index: int) -> Tensor:
    """One entry of a softmax."""
    return logits[index].exp() / logits.exp().sum()


def position_by_hand(layer: DANPosition, x: Tensor, read: Tensor) -> Tensor:
    """One image's columns (C, N), pixel by pixel; `read` are those that keys are made of."""
    q, k, v = (
        projected(*pair) for pair in ((layer.query, x), (layer.key, read), (layer.value, read))
    )
    y = x.clone()
    for i in range(x.shape[1]):
        likeness = torch.stack([q[:, i] @ k[:, j] for j in range(read.shape[1])])
        for j in range(read.shape[1]):
            y[:, i] += layer.alpha.weight[0] * share(likeness, j) * v[:, j]
    return y


@pytest.mark.parametrize("size", [(3, 4), (1, 1), (1, 5)], ids=str)
def test_position_attention_is_the_paper_s_equation(size: tuple[int, int]) -> None:
    layer, x = randomised(DANPosition(5)), image(*size)
    wanted = torch.stack([position_by_hand(layer, each, each) for each in x.flatten(2)])
    torch.testing.assert_close(layer(x).flatten(2), wanted)


def test_pixels_have_no_order() -> None:
    layer, x = randomised(DANPosition(5)), image()
    order = torch.randperm(12)
    shuffled = x.flatten(2)[:, :, order].unflatten(2, (3, 4))
    torch.testing.assert_close(layer(shuffled).flatten(2), layer(x).flatten(2)[:, :, order])


def test_pixels_that_are_all_alike_read_the_mean() -> None:
    layer, x = randomised(DANPosition(5)), image()
    nn.init.zeros_(layer.query.weight)
    nn.init.zeros_(layer.query.bias)
    mean = layer.value(x).mean((2, 3), keepdim=True)
    torch.testing.assert_close(layer(x), x + layer.alpha.weight * mean)


def test_a_bias_of_the_keys_would_change_nothing() -> None:
    layer, x = randomised(DANPosition(5)), image()
    wanted = layer(x)
    layer.key.bias = nn.Parameter(torch.randn(8, dtype=torch.float64))
    torch.testing.assert_close(layer(x), wanted)


def test_max_tokens_reads_the_means_of_blocks() -> None:
    layer, x = randomised(DANPosition(5, max_tokens=7)), image(5, 4)  # 2 x 2 blocks of 3 x 2
    blocks = [
        x[:, :, rows, columns].mean((2, 3))
        for rows in (slice(0, 3), slice(3, 5))
        for columns in (slice(0, 2), slice(2, 4))
    ]
    read = torch.stack(blocks, 2)
    wanted = [position_by_hand(layer, *each) for each in zip(x.flatten(2), read, strict=True)]
    torch.testing.assert_close(layer(x).flatten(2), torch.stack(wanted))


@pytest.mark.parametrize("size", [(3, 3), (1, 3), (2, 1)], ids=str)
def test_max_tokens_reads_a_small_map_in_full(size: tuple[int, int]) -> None:
    bounded = randomised(DANPosition(5, max_tokens=9))
    full, x = DANPosition(5).double(), image(*size)
    full.load_state_dict(bounded.state_dict())
    torch.testing.assert_close(bounded(x), full(x))


@pytest.mark.parametrize("size", [(80, 80), (7, 200), (33, 17)], ids=str)
def test_max_tokens_is_never_passed(size: tuple[int, int]) -> None:
    for most in (1, 2, 100, 1000):
        with torch.device("meta"):
            read = block_means(torch.empty(1, 1, *size), DANPosition(1, most).side)
        assert read.shape[2] * read.shape[3] <= most


def test_the_width_of_q_and_k_is_an_eighth_of_the_channels_and_at_least_eight() -> None:
    with torch.device("meta"):
        widths = {c: DANPosition(c).query.out_channels for c in (1, 64, 96, 1024)}
    assert widths == {1: 8, 64: 8, 96: 12, 1024: 128}


@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"ratio": 0}], ids=str)
def test_what_is_not_positive_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be positive, not 0"):
        DANPosition(16, **options)


def channel_by_hand(layer: DANChannel, x: Tensor, logits_of: Callable[[Tensor], Tensor]) -> Tensor:
    """One image's rows (C, N), channel by channel; `logits_of` the products of one channel."""
    y = x.clone()
    for c in range(len(x)):
        logits = logits_of(torch.stack([x[c] @ x[d] for d in range(len(x))]))
        for d in range(len(x)):
            y[c] += layer.beta.weight[0] * share(logits, d) * x[d]
    return y


@pytest.mark.parametrize(
    ("options", "logits_of"),
    [
        ({}, lambda products: products),
        ({"scaled": True}, lambda products: products / 12**0.5),
        ({"variant": "tutorial"}, lambda products: products.max() - products),
    ],
    ids=["paper", "scaled", "tutorial"],
)
def test_channel_attention_is_the_equation(
    options: dict[str, object], logits_of: Callable[[Tensor], Tensor]
) -> None:
    layer, x = randomised(DANChannel(5, **options)), image() * 0.5
    wanted = torch.stack([channel_by_hand(layer, each, logits_of) for each in x.flatten(2)])
    torch.testing.assert_close(layer(x).flatten(2), wanted)


def test_the_tutorial_s_form_ranks_the_other_way_round() -> None:
    x = torch.tensor([[1.0, 0.0], [1.0, 0.5], [-1.0, 0.0]])[None, :, None]  # 0 is like 1
    weights = {}
    for variant in ("paper", "tutorial"):
        layer = DANChannel(3, variant=variant)
        nn.init.ones_(layer.beta.weight)
        weights[variant] = (layer(x) - x)[0, 0, 0, 1] / 0.5  # only channel 1 has this value
    logits = torch.tensor([1.0, 1.0, -1.0])
    torch.testing.assert_close(weights["paper"], logits.softmax(0)[1])
    torch.testing.assert_close(weights["tutorial"], (-logits).softmax(0)[1])
    assert weights["tutorial"] < 1 / 3 < weights["paper"]


def test_channels_have_no_order() -> None:
    layer, x = randomised(DANChannel(5)), image()
    order = torch.randperm(5)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])


@needs_half
def test_products_beyond_float16_are_no_trouble() -> None:
    layer, x = DANChannel(4).half(), torch.full((1, 4, 80, 80), 4.0).half()
    nn.init.ones_(layer.beta.weight)
    torch.testing.assert_close(layer(x), 2 * x)  # channels that are all alike read their mean


@pytest.mark.parametrize(
    "factory",
    [
        partial(DANPosition, max_tokens=9),
        partial(DANChannel, scaled=True),
        partial(DANChannel, variant="tutorial"),
    ],
    ids=["max_tokens", "scaled", "tutorial"],
)
def test_the_options_keep_every_promise(factory: Callable[[int], nn.Module]) -> None:
    failed = [each.name for each in check(factory, 16, thorough=True) if not each.passed]
    assert set(failed) <= UNTOLD
