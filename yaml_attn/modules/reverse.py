"""Reverse attention: what another map takes for found is taken away, so that the rest is looked at.

    y = a * (1 - s(up(p))),  p = Wp b      s sigmoid, Wp: C_b -> 1, up: bilinear, to the size of a

Reads [a, b]: a is refined and gives the shape; b, a coarser map of any width and size, says by p
how surely each place holds what is sought. Adapted: in the paper p is a prediction, trained on the
object's mask, and y goes through three convolutions to correct it, up(p) + conv(y). Here nothing
tells the layer that p is to be a prediction; it learns whatever mask helps.

Paper: Reverse Attention for Salient Object Detection, Chen, Tan, Wang, Hu, ECCV 2018,
arXiv 1807.09940, and the authors' code (ShuhanChen/RAS-pytorch), whose corners are aligned. Another
paper of the name (Huang et al., BMVC 2017, arXiv 1707.06426) subtracts one head of a segmenter from
another where the latter is unsure, and is no layer of this kind.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import start_at_zero, two_widths


class ReverseAttention(nn.Module):
    """Reverse attention, [(N, C, H, W), (N, C_b, H_b, W_b)] -> (N, C, H, W).

    Args:
        channels: C; or, with context_channels, what the row's [ch, f] stands for.
        context_channels: C_b.
        identity_init: start as the identity, exactly: Wp starts at 0 and the gate is doubled.

    Raises:
        ValueError: the channels are neither two numbers nor what [ch, f] stands for.
    """

    def __init__(
        self,
        channels: int | list[int],
        context_channels: int | list[int],
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        _, context = two_widths(channels, context_channels)
        self.predict = nn.Conv2d(context, 1, 1)
        self.gain = 2.0 if identity_init else 1.0
        if identity_init:
            start_at_zero(self.predict)

    def forward(self, inputs: list[Tensor]) -> Tensor:
        a, b = inputs
        p = F.interpolate(self.predict(b), a.shape[2:], mode="bilinear", align_corners=True)
        return a * (self.gain * (-p).sigmoid()).to(a.dtype)
