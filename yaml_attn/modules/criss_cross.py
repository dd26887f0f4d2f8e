"""Criss-cross attention (CCNet): each pixel attends to the pixels of its row and its column.

    y_u = x_u + gamma sum_p A_up v_p        A_u = softmax over p in S(u) of q_u . k_p
    q, k, v = Wq x, Wk x, Wv x              S(u): the H + W - 1 pixels of u's row and column

Paper: CCNet: Criss-Cross Attention for Semantic Segmentation, Huang, Wang, Huang, Huang, Wei, Liu,
ICCV 2019, arXiv 1811.11721; gamma, 0 at the start, as in the authors' code. The paper
passes twice through the same weights, after which each pixel has seen all others. Here as in
popular code the default is one pass (deviation), and the 3x3 convolutions of CCNet's head, between
which its passes stand, are not part of the layer. A pass holds H W (H + W) weights per image:
a million at 80x80.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import Gamma


class CrissCrossAttention(nn.Module):
    """Criss-cross attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        recurrence: passes through the same weights, 2 in the paper.
        ratio: reduction of the width of q and k, which is C / ratio and at least 8
            (deviation: the paper's C / 8 is 0 below 8 channels).
        identity_init: nothing to do: the layer starts as the identity, exactly, as gamma is 0.
    """

    def __init__(
        self,
        channels: int,
        recurrence: int = 1,
        ratio: int = 8,
        identity_init: bool = False,  # noqa: ARG002  every mechanism takes it
    ) -> None:
        super().__init__()
        if recurrence < 1:
            raise ValueError(f"recurrence must be positive, not {recurrence}")
        if ratio < 1:
            raise ValueError(f"ratio must be positive, not {ratio}")
        hidden = max(8, channels // ratio)
        self.ratio = channels / hidden
        self.recurrence = recurrence
        self.query = nn.Conv2d(channels, hidden, 1)
        self.key = nn.Conv2d(channels, hidden, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gamma = Gamma()

    def _attend(self, x: Tensor) -> Tensor:
        """The sum over p of A_up v_p, (N, C, H, W)."""
        maps = (self.query(x), self.key(x), self.value(x))
        q, k, v = (each.permute(0, 2, 3, 1).contiguous() for each in maps)  # rows: (N, H, W, c)
        qt, kt, vt = (each.transpose(1, 2) for each in (q, k, v))  # columns: (N, W, H, c)
        # u is in its row and in its column but once in S(u): -inf hides it from its column.
        height = x.shape[2]
        at = torch.arange(height, device=x.device)
        itself = q.new_zeros(height, height).masked_fill(at[:, None] == at, float("-inf"))
        in_column = qt @ kt.transpose(2, 3) + itself  # (N, W, H, H)
        in_row = q @ k.transpose(2, 3)  # (N, H, W, W)
        weights = torch.cat([in_column.transpose(1, 2), in_row], 3).softmax(3)
        from_column = weights[..., :height].transpose(1, 2) @ vt
        from_row = weights[..., height:] @ v
        attended: Tensor = from_row + from_column.transpose(1, 2)
        return attended.permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.recurrence):
            x = x + self.gamma(self._attend(x))
        return x

    def extra_repr(self) -> str:
        return f"recurrence={self.recurrence}"
