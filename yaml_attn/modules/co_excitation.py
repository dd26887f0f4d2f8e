"""Co-excitation: two maps look at each other, then one's channels gate the other's.

    F = theta(b)^T phi(a)                               likeness of each pixel of b to each of a
    b' = b + BN(Ww (F / N_a) g(a)),   a' = a + BN(Wq (F^T / N_b) g(b))
    y = a' * s(W2 d(W1 GAP(b')))                        theta, phi, g: C -> C/2; s sigmoid, d ReLU

Reads [a, b]: a, the image that is searched, is refined and gives the shape; b, the query that says
what for, may have any width and size. Adapted: in the paper one network makes both; here a 1x1
convolution gives b the width of a where it has another. The paper goes on with b' too.

Paper: One-Shot Object Detection with Co-Attention and Co-Excitation, Hsieh, Lo, Chen, Liu,
NeurIPS 2019, arXiv 1911.12529, and the authors' code (timy90022/One-Shot-Object-Detection): both
BNs start at 0. The code's gate sees the maximum of each channel besides its mean; here it is the
paper's. There is no softmax, so that the products are taken from the right, F never exists, and the
cost is linear in the pixels of both.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    at_least_single,
    hidden_width,
    laid_out_as,
    start_at_zero,
    two_widths,
    without_autocast,
)


class CoExcitation(nn.Module):
    """Co-attention and co-excitation, [(N, C, H, W), (N, C_b, H_b, W_b)] -> (N, C, H, W).

    Args:
        channels: C; or, with context_channels, what the row's [ch, f] stands for.
        context_channels: C_b.
        ratio: reduction C / h of the gate's hidden width; a multiple of 8 and at least 8.
        identity_init: start as the identity, exactly: W2 starts at 0 and the gate is doubled.

    Raises:
        ValueError: the channels are neither two numbers nor what [ch, f] stands for.
    """

    def __init__(
        self,
        channels: int | list[int],
        context_channels: int | list[int],
        ratio: int = 16,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        width, context = two_widths(channels, context_channels)
        inner, hidden = hidden_width(width, 2), hidden_width(width, ratio)
        self.adapt = nn.Identity() if context == width else nn.Conv2d(context, width, 1)
        self.g = nn.Conv2d(width, inner, 1)
        self.theta = nn.Conv2d(width, inner, 1)
        self.phi = nn.Conv2d(width, inner, 1)
        self.to_context = nn.Sequential(nn.Conv2d(inner, width, 1), BatchNorm2d(width))
        self.to_refined = nn.Sequential(nn.Conv2d(inner, width, 1), BatchNorm2d(width))
        start_at_zero(self.to_context[1], self.to_refined[1])
        self.fc1 = nn.Conv2d(width, hidden, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, width, 1)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.fc2)

    @staticmethod
    def _read(by: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """What each pixel of `by`, (N, c, H, W), reads off another map: values keys^T by / N."""
        with without_autocast(by):  # in float16 the sum over a map overflows
            wide_keys, wide_values = (at_least_single(each).flatten(2) for each in (keys, values))
            pixels = wide_keys.new_ones(keys.shape[2:]).sum()
            told = (wide_values @ wide_keys.transpose(1, 2) / pixels).to(by.dtype)
        return torch.unflatten(told @ by.flatten(2), 2, by.shape[2:])

    def forward(self, inputs: list[Tensor]) -> Tensor:
        a, b = inputs
        b = self.adapt(b)
        theta, phi = self.theta(b), self.phi(a)
        of_a, of_b = self.g(a), self.g(b)
        b = b + self.to_context(self._read(theta, phi, of_a))
        refined: Tensor = a + self.to_refined(laid_out_as(self._read(phi, theta, of_b), a))
        gate: Tensor = self.fc2(self.relu(self.fc1(b.mean((2, 3), keepdim=True)))).sigmoid()
        return refined * (self.gain * gate)
