"""Second-order channel attention: one gate per channel, from how the channels vary together.

    P = Xc Xc^T / HW,  A = P / tr P                  Xc: the (C, HW) features less their means
    Y_0 = A, Z_0 = I,  W_k = (3 I - Z_k-1 Y_k-1) / 2,  Y_k = Y_k-1 W_k,  Z_k = W_k Z_k-1
    y = x * s(W2 d(W1 z)),  z = sqrt(tr P) Y_5 1/C   s sigmoid, d ReLU, 1/C: mean over columns

Y_5 stands for the square root of A (five Newton-Schulz steps). Every matrix here is a polynomial
of A, so all commute and Y_k = A Z_k; with M_k = Z_k Y_k the same steps read

    W_k = (3 I - M_k-1) / 2,  M_0 = A,  M_k = M_k-1 W_k^2,  Y_5 1/C = A W_1 W_2 W_3 W_4 W_5 1/C

and only vectors need to be multiplied, by A and by M_1, which is worth forming.

Paper: Second-order Attention Network for Single Image Super-Resolution, Dai, Cai, Zhang, Xia,
Zhang, CVPR 2019; no arXiv version. The popular code subtracts the means by a product with an
(HW, HW) matrix, and divides by a trace that is 0 for the blank image which frameworks build with.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import (
    at_least_single,
    hidden_width,
    start_at_zero,
    without_autocast,
)

STEPS = 5
EPSILON = 1e-5


def _times(vector: Tensor, formed: list[Tensor], k: int) -> Tensor:
    """Row vectors (N, 1, C) times M_k, which is W_k M_k-1 W_k where it is not formed."""
    if k < len(formed):
        return vector @ formed[k]
    return _step(_times(_step(vector, formed, k), formed, k - 1), formed, k)


def _step(vector: Tensor, formed: list[Tensor], k: int) -> Tensor:
    """Row vectors times W_k = (3 I - M_k-1) / 2."""
    return 1.5 * vector - 0.5 * _times(vector, formed, k - 1)


def _mean_of_root(covariance: Tensor) -> Tensor:
    """Row means of the iterated square root of the covariance, (N, C, C) -> (N, 1, C)."""
    # Deviation: the paper has no epsilon, and 0/0 for a constant map.
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1)[:, None, None] + EPSILON
    a = covariance / trace
    aw = torch.baddbmm(a, a, a, beta=1.5, alpha=-0.5)
    m1 = torch.baddbmm(aw, aw, a, beta=1.5, alpha=-0.5)
    vector = a.mean(1, keepdim=True)
    for k in range(1, STEPS + 1):
        vector = _step(vector, [a, m1], k)
    return trace.sqrt() * vector


class SOCA(nn.Module):
    """Second-order channel attention, (N, C, H, W) -> (N, C, H, W).

    The statistics are computed in float32 or more, whatever the precision around them.

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width; h is a multiple of 8 and at least 8
            (deviation: the paper's C / ratio is 0 below 16 channels). The popular code's is 8.
        identity_init: start as the identity, exactly: W2 starts at 0 and the gate is doubled.
    """

    def __init__(self, channels: int, ratio: int = 16, identity_init: bool = False) -> None:
        super().__init__()
        hidden = hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.relu = nn.ReLU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.fc2)

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x):
            wide = at_least_single(x)
            centred = (wide - wide.mean((2, 3), keepdim=True)).flatten(2)
            covariance = centred @ centred.transpose(1, 2) / (x.shape[2] * x.shape[3])
            squeezed = _mean_of_root(covariance).transpose(1, 2).unsqueeze(3)
        gate: Tensor = self.fc2(self.relu(self.fc1(squeezed.to(x.dtype)))).sigmoid()
        return x * (self.gain * gate)
