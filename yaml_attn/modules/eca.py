"""Efficient Channel Attention: one gate per channel, from the means of its k nearest channels.

    y = x * s(conv1d_k(GAP(x)))       k = |(log2(C) + b) / gamma|, made odd; s sigmoid

Paper: ECA-Net, Wang, Wu, Zhu, Li, Zuo, Hu, CVPR 2020, arXiv 1910.03151 (eq. 9 and 12).
`variant="tutorial"` keeps k = 3 at every width, as the paper's layer does when called without k;
the formula gives 5 from 128 to 1280 channels.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from yaml_attn.modules._parts import is_tutorial, same_padding, start_at_zero


def _kernel_size(channels: int, gamma: float, b: float) -> int:
    """The paper's eq. 12: the more channels, the further they see."""
    size = int(abs((math.log2(channels) + b) / gamma))
    return size if size % 2 else size + 1


class ECA(nn.Module):
    """Efficient Channel Attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        kernel_size: neighbours that a gate sees, itself among them, odd; None is the paper's
            formula. Never more than the largest odd number up to C.
        gamma: of the formula; larger means fewer neighbours.
        b: of the formula; larger means more neighbours.
        identity_init: start as the identity, exactly: the weights start at 0 and the gate is
            doubled.
        variant: "paper", or "tutorial": k = 3 where kernel_size is None.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int | None = None,
        gamma: float = 2,
        b: float = 1,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        tutorial = is_tutorial(variant)
        if kernel_size is None:
            kernel_size = 3 if tutorial else _kernel_size(channels, gamma, b)
        padding = min(same_padding(kernel_size), (channels - 1) // 2)
        self.kernel_size = 2 * padding + 1
        self.conv = nn.Conv1d(1, 1, self.kernel_size, padding=padding, bias=False)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3)).unsqueeze(1)  # (N, 1, C): the channels in a row
        gate: Tensor = self.conv(means).sigmoid()
        return x * (self.gain * gate).transpose(1, 2).unsqueeze(3)
