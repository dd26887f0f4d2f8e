from __future__ import annotations

import math

import torch
from randomising import randomised
from torch import Tensor, nn

from yaml_attn.modules import S3TA


def image() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 6, 3, 4, generator=generator, dtype=torch.float64)


def cosines(count: int) -> Tensor:
    """The basis of a 3x4 map, (12, count^2)."""
    numbers = range(1, count + 1)
    rows = [
        [
            math.cos(math.pi * u * i / 2) * math.cos(math.pi * v * j / 3)
            for u in numbers
            for v in numbers
        ]
        for i in range(3)
        for j in range(4)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def map_of(conv: nn.Conv2d, columns: Tensor) -> Tensor:
    return (conv.weight.flatten(1) @ columns + conv.bias[:, None]).T


def test_the_recurrence() -> None:
    layer, x = randomised(S3TA(6, 3, 2, 2)), image()
    for found, columns in zip(layer(x), x.flatten(2), strict=True):
        keys = torch.cat([map_of(layer.key, columns), cosines(2)], 1)
        values = torch.cat([map_of(layer.value, columns), cosines(2)], 1)
        hidden, cell = layer.start.weight
        for _ in range(3):
            answers = []
            for query in layer.query(hidden).chunk(2):
                scores = (keys @ query).exp()
                answers.append(values.T @ (scores / scores.sum()))
            gates = layer.heard(torch.cat(answers)) + layer.state(hidden)
            i, f, g, o = gates.chunk(4)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
        wanted = columns + layer.out(hidden)[:, None]
        torch.testing.assert_close(found.flatten(1), wanted, atol=1e-6, rtol=1e-5)


def test_the_recurrence_is_torch_s_lstm() -> None:
    layer, x = randomised(S3TA(6, 1, 1, 1)), image()
    with torch.no_grad():
        layer.query.weight.zero_()
        layer.query.bias.zero_()  # every pixel alike: the answer is the mean
    cell = nn.LSTMCell(layer.heard.in_features, layer.start.embedding_dim).double()
    for kind in ("weight", "bias"):
        getattr(cell, f"{kind}_ih").data.copy_(layer.heard.get_parameter(kind))
        getattr(cell, f"{kind}_hh").data.copy_(layer.state.get_parameter(kind))
    answer = torch.cat([layer.value(x).mean((2, 3)), cosines(1).mean(0).expand(2, -1)], 1)
    start = tuple(row.expand(2, -1) for row in layer.start.weight)
    hidden, _ = cell(answer, start)
    wanted = layer.out(hidden)[:, :, None, None].expand_as(x)
    torch.testing.assert_close(layer(x) - x, wanted, atol=1e-6, rtol=1e-5)


def test_every_pixel_is_told_the_same() -> None:
    layer, x = randomised(S3TA(6)), image()
    told = layer(x) - x
    torch.testing.assert_close(told, told[:, :, :1, :1].expand_as(told))


def test_it_knows_where_it_looks() -> None:
    layer, x = randomised(S3TA(6)), image()
    assert not torch.allclose(layer(x.flip(2, 3)), layer(x).flip(2, 3))
    layer.frequencies = 4
    basis = layer._basis(x)[0, 0]
    torch.testing.assert_close(basis, cosines(4), atol=1e-6, rtol=1e-5)
    assert layer._basis(torch.zeros(1, 6, 1, 1)).tolist() == [[[[1.0] * 16]]]
