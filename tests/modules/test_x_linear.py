from __future__ import annotations

import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import XLinearAttention
from yaml_attn.modules.x_linear import Project


def image(channels: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, 3, 4, generator=generator, dtype=torch.float64)


def projected(layer: Project, vector: Tensor) -> list[Tensor]:
    """GN(celu(W v)) of one vector, head by head."""
    linear = layer.linear.weight @ vector + layer.linear.bias
    celu = torch.where(linear > 0, linear, 1.3 * ((linear / 1.3).exp() - 1))
    heads = []
    for part, weight, bias in zip(
        celu.chunk(layer.heads), layer.norm.weight, layer.norm.bias, strict=True
    ):
        centred = part - part.mean()
        heads.append(centred / (centred.square().mean() + 1e-5).sqrt() * weight + bias)
    return heads


def answer_by_hand(layer: XLinearAttention, columns: Tensor) -> Tensor:
    mean = columns.mean(1)
    query, told = projected(layer.query, mean), projected(layer.query_value, mean)
    keys = [projected(layer.key, pixel) for pixel in columns.T]
    values = [projected(layer.value, pixel) for pixel in columns.T]
    answers = []
    for head in range(layer.heads):
        seen = [layer.embed(key[head] * query[head]).clamp_min(0) for key in keys]
        scores = torch.stack([layer.spatial.weight[0] @ each for each in seen]).exp()
        read = sum(
            score / scores.sum() * value[head] for score, value in zip(scores, values, strict=True)
        )
        gate = 1 / (1 + (-layer.channel(sum(seen) / len(seen))).exp())
        answers.append(gate * told[head] * read)
    return torch.cat(answers)


def test_the_paper_s_equations() -> None:
    layer, x = randomised(XLinearAttention(16, 2)), image()
    assert layer.heads == 2
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        answer = answer_by_hand(layer, columns)
        told = torch.stack([layer.mix(torch.cat([answer, pixel])) for pixel in columns.T], 1)
        torch.testing.assert_close(found.flatten(1), columns + told.clamp_min(0))


def test_equal_scores_read_the_mean_of_the_values() -> None:
    layer, x = randomised(XLinearAttention(16, 2)), image()
    nn.init.zeros_(layer.spatial.weight)
    nn.init.zeros_(layer.channel.weight)
    nn.init.zeros_(layer.channel.bias)
    pixels = x.flatten(2).transpose(1, 2)
    told = layer.query_value(pixels.mean(1, keepdim=True))
    wanted = 0.5 * told * layer.value(pixels).mean(1, keepdim=True)
    torch.testing.assert_close(layer._ask(pixels), wanted.flatten(2))


def test_the_pixels_have_no_order() -> None:
    layer, x = randomised(XLinearAttention(16)), image()
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    torch.testing.assert_close(layer(x.transpose(2, 3)), layer(x).transpose(2, 3))


def test_what_is_added_is_rectified() -> None:
    layer, x = randomised(XLinearAttention(16)), image()
    assert (layer(x) - x).min() >= 0


def test_the_heads_divide_the_channels_and_are_not_narrow() -> None:
    with torch.device("meta"):
        heads = {
            channels: XLinearAttention(channels).heads for channels in (1, 7, 16, 36, 100, 512)
        }
    assert heads == {1: 1, 7: 1, 16: 2, 36: 4, 100: 5, 512: 8}
