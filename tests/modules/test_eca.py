from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from yaml_attn.modules import ECA


def test_it_is_the_paper_s_equation() -> None:
    layer = ECA(6, 5).double()
    x = torch.randn(2, 6, 2, 4, dtype=torch.float64)
    y = layer(x)
    weight = layer.conv.weight.flatten().tolist()
    for n in range(2):
        means = [sum(x[n, c].flatten().tolist()) / 8 for c in range(6)]
        for c in range(6):
            near = [(weight[j], c + j - 2) for j in range(5)]
            logit = sum(w * means[neighbour] for w, neighbour in near if 0 <= neighbour < 6)
            torch.testing.assert_close(y[n, c], x[n, c] / (1 + math.exp(-logit)))


def test_the_kernel_grows_with_the_channels() -> None:
    sizes = {1: 1, 3: 1, 7: 1, 8: 3, 16: 3, 64: 3, 100: 3, 128: 5, 512: 5, 1280: 5, 2048: 7}
    assert {channels: ECA(channels).conv.kernel_size[0] for channels in sizes} == sizes


@pytest.mark.parametrize("channels", [8, 64, 512, 2048])
def test_the_tutorial_s_kernel_is_three_everywhere(channels: int) -> None:
    assert ECA(channels, variant="tutorial").conv.kernel_size == (3,)
    assert ECA(channels, 7, variant="tutorial").conv.kernel_size == (7,)


def test_gamma_narrows_the_kernel_and_b_widens_it() -> None:
    assert ECA(512, None, 1).conv.kernel_size == (11,)  # log2(512) + 1 = 10, made odd
    assert ECA(512, None, 2, 5).conv.kernel_size == (7,)


@pytest.mark.parametrize(
    ("channels", "given", "size"), [(1, 3, 1), (4, 9, 3), (5, 9, 5), (9, 9, 9)]
)
def test_no_kernel_is_wider_than_the_channels(channels: int, given: int, size: int) -> None:
    layer = ECA(channels, given)
    assert layer.conv.kernel_size == (size,)
    assert f"kernel_size=({size},)" in repr(layer)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="odd and positive, not 4"):
        ECA(64, 4)


def test_a_gate_sees_its_neighbours_only() -> None:
    layer = ECA(16, 5)
    nn.init.ones_(layer.conv.weight)
    x = torch.randn(1, 16, 3, 3)
    changed = x.clone()
    changed[:, 7] += 1
    gates, others = layer(x) / x, layer(changed) / changed
    moved = (gates - others).abs().amax((0, 2, 3)) > 1e-6
    assert moved.nonzero().flatten().tolist() == [5, 6, 7, 8, 9]
