from __future__ import annotations

import pytest
import torch
from torch import Tensor

from yaml_attn.modules import AttentionDropout


def image() -> Tensor:
    return torch.randn(2, 3, 4, 5, dtype=torch.float64) + 0.5


def hidden_by_hand(x: Tensor, threshold: float) -> Tensor:
    """One (C, H, W) image without its most salient pixels, pixel by pixel."""
    channels, height, width = x.shape
    means = [[sum(x[:, r, c]) / channels for c in range(width)] for r in range(height)]
    largest = max(max(row) for row in means)
    y = x.clone()
    for r in range(height):
        for c in range(width):
            if not means[r][c] < threshold * largest:
                y[:, r, c] = 0
    return y


@pytest.mark.parametrize("threshold", [0.9, 0.5])
def test_the_most_salient_pixels_are_hidden(threshold: float) -> None:
    layer, x = AttentionDropout(3, 1.0, threshold).train(), image()
    wanted = torch.stack([hidden_by_hand(each, threshold) for each in x])
    torch.testing.assert_close(layer(x), wanted)
    hidden = (wanted == 0).all(1).flatten(1).sum(1)
    assert (hidden >= 1).all()
    assert (hidden < 20).all()


def test_or_all_pixels_are_weighed_by_their_mean() -> None:
    layer, x = AttentionDropout(3, 0.0).train(), image()
    mean = (x[:, 0] + x[:, 1] + x[:, 2]) / 3
    wanted = torch.stack([x[:, c] / (1 + (-mean).exp()) for c in range(3)], 1)
    torch.testing.assert_close(layer(x), wanted)


def test_a_map_of_negative_means_is_left_whole() -> None:
    x = -image().abs()
    assert torch.equal(AttentionDropout(3, 1.0).train()(x), x)


def test_evaluation_is_the_identity() -> None:
    x = image()
    assert AttentionDropout(3).eval()(x) is x


def hidden_shares(layer: AttentionDropout, x: Tensor, times: int) -> tuple[list[bool], list[bool]]:
    """For many passes: whether the first image was hidden in part, and whether the second was."""
    passes = [(layer(x) == 0).flatten(1).any(1).tolist() for _ in range(times)]
    first, second = zip(*passes, strict=True)
    return list(first), list(second)


def test_one_draw_decides_for_the_batch_three_times_out_of_four() -> None:
    first, second = hidden_shares(AttentionDropout(3).train(), image(), 400)
    assert first == second
    assert 0.69 < sum(first) / 400 < 0.81


def test_each_image_can_have_a_draw_of_its_own() -> None:
    first, second = hidden_shares(AttentionDropout(3, 0.5, per_image=True).train(), image(), 400)
    same = [a == b for a, b in zip(first, second, strict=True)]
    assert 0.42 < sum(same) / 400 < 0.58


def test_the_mask_passes_no_gradient_and_the_weights_do() -> None:
    x = image().requires_grad_()
    AttentionDropout(3, 1.0).train()(x).sum().backward()
    assert x.grad is not None
    assert set(x.grad.unique().tolist()) == {0.0, 1.0}
    x.grad = None
    AttentionDropout(3, 0.0).train()(x).sum().backward()
    mean = x.detach().mean(1, keepdim=True)
    gate = mean.sigmoid()
    wanted = gate + gate * (1 - gate) * x.detach().sum(1, keepdim=True) / 3
    torch.testing.assert_close(x.grad, wanted.expand_as(x))


@pytest.mark.parametrize("options", [{"drop_rate": 1.5}, {"threshold": -0.5}], ids=str)
def test_rates_are_from_0_to_1(options: dict[str, float]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} must be from 0 to 1, not {value}"):
        AttentionDropout(16, **options)
