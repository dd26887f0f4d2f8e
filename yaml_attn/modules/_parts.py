"""The few parts that several mechanisms share. Imports torch alone, as the mechanisms do."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F


def hidden_width(channels: int, ratio: float) -> int:
    """Width of a bottleneck: `channels / ratio`, rounded up to a multiple of 8, at least 8.

    Equals `channels / ratio` for YOLO's widths at ratio 16 and 32; below 16 channels the plain
    quotient would be 0 and the gate a silent constant.
    """
    return max(8, math.ceil(channels / ratio / 8) * 8)


class BatchNorm2d(nn.BatchNorm2d):
    """BatchNorm that survives one value per channel in training (batch 1, map 1x1).

    There is no variance of one value (torch raises "Expected more than 1 value per channel"), so
    the running statistics are used, and not updated. Everywhere else it is `nn.BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)
