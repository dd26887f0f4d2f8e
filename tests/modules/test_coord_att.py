from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from yaml_attn.modules import CoordAtt


def randomised(layer: CoordAtt) -> CoordAtt:
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    nn.init.normal_(layer.bn.running_mean)
    nn.init.uniform_(layer.bn.running_var, 0.5, 2)
    return layer.double()


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_it_is_the_paper_s_equation(training: bool) -> None:
    layer = randomised(CoordAtt(3)).train(training)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    rows, columns = torch.einsum("nchw->nch", x) / 5, torch.einsum("nchw->ncw", x) / 4
    z = torch.cat([rows, columns], 2)  # 4 + 5 positions
    z = torch.einsum("mc,ncp->nmp", layer.conv1.weight.flatten(1), z)
    z = z + layer.conv1.bias[:, None]
    mean, variance = layer.bn.running_mean, layer.bn.running_var
    if training:
        mean, variance = z.mean((0, 2)), z.var((0, 2), correction=0)
    z = (z - mean[:, None]) / (variance[:, None] + 1e-5).sqrt()
    z = z * layer.bn.weight[:, None] + layer.bn.bias[:, None]
    f = z * (z + 3).clamp(0, 6) / 6
    gate_h = torch.einsum("cm,nmh->nch", layer.conv_h.weight.flatten(1), f[..., :4])
    gate_w = torch.einsum("cm,nmw->ncw", layer.conv_w.weight.flatten(1), f[..., 4:])
    gate_h = 1 / (1 + (-gate_h - layer.conv_h.bias[:, None]).exp())
    gate_w = 1 / (1 + (-gate_w - layer.conv_w.bias[:, None]).exp())
    torch.testing.assert_close(layer(x), torch.einsum("nchw,nch,ncw->nchw", x, gate_h, gate_w))


def test_rows_and_columns_are_treated_alike() -> None:
    layer = randomised(CoordAtt(8)).eval()
    swapped = copy.deepcopy(layer)
    swapped.conv_h, swapped.conv_w = layer.conv_w, layer.conv_h
    x = torch.randn(2, 8, 4, 7, dtype=torch.float64)
    torch.testing.assert_close(swapped(x.transpose(2, 3)), layer(x).transpose(2, 3))


def test_shuffling_the_columns_shuffles_the_output() -> None:
    layer = randomised(CoordAtt(8)).eval()
    x, order = torch.randn(2, 8, 4, 7, dtype=torch.float64), torch.randperm(7)
    torch.testing.assert_close(layer(x[..., order]), layer(x)[..., order])


def test_the_gate_is_a_row_s_times_a_column_s() -> None:
    layer = randomised(CoordAtt(8)).eval()
    x = torch.randn(1, 8, 5, 6, dtype=torch.float64)
    gate = (layer(x) / x).detach()
    torch.testing.assert_close(
        gate[..., 1:, 1:] * gate[..., :1, :1], gate[..., 1:, :1] * gate[..., :1, 1:]
    )


def test_the_hidden_width_is_a_multiple_of_eight() -> None:
    widths = {1: 8, 256: 8, 400: 16, 512: 16, 1024: 32, 1280: 40}
    assert {channels: CoordAtt(channels).conv1.out_channels for channels in widths} == widths
    assert CoordAtt(512, 16).conv1.out_channels == 32


def test_one_pixel_trains_the_norm_on_its_two_values() -> None:
    layer = CoordAtt(8).train()
    layer(torch.randn(1, 8, 1, 1))
    assert layer.bn.num_batches_tracked == 1
