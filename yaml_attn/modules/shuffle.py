"""Shuffle attention (SA-Net): half of each group is gated by channel, half by position.

    a' = a * s(w1 * GAP(a) + b1)         a, b: the halves of a group of channels, C / 2G each
    b' = b * s(w2 * GN(b) + b2)          GN: each channel of each image normalised by itself
    y  = shuffle([a'; b'] of all groups)

Paper: SA-Net: Shuffle Attention for Deep Convolutional Neural Networks, Zhang, Yang, ICASSP 2021,
arXiv 2102.00240 (eq. 1-4). s sigmoid; w and b of all groups are the same, so the layer has
3 C / G parameters; w = 0 and b = 1 at the start.
`variant="tutorial"` is the same layer with the 8 groups that most YOLO forks have, where the
authors' code has 64.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import channel_shuffle, is_tutorial, laid_out_as, largest_divisor


class ShuffleAttention(nn.Module):
    """Shuffle attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C, even.
        groups: G, the largest number up to it that divides C / 2; 64 if not given, and 8 in the
            tutorial's form.
        identity_init: start as the identity, exactly: b starts at 0, the gates are doubled, and
            the channels are unshuffled before the layer (deviation: the paper's layer permutes
            them even with open gates, and a pretrained network cannot take that).
        variant: "paper", or "tutorial": see above.

    Raises:
        ValueError: C is odd, and has no halves.
    """

    def __init__(
        self,
        channels: int,
        groups: int | None = None,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        tutorial = is_tutorial(variant)
        if channels % 2:
            raise ValueError(
                f"ShuffleAttention halves its channels: {channels} is not a multiple of 2"
            )
        self.groups = largest_divisor(channels // 2, groups or (8 if tutorial else 64))
        self.identity_init = identity_init
        half = channels // self.groups // 2
        # Layers with a weight and a bias, because YOLOv5's optimizer sees no other parameters.
        self.channel = nn.Conv2d(half, half, 1, groups=half)  # w1, b1
        self.spatial = nn.Conv2d(half, half, 1, groups=half)  # w2, b2
        self.gn = nn.GroupNorm(half, half)
        for layer in (self.channel, self.spatial):
            weight, bias = layer.parameters()
            nn.init.zeros_(weight)
            nn.init.constant_(bias, 0 if identity_init else 1)

    def _normalised(self, b: Tensor) -> Tensor:
        """w2 * GN(b) + b2, both affine maps in the one that the kernel applies anyway."""
        w2, b2 = self.spatial.parameters()
        gamma, beta = self.gn.parameters()
        weight, bias = w2.flatten() * gamma, w2.flatten() * beta + b2
        # Not self.gn(b), which refuses one value per channel (one group, one image, map 1x1).
        return torch.group_norm(b, b.shape[1], weight, bias, self.gn.eps)

    def _gate(self, logits: Tensor, x: Tensor) -> Tensor:
        gate = logits.sigmoid().to(x.dtype)
        return 2 * gate if self.identity_init else gate

    def forward(self, x: Tensor) -> Tensor:
        y = channel_shuffle(x, x.shape[1] // 2) if self.identity_init else x
        a, b = torch.unflatten(y, 1, (self.groups, -1)).flatten(0, 1).chunk(2, 1)
        a = a * self._gate(self.channel(a.mean((2, 3), keepdim=True)), a)
        b = b * self._gate(self._normalised(b), b)
        y = torch.unflatten(torch.cat((a, b), 1), 0, (-1, self.groups)).flatten(1, 2)
        return laid_out_as(channel_shuffle(y, 2), x)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
