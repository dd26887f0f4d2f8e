from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor

from yaml_attn.modules import ShuffleAttention
from yaml_attn.modules._parts import channel_shuffle


def image(channels: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, 3, 4, generator=generator, dtype=torch.float64)


def test_the_paper_s_equation() -> None:
    layer, x = randomised(ShuffleAttention(12, groups=3)), image()
    w1, b1 = layer.channel.weight.flatten(), layer.channel.bias
    w2, b2 = layer.spatial.weight.flatten(), layer.spatial.bias
    gated = x.clone()
    for channel in range(12):
        in_group = channel % 4  # three groups of four: two by channel, two by position
        plane, k = x[:, channel], in_group % 2
        mean = plane.mean((1, 2), keepdim=True)
        if in_group < 2:
            logits = w1[k] * mean + b1[k]
        else:
            deviation = (plane.var((1, 2), correction=0, keepdim=True) + 1e-5).sqrt()
            normalised = (plane - mean) / deviation * layer.gn.weight[k] + layer.gn.bias[k]
            logits = w2[k] * normalised + b2[k]
        gated[:, channel] = plane * logits.sigmoid()
    interleaved = [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11]
    torch.testing.assert_close(layer(x), gated[:, interleaved])


def test_the_gates_start_at_the_sigmoid_of_one() -> None:
    x = image(8)
    gate = torch.ones((), dtype=torch.float64).sigmoid()
    y = ShuffleAttention(8).double()(x)
    torch.testing.assert_close(y, gate * x[:, [0, 4, 1, 5, 2, 6, 3, 7]])


def test_groups_are_the_most_that_leave_equal_halves() -> None:
    groups = {c: ShuffleAttention(c).groups for c in (2, 24, 36, 100, 256, 1024)}
    assert groups == {2: 1, 24: 12, 36: 18, 100: 50, 256: 64, 1024: 64}
    assert ShuffleAttention(36, 8).groups == 6


def test_the_tutorial_s_form_has_eight_groups() -> None:
    layer = ShuffleAttention(512, variant="tutorial")
    assert layer.groups == 8
    assert sum(p.numel() for p in layer.parameters()) == 192
    assert "groups=8" in repr(layer)


def test_an_odd_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="7 is not a multiple of 2"):
        ShuffleAttention(7)


def test_one_value_per_channel_is_gated_by_the_biases_alone() -> None:
    x = torch.tensor([3.0, 5.0]).reshape(1, 2, 1, 1)
    torch.testing.assert_close(ShuffleAttention(2).train()(x), x * torch.ones(()).sigmoid())


def test_identity_init_is_the_paper_s_layer_behind_unshuffled_channels() -> None:
    paper, identity = ShuffleAttention(12, 3), ShuffleAttention(12, 3, identity_init=True)
    identity.double().load_state_dict(randomised(paper).state_dict())
    unshuffled = image()[:, [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]]
    torch.testing.assert_close(identity(image()), 2 * paper(unshuffled))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_channel_shuffle_deals_the_groups_out_and_keeps_the_layout(
    layout: torch.memory_format,
) -> None:
    x = image().to(memory_format=layout)
    y = channel_shuffle(x, 3)
    assert torch.equal(y, x[:, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]])
    assert y.is_contiguous(memory_format=layout)
    assert torch.equal(channel_shuffle(y, 4), x)
