"""Squeeze-and-Excitation: one gate per channel, from the channel's global mean.

    y = x * s(W2 d(W1 GAP(x)))        s sigmoid, d ReLU, W1: C -> h, W2: h -> C

Paper: Squeeze-and-Excitation Networks, Hu, Shen, Sun, CVPR 2018, arXiv 1709.01507 (eq. 2-4).
"""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.modules._parts import hidden_width, start_at_zero


class SE(nn.Module):
    """Squeeze-and-Excitation, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width; h is a multiple of 8 and at least 8
            (deviation: the paper's C / ratio is 0 below 16 channels, the gate then constant).
        bias: whether W1 and W2 have biases; without them as in the paper's later version.
        identity_init: start as the identity, exactly: W2 starts at 0 and the gate is doubled.
    """

    def __init__(
        self, channels: int, ratio: int = 16, bias: bool = False, identity_init: bool = False
    ) -> None:
        super().__init__()
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.fc1 = nn.Conv2d(channels, hidden, 1, bias=bias)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1, bias=bias)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.fc2)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = x.mean((2, 3), keepdim=True)
        gate: Tensor = self.fc2(self.relu(self.fc1(squeezed))).sigmoid()
        return x * (self.gain * gate)
