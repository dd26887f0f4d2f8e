"""What a module gives, however it is nested, and that looking at it leaves no trace."""

from __future__ import annotations

import torch
from torch import nn

from yaml_attn.building.probing import is_finite, shape_of, still, stride_of, tensors


def test_an_output_is_told_however_it_is_nested() -> None:
    boxes, masks = torch.zeros(1, 5, 84), torch.zeros(1, 32, 160, 160)
    output = {"one": [boxes, (masks,)], "extra": None}
    assert shape_of(output) == (((5, 84), ((32, 160, 160),)), ())
    assert [id(each) for each in tensors(output)] == [id(boxes), id(masks)]
    assert is_finite(output)
    masks[0, 0, 0, 0] = float("nan")
    assert not is_finite(output)


def test_only_a_map_has_a_stride() -> None:
    assert stride_of((32, 160, 160), 640) == 4
    assert stride_of((5, 84), 640) is None
    assert stride_of(((32, 160, 160),) * 3, 640) is None


def test_looking_leaves_no_trace() -> None:
    module = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(), nn.BatchNorm2d(2).eval())
    before, drawn = module[0].running_mean.clone(), torch.get_rng_state()
    with still(module):
        assert [each.training for each in module] == [False, True, False]
        assert not module(torch.ones(1, 2, 3, 3)).requires_grad
    assert [each.training for each in module] == [True, True, False]
    assert torch.equal(module[0].running_mean, before)
    assert torch.equal(torch.get_rng_state(), drawn)
