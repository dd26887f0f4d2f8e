"""Global Attention Mechanism: a gate for every value, first across channels, then across space.

    x1 = x * s(W2 d(W1 x))                                W1: C -> h, W2: h -> C, at each pixel
    y  = x1 * s(BN(conv7(shuffle(d(BN(conv7(x1)))))))     conv7: C -> h and h -> C, in groups

Paper: Global Attention Mechanism: Retain Information to Enhance Channel-Spatial Interactions,
Liu, Shao, Hoffmann, arXiv 2112.05561, 2021 (eq. 1-2, fig. 2-3). s sigmoid, d ReLU.
Nothing is pooled, so the layer costs 2 * 49 * C * h / groups multiplications a pixel.
`variant="tutorial"` is the code that most YOLO forks carry: the channel gate has no sigmoid (it may
be negative), and the shuffle is applied to the finished gate and not between the two grouped
convolutions, so that a gate sees one group's channels only and is then dealt to another's.
"""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    channel_shuffle,
    hidden_width,
    is_tutorial,
    largest_divisor,
    start_at_zero,
)


class GAMAttention(nn.Module):
    """Global Attention Mechanism, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / h of the hidden width of both halves; h is a multiple of 8 and at
            least 8 (deviation: the paper's C / ratio has no room for groups below 16 channels).
        groups: of both 7x7 convolutions, as in the paper's ResNet-50; the largest number up to
            it that divides C and h. 1 is the paper's form without groups.
        identity_init: start as the identity, exactly: W2 and the last norm start at 0 and the
            gates are doubled (the tutorial's channel gate, which has no sigmoid, starts at 1).
        variant: "paper", or "tutorial": see above; h = max(1, C // ratio).
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        groups: int = 4,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.tutorial = is_tutorial(variant)
        self.identity_init = identity_init
        hidden = max(1, channels // ratio) if self.tutorial else hidden_width(channels, ratio)
        self.ratio = channels / hidden
        self.groups = largest_divisor(math.gcd(channels, hidden), groups)

        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.relu = nn.ReLU(inplace=True)
        # A bias before a batch norm has no effect; the tutorial's code has it.
        conv7 = partial(nn.Conv2d, kernel_size=7, padding=3, groups=self.groups, bias=self.tutorial)
        self.conv1 = conv7(channels, hidden)
        self.bn1 = BatchNorm2d(hidden)
        self.conv2 = conv7(hidden, channels)
        self.bn2 = BatchNorm2d(channels)
        if identity_init:
            start_at_zero(self.fc2, self.bn2)
            if self.tutorial:
                nn.init.ones_(self.fc2.get_parameter("bias"))

    def _gate(self, logits: Tensor) -> Tensor:
        gate = logits.sigmoid()
        return 2 * gate if self.identity_init else gate

    def forward(self, x: Tensor) -> Tensor:
        channel = self.fc2(self.relu(self.fc1(x)))
        x = x * (channel if self.tutorial else self._gate(channel))
        mixed = self.relu(self.bn1(self.conv1(x)))
        if not self.tutorial:
            mixed = channel_shuffle(mixed, self.groups)
        spatial = self._gate(self.bn2(self.conv2(mixed)))
        return x * (channel_shuffle(spatial, self.groups) if self.tutorial else spatial)
