from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from yaml_attn.modules import SOCA
from yaml_attn.modules.soca import EPSILON, _mean_of_root


def image(channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    x = torch.randn(2, channels, 4, 5, generator=generator, dtype=torch.float64)
    return torch.einsum("dc,nchw->ndhw", mixing, x) + 2


def root_by_hand(covariance: Tensor) -> Tensor:
    """Five coupled Newton-Schulz steps on one (C, C) matrix, as the paper has them."""
    identity = torch.eye(len(covariance), dtype=covariance.dtype)
    trace = sum(covariance[c, c] for c in range(len(covariance))) + EPSILON
    y, z = covariance / trace, identity
    for _ in range(5):
        w = (3 * identity - z @ y) / 2
        y, z = y @ w, w @ z
    return trace.sqrt() * y


def covariance_by_hand(x: Tensor) -> Tensor:
    """Of the channels of one (C, H, W) image, by its (N, N) centring matrix."""
    columns = x.flatten(1)
    n = columns.shape[1]
    centring = torch.eye(n, dtype=x.dtype) / n - torch.ones(n, n, dtype=x.dtype) / n**2
    return columns @ centring @ columns.T


def test_it_is_the_paper_s_equation() -> None:
    layer, x = SOCA(3).double(), image()
    w1, w2 = layer.fc1.weight.flatten(1), layer.fc2.weight.flatten(1)
    for found, each in zip(layer(x), x, strict=True):
        z = root_by_hand(covariance_by_hand(each)).mean(1)
        gate = 1 / (1 + (-(w2 @ (w1 @ z + layer.fc1.bias).relu() + layer.fc2.bias)).exp())
        torch.testing.assert_close(found, each * gate[:, None, None])


@pytest.mark.parametrize("channels", [1, 2, 8, 30])
def test_products_with_vectors_give_the_row_means_of_the_iterated_root(channels: int) -> None:
    # With 30 channels and 20 pixels the covariance is singular.
    covariances = torch.stack([covariance_by_hand(each) for each in image(channels)])
    wanted = torch.stack([root_by_hand(each).mean(1) for each in covariances])
    torch.testing.assert_close(_mean_of_root(covariances).squeeze(1), wanted)


def test_of_two_like_channels_it_is_nearly_the_true_root() -> None:
    covariance = torch.tensor([[[2.0, 0.5], [0.5, 1.0]]], dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors @ values.sqrt().diag_embed() @ vectors.transpose(1, 2)
    found = _mean_of_root(covariance).squeeze(1)
    torch.testing.assert_close(found, root.mean(1), rtol=1e-3, atol=0)


def test_where_a_pixel_stands_does_not_matter() -> None:
    layer, x = SOCA(3).double(), image()
    order = torch.randperm(20)
    shuffled = x.flatten(2)[..., order].view_as(x)
    torch.testing.assert_close(layer(shuffled), layer(x).flatten(2)[..., order].view_as(x))


def test_the_gate_does_not_see_the_channels_means() -> None:
    layer, x = SOCA(3).double(), image()
    moved = x + torch.tensor([5.0, -1.0, 0.25])[:, None, None]
    torch.testing.assert_close(layer(moved) / moved, layer(x) / x)


def test_autocast_leaves_the_statistics_alone() -> None:
    layer, x = SOCA(3), image().float()
    seen = []
    layer.fc1.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x)
    torch.testing.assert_close(seen[1], seen[0], rtol=0, atol=0)


class Largest(TorchDispatchMode):
    """Notes the number of values of the largest tensor that is made."""

    values = 0

    def __torch_dispatch__(
        self, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **kwargs or {})
        if isinstance(result, Tensor):
            self.values = max(self.values, result.numel())
        return result


def test_nothing_larger_than_the_map_is_made() -> None:
    x = torch.empty(2, 8, 80, 80, device="meta", requires_grad=True)
    layer = SOCA(8).to("meta")
    with Largest() as largest:
        layer(x).sum().backward()
    assert largest.values == x.numel()


def test_with_ratio_8_it_has_the_popular_code_s_parameters() -> None:
    with torch.device("meta"):
        layer = SOCA(512, 8)
    assert sum(p.numel() for p in layer.parameters()) == 66_112
