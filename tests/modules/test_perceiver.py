from __future__ import annotations

import math

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import Perceiver
from yaml_attn.modules.perceiver import LatentAttention, LatentBlock


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def normalised(rows: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = rows - rows.mean(1, keepdim=True)
    return (
        centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt() * norm.weight + norm.bias
    )


def attend(layer: LatentAttention, queries: Tensor, context: Tensor) -> Tensor:
    """Row by row and head by head."""
    q, k, v = layer.query(queries), layer.key(context), layer.value(context)
    width = q.shape[1] // layer.heads
    rows = []
    for row in q:
        heads = []
        for at in range(layer.heads):
            own = slice(at * width, (at + 1) * width)
            scores = (k[:, own] @ row[own] / math.sqrt(width)).exp()
            heads.append(v[:, own].T @ (scores / scores.sum()))
        rows.append(layer.out(torch.cat(heads)))
    return torch.stack(rows)


def block(layer: LatentBlock, latents: Tensor, context: Tensor | None = None) -> Tensor:
    own = normalised(latents, layer.norm)
    read = own if context is None else normalised(context, layer.norm_context)
    latents = latents + attend(layer.attention, own, read)
    return latents + layer.mlp(normalised(latents, layer.norm_mlp))


def place(row: float, column: float, bands: int) -> Tensor:
    waves = [math.pi * (at + 1) for at in range(bands)]
    values = [row, column]
    for wave in (math.sin, math.cos):
        values += [wave(each * row) for each in waves] + [wave(each * column) for each in waves]
    return torch.tensor(values, dtype=torch.float64)


def test_the_papers_equations() -> None:
    layer, x = randomised(Perceiver(6, 3, 2, 8, 1, 2)), image()
    grid = [(-1 + i, -1 + 2 * j / 3) for i in range(3) for j in range(4)]
    places = torch.stack([place(row, column, 2) for row, column in grid])
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        tokens = torch.cat([columns.T, places], 1)
        latents = block(layer.read, layer.latents.weight, tokens)
        for each in layer.blocks:
            latents = block(each, latents)
        answers = attend(
            layer.answer,
            normalised(tokens, layer.norm_query),
            normalised(latents, layer.norm_latents),
        )
        wanted = columns + answers.T
        torch.testing.assert_close(found.flatten(1), wanted, atol=1e-6, rtol=1e-5)


def test_several_heads_attend_apart() -> None:
    layer = randomised(LatentAttention(6, 5, 16, 4, 2))
    queries, context = torch.randn(3, 6).double(), torch.randn(7, 5).double()
    found = layer(queries[None], context[None])[0]
    torch.testing.assert_close(found, attend(layer, queries, context))


def test_the_corners_stand_at_one_whatever_the_size() -> None:
    layer = Perceiver(6, bands=1)
    for height, width in ((2, 2), (5, 9), (80, 80)):
        at = layer._places(torch.zeros(1, 6, height, width))[0, :, :2]
        assert at[0].tolist() == [-1, -1]
        assert at[-1].tolist() == [1, 1]
        assert at.shape == (height * width, 2)
    assert layer._places(torch.zeros(1, 6, 1, 1))[0, 0, :2].tolist() == [-1, -1]


def test_only_the_positions_tell_the_pixels_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = randomised(Perceiver(6)), image()
    assert not torch.allclose(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    monkeypatch.setattr(layer, "_places", lambda x: x.new_zeros(1, 12, 66))
    torch.testing.assert_close(layer(x.flip(2, 3)), layer(x).flip(2, 3))


def test_one_latent_is_the_answer_of_every_pixel() -> None:
    layer, x = randomised(Perceiver(6, 1)), image()
    answer = layer(x) - x
    torch.testing.assert_close(answer, answer[:, :, :1, :1].expand_as(answer))


def test_the_widths_follow_the_channels() -> None:
    with torch.device("meta"):
        layer = Perceiver(512)
        assert layer.latents.weight.shape == (32, 256)
        assert (layer.read.attention.heads, layer.blocks[0].attention.heads) == (1, 8)
        assert Perceiver(36).blocks[0].attention.heads == 3  # of 24 channels, 8 each
        assert len(Perceiver(64, blocks=0).blocks) == 0
