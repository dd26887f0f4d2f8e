from __future__ import annotations

import math

import pytest
import torch

from yaml_attn.modules import SimAM


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_the_gate_is_the_inverse_of_the_paper_s_least_energy() -> None:
    x = torch.randn(2, 3, 3, 4, dtype=torch.float64)
    y = SimAM(3, 0.01)(x)
    for n, c in ((n, c) for n in range(2) for c in range(3)):
        values = x[n, c].flatten().tolist()
        mu = sum(values) / 12
        variance = sum((t - mu) ** 2 for t in values) / 11
        for t, found in zip(values, y[n, c].flatten().tolist(), strict=True):
            energy = 4 * (variance + 0.01) / ((t - mu) ** 2 + 2 * variance + 2 * 0.01)
            assert found == pytest.approx(t * sigmoid(1 / energy))


def test_one_pixel_is_at_its_mean() -> None:
    x = torch.randn(2, 3, 1, 1)
    torch.testing.assert_close(SimAM(3)(x), x * sigmoid(0.5))


def test_two_pixels_have_the_variance_of_two() -> None:
    y = SimAM(1, 0)(torch.tensor([[[[1.0, 3.0]]]]))  # mean 2, variance 2, squares 1
    torch.testing.assert_close(y.flatten(), torch.tensor([1.0, 3.0]) * sigmoid(1 / 8 + 1 / 2))


def test_a_channel_is_gated_by_itself_wherever_its_values_stand() -> None:
    x, order = torch.randn(1, 4, 3, 5), torch.randperm(15)
    whole = SimAM(4)(x)
    torch.testing.assert_close(torch.cat([SimAM(1)(one) for one in x.split(1, 1)], 1), whole)
    shuffled = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(SimAM(4)(shuffled), whole.flatten(2)[..., order].view_as(x))


def test_the_gate_does_not_depend_on_the_channel_s_level() -> None:
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(SimAM(3)(x + 9) / (x + 9), SimAM(3)(x) / x)


def test_float16_keeps_the_gate_of_a_large_map() -> None:
    x = torch.randn(1, 2, 80, 80) * 4
    assert x[0, 0].square().sum() > torch.finfo(torch.float16).max
    found, wanted = SimAM(2)(x.half()), SimAM(2)(x)
    torch.testing.assert_close(found.float(), wanted, rtol=5e-3, atol=5e-3)


def test_nothing_is_learned_and_the_lambda_is_shown() -> None:
    layer = SimAM(64, 0.5)
    assert not layer.state_dict()
    assert repr(layer) == "SimAM(e_lambda=0.5)"


def test_near_identity_is_exact_at_the_mean_energy() -> None:
    signs = torch.tensor([1.0, -1.0]).repeat(800).reshape(1, 1, 40, 40)  # every square is the mean
    y = SimAM(1, 0, identity_init=True)(signs)
    torch.testing.assert_close(y, signs, rtol=1e-4, atol=0)


def test_near_identity_keeps_between_the_bounds_it_names() -> None:
    x = torch.randn(1, 8, 40, 40)
    x[0, 0, 0, 0] = 1000
    gate = SimAM(8, identity_init=True)(x) / x
    assert gate.min() > 0.915
    assert gate.max() < 1.4724
