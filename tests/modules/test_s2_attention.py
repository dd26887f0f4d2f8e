from __future__ import annotations

import math

import pytest
import torch
from abilities import needs_half
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import S2Attention


def image(channels: int = 6, height: int = 3, width: int = 4) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, channels, height, width, generator=generator)
    return x.double() + 0.3


def gelu(z: float) -> float:
    return z * (1 + math.erf(z / math.sqrt(2))) / 2


def shifted(x: Tensor, steps: list[tuple[int, int]]) -> Tensor:
    """(C, H, W): channel c moved by its (down, right), the border repeated."""
    y = torch.empty_like(x)
    _, height, width = x.shape
    for c, (down, right) in enumerate(steps):
        for h in range(height):
            for w in range(width):
                source = min(max(h - down, 0), height - 1), min(max(w - right, 0), width - 1)
                y[c, h, w] = x[c, source[0], source[1]]
    return y


# Six channels: quarters of 1, 1, 1 and, with the rest, 3.
FIRST = [(1, 0), (-1, 0), (0, 1), (0, -1), (0, -1), (0, -1)]
SECOND = [(0, 1), (0, -1), (1, 0), (-1, 0), (-1, 0), (-1, 0)]


def by_hand(layer: S2Attention, x: Tensor, pixels: int = 1) -> Tensor:
    """One (6, H, W) image; `pixels` divides the pooled sums."""
    weight, bias = layer.expand.weight.flatten(1), layer.expand.bias
    u = torch.einsum("dc,chw->dhw", weight, x) + bias[:, None, None]
    parts = [shifted(u[:6], FIRST), shifted(u[6:12], SECOND), u[12:]]
    pooled = sum(part.sum((1, 2)) for part in parts) / pixels
    hidden = torch.tensor([gelu(z) for z in (layer.fc1.weight @ pooled).tolist()]).double()
    powers = (layer.fc2.weight @ hidden).reshape(3, 6).exp()
    mixed = sum(
        power[:, None, None] / powers.sum(0)[:, None, None] * part
        for power, part in zip(powers, parts, strict=True)
    )
    weight, bias = layer.project.weight.flatten(1), layer.project.bias
    return torch.einsum("dc,chw->dhw", weight, mixed) + bias[:, None, None]


@pytest.mark.parametrize("size", [(3, 4), (1, 1), (1, 5), (2, 1)], ids=str)
def test_it_is_the_paper_s_equation(size: tuple[int, int]) -> None:
    layer, x = randomised(S2Attention(6)), image(6, *size)
    wanted = torch.stack([by_hand(layer, each) for each in x])
    torch.testing.assert_close(layer(x), wanted, rtol=1e-6, atol=1e-6)


def test_the_mean_divides_the_pooled_sums_by_the_pixels() -> None:
    layer, x = randomised(S2Attention(6, "mean")), image()
    wanted = torch.stack([by_hand(layer, each, pixels=12) for each in x])
    torch.testing.assert_close(layer(x), wanted, rtol=1e-6, atol=1e-6)


def test_with_the_mean_a_constant_map_gives_the_same_at_every_size() -> None:
    constants = image(6, 1, 1)
    layer = randomised(S2Attention(6, "mean"))
    wanted = layer(constants).expand(2, 6, 5, 9)
    torch.testing.assert_close(layer(constants.expand(2, 6, 5, 9)), wanted)
    layer.pool = "sum"
    assert not torch.allclose(layer(constants.expand(2, 6, 5, 9)), wanted)


def test_equal_weights_give_the_mean_of_the_three_parts() -> None:
    layer, x = randomised(S2Attention(6)), image()
    nn.init.zeros_(layer.fc2.weight)
    for found, each in zip(layer(x), layer.expand(x), strict=True):
        mean = (shifted(each[:6], FIRST) + shifted(each[6:12], SECOND) + each[12:]) / 3
        torch.testing.assert_close(found, layer.project(mean[None])[0])


def test_a_pixel_reaches_its_four_neighbours() -> None:
    layer = randomised(S2Attention(8))
    nn.init.zeros_(layer.fc2.weight)  # or the pooled sums would reach all pixels
    x = image(8, 5, 5).requires_grad_()
    layer(x)[0, :, 2, 2].sum().backward()
    assert x.grad is not None
    cross = [[False] * 5, [False, False, True, False, False], [False, True, True, True, False]]
    assert (x.grad[0].abs().sum(0) > 0).tolist() == [*cross, cross[1], cross[0]]


def test_below_four_channels_where_a_pixel_stands_does_not_matter() -> None:
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    for channels, same in ((3, True), (4, False)):
        layer, x = randomised(S2Attention(channels, "mean")), image(channels)
        shuffled = x.flatten(2)[..., order].view_as(x)
        moved = layer(x).flatten(2)[..., order].view_as(x)
        assert torch.allclose(layer(shuffled), moved) is same


def test_the_block_adds_the_layer_of_normalised_pixels() -> None:
    block, x = randomised(S2Attention(6, residual=True)), image()
    layer = randomised(S2Attention(6))
    layer.load_state_dict(block.state_dict())
    centred = x - x.mean(1, keepdim=True)
    normal = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(block(x), x + layer(normal))


@needs_half
def test_sums_beyond_float16_are_pooled() -> None:
    layer = randomised(S2Attention(6)).float()
    with torch.no_grad():
        # Three equal thirds: which of them the softmax prefers, where rounding decides, is all one.
        for parameter in layer.expand.parameters():
            parameter.copy_(parameter[:6].repeat(3, *[1] * (parameter.dim() - 1)))
    x = torch.full((1, 6, 80, 80), 20.0)
    pooled = layer.expand(x).unflatten(1, (3, 6)).sum((1, 3, 4))
    assert pooled.abs().max() > torch.finfo(torch.float16).max
    wanted = layer(x)
    torch.testing.assert_close(layer.half()(x.half()).float(), wanted, rtol=0.02, atol=0.05)


def test_autocast_leaves_the_weights_of_the_parts_alone() -> None:
    layer, parts = randomised(S2Attention(6)).float(), list(image(18).float().chunk(3, 1))
    wanted = layer._weights(parts)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer._weights(parts)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_an_unknown_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="pool must be 'sum' or 'mean', not 'max'"):
        S2Attention(8, "max")
