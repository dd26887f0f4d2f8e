"""Double attention (A2-Nets): gather a few descriptors from all positions, then deal them out.

    A = Wa x     B = softmax over positions of Wb x     V = softmax over the c_n axis of Wv x
    y = x + BN(Wr G V)                                  G = A B^T, c_m x c_n, for each image

Paper: A^2-Nets: Double Attention Networks, Chen, Kalantidis, Li, Yan, Feng, NeurIPS 2018,
arXiv 1810.11579 (eq. 3-6). A: c_m x HW; B and V: c_n x HW. The W have no biases: that of Wb would
cancel in the softmax, those of Wa and Wr in the norm.
`variant="tutorial"` is the code that most YOLO forks carry: B is a softmax over the c_n axis too,
nothing is added to x and nothing normalised, the W have biases, and its row [1024, 256, 256]
builds c_m = C, c_n = 256. (Older copies name no axis, and torch then takes the softmax over the
images of the batch; that form is not offered.)
"""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.modules._parts import (
    BatchNorm2d,
    hidden_width,
    is_tutorial,
    laid_out_as,
    start_at_zero,
)


class DoubleAttention(nn.Module):
    """Double attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        c_m: width of the descriptors; C / 4 if not given, rounded up to a multiple of 8 (C in the
            tutorial's form).
        c_n: number of descriptors; as c_m if not given (256 in the tutorial's form).
        identity_init: start as the identity, exactly: the norm starts at 0.
        variant: "paper", or "tutorial": see above.

    Raises:
        ValueError: the identity is asked of the tutorial's form, which does not add x.
    """

    def __init__(
        self,
        channels: int,
        c_m: int | None = None,
        c_n: int | None = None,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.tutorial = is_tutorial(variant)
        c_m = c_m or (channels if self.tutorial else hidden_width(channels, 4))
        c_n = c_n or (256 if self.tutorial else c_m)
        self.widths = (c_m, c_n, c_n)
        self.conv_abv = nn.Conv2d(channels, sum(self.widths), 1, bias=self.tutorial)
        self.conv_r = nn.Conv2d(c_m, channels, 1, bias=self.tutorial)
        self.bn = nn.Identity() if self.tutorial else BatchNorm2d(channels)
        if identity_init:
            if self.tutorial:
                raise ValueError("the tutorial's DoubleAttention adds no x: it has no identity")
            start_at_zero(self.bn)

    def forward(self, x: Tensor) -> Tensor:
        a, b, v = self.conv_abv(x).flatten(2).split(self.widths, 1)
        b = b.softmax(1 if self.tutorial else 2)
        v = v.softmax(1)
        descriptors = a @ b.transpose(1, 2)
        # (Wr G) V is Wr (G V), but projects c_n descriptors where the latter projects H * W.
        projected = self.conv_r(descriptors.unsqueeze(3)).squeeze(3)
        y: Tensor = self.bn((projected @ v).unflatten(2, x.shape[2:]))
        return laid_out_as(y, x) if self.tutorial else x + y
