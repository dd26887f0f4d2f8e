from __future__ import annotations

import pytest
import torch
from randomising import randomised
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules import SKAttention


def image(channels: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, channels, 6, 5, generator=generator, dtype=torch.float64)


def norm(bn: nn.BatchNorm2d, x: Tensor) -> Tensor:
    """Batch norm in evaluation, the channels of `x` last."""
    return (x - bn.running_mean) / (bn.running_var + bn.eps).sqrt() * bn.weight + bn.bias


def branch_by_hand(branch: nn.Sequential, x: Tensor, dilation: int) -> Tensor:
    conv, bn, _ = branch
    padding = dilation * (conv.kernel_size[0] - 1) // 2
    y = F.conv2d(x, conv.weight, conv.bias, 1, padding, dilation, conv.groups)
    return norm(bn, y.permute(0, 2, 3, 1)).clamp_min(0).permute(0, 3, 1, 2)


def selected(features: list[Tensor], z: Tensor, fc2: nn.Conv2d) -> Tensor:
    """sum_m a_m * U_m with a_m = exp(A_m z) / sum_k exp(A_k z), channel by channel."""
    channels = features[0].shape[1]
    logits = z @ fc2.weight.flatten(1).T + (0 if fc2.bias is None else fc2.bias)
    y = torch.zeros_like(features[0])
    for c in range(channels):
        exponentials = [logits[:, m * channels + c].exp() for m in range(len(features))]
        for u, e in zip(features, exponentials, strict=True):
            y[:, c] += (e / sum(exponentials))[:, None, None] * u[:, c]
    return y


def test_the_paper_s_equation() -> None:
    layer, x = randomised(SKAttention(8, groups=4)), image()
    assert [branch[0].weight.shape for branch in layer.branches] == [(8, 2, 3, 3)] * 2
    features = [branch_by_hand(b, x, m) for b, m in zip(layer.branches, (1, 2), strict=True)]
    s = (features[0] + features[1]).mean((2, 3))
    z = norm(layer.act[0], s @ layer.fc1.weight.flatten(1).T).clamp_min(0)
    assert z.shape == (2, 32)
    torch.testing.assert_close(layer(x), selected(features, z, layer.fc2))


def test_the_tutorial_s_form_is_dense_and_has_no_norm_in_z() -> None:
    layer, x = randomised(SKAttention(8, variant="tutorial")), image()
    assert [branch[0].kernel_size[0] for branch in layer.branches] == [1, 3, 5, 7]
    features = [branch_by_hand(branch, x, 1) for branch in layer.branches]
    z = sum(features).mean((2, 3)) @ layer.fc1.weight.flatten(1).T + layer.fc1.bias
    torch.testing.assert_close(layer(x), selected(features, z, layer.fc2))


def test_the_tutorial_s_form_has_the_tutorial_s_parameters() -> None:
    with torch.device("meta"):
        layer = SKAttention(512, variant="tutorial")
    assert sum(p.numel() for p in layer.parameters()) == 22_110_240


def test_one_branch_is_a_plain_convolution() -> None:
    layer, x = randomised(SKAttention(8, kernels=[3])), image()
    torch.testing.assert_close(layer(x), layer.branches[0](x))


def test_the_weights_of_the_branches_sum_to_one() -> None:
    layer, x = randomised(SKAttention(8, kernels=[3, 3, 3])), image()
    for branch in layer.branches[1:]:
        branch.load_state_dict(layer.branches[0].state_dict())
    torch.testing.assert_close(layer(x), layer.branches[0](x))


def test_a_dilated_kernel_covers_the_dense_one_s_pixels() -> None:
    dilated, dense = SKAttention(8), SKAttention(8, dilated=False)
    randomised(dilated)
    state = dilated.state_dict()
    kernel = torch.zeros(8, 1, 5, 5, dtype=torch.float64)
    kernel[:, :, ::2, ::2] = state["branches.1.0.weight"]
    dense.double().eval().load_state_dict({**state, "branches.1.0.weight": kernel})
    torch.testing.assert_close(dense(image()), dilated(image()))


def test_groups_are_the_most_that_divide_the_channels() -> None:
    groups = {c: SKAttention(c).branches[0][0].groups for c in (1, 7, 36, 64, 100)}
    assert groups == {1: 1, 7: 7, 36: 18, 64: 32, 100: 25}


def test_identity_init_starts_as_the_relu() -> None:
    layer, x = SKAttention(64, identity_init=True).double().eval(), image(64)
    torch.testing.assert_close(layer(x), x.clamp_min(0) / (1 + 1e-5) ** 0.5)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel_size must be odd and positive, not 4"):
        SKAttention(8, kernels=[3, 4])
