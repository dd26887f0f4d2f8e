"""The transformer inside C3TR: every pixel attends to every pixel.

An Image is Worth 16x16 Words, Dosovitskiy et al., ICLR 2021, arXiv 2010.11929; as in YOLOv5
without layer norms, and with a linear layer in the place of the position embedding.
"""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv


class TransformerLayer(nn.Module):
    """Self-attention and a linear layer pair, each with a shortcut; (pixels, N, C)."""

    def __init__(self, c: int, heads: int) -> None:
        super().__init__()
        self.q = nn.Linear(c, c, bias=False)
        self.k = nn.Linear(c, c, bias=False)
        self.v = nn.Linear(c, c, bias=False)
        self.ma = nn.MultiheadAttention(c, heads)
        self.fc1 = nn.Linear(c, c, bias=False)
        self.fc2 = nn.Linear(c, c, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ma(self.q(x), self.k(x), self.v(x))[0]
        y: Tensor = x + self.fc2(self.fc1(x))
        return y


class TransformerBlock(nn.Module):
    """`n` transformer layers on the pixels of a map, (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, c1: int, c2: int, heads: int, n: int) -> None:
        super().__init__()
        self.conv = Conv(c1, c2) if c1 != c2 else None
        self.linear = nn.Linear(c2, c2)
        self.tr = nn.Sequential(*(TransformerLayer(c2, heads) for _ in range(n)))

    def forward(self, x: Tensor) -> Tensor:
        if self.conv is not None:
            x = self.conv(x)
        pixels = x.flatten(2).permute(2, 0, 1)
        y: Tensor = self.tr(pixels + self.linear(pixels))
        return y.permute(1, 2, 0).reshape(x.shape)
