"""Perceiver: a few latent vectors read the whole map, think, and answer each pixel.

    tokens = [x; p]                     p: row and column in [-1, 1], and their sines and cosines
    L = L + Attn(LN L, LN tokens),  L = L + MLP(LN L)       M latents of width D read the map
    L = L + Attn(LN L, LN L),       L = L + MLP(LN L)       `blocks` times, among themselves
    y_i = x_i + Wo Attn(LN tokens_i, LN L)                  each pixel reads the latents

Adapted: the Perceiver ends at the latents, of which it classifies the image; the last line, the
decoder, is that of Perceiver IO, added to the map. The sizes are a detector's: the paper has 512
latents of width 1024, eight times six blocks, and 64 bands up to the map's Nyquist frequency, by
which the same place has another p on a map of another size.

Papers: Perceiver: General Perception with Iterative Attention, Jaegle, Gimeno, Brock, Zisserman,
Vinyals, Carreira, ICML 2021, arXiv 2103.03206; Perceiver IO, ICLR 2022, arXiv 2107.14795 (heads,
MLP and norms as in the authors' code). No N x N matrix: M N weights each way for N pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import hidden_width, largest_divisor, positions, start_at_zero


class LatentAttention(nn.Module):
    """Multi-head attention, queries (N, n, q) and context (N, m, c) -> (N, n, out)."""

    def __init__(self, query: int, context: int, width: int, out: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(query, width)
        self.key = nn.Linear(context, width)
        self.value = nn.Linear(context, width)
        self.out = nn.Linear(width, out)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        maps = (self.query(queries), self.key(context), self.value(context))
        q, k, v = (torch.unflatten(each, 2, (self.heads, -1)).transpose(1, 2) for each in maps)
        attended = F.scaled_dot_product_attention(q, k, v)
        y: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return y


class LatentBlock(nn.Module):
    """Attention to a context, or among the latents themselves, then a perceptron for each."""

    def __init__(self, width: int, heads: int, context: int | None = None) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.norm_context = nn.LayerNorm(context) if context else None
        self.attention = LatentAttention(width, context or width, width, width, heads)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, latents: Tensor, context: Tensor | None = None) -> Tensor:
        own = self.norm(latents)
        read = own if self.norm_context is None else self.norm_context(context)
        latents = latents + self.attention(own, read)
        y: Tensor = latents + self.mlp(self.norm_mlp(latents))
        return y


class Perceiver(nn.Module):
    """Perceiver with a decoder, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        latents: M.
        blocks: how often the latents attend to one another.
        heads: of that; as many as leave at least 8 channels each. The map is read with one.
        ratio: C / D; D is a multiple of 8 and at least 8.
        bands: frequencies of the positions: 1 to `bands` half waves from the middle to the edge.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    def __init__(
        self,
        channels: int,
        latents: int = 32,
        blocks: int = 1,
        heads: int = 8,
        ratio: int = 2,
        bands: int = 16,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        width = hidden_width(channels, ratio)
        self.ratio = channels / width
        tokens = channels + 2 + 4 * bands
        self.bands = bands
        # An Embedding, because YOLOv5's optimizer sees no parameters but `weight` and `bias`.
        self.latents = nn.Embedding(latents, width)
        nn.init.trunc_normal_(self.latents.weight, std=0.02)
        self.read = LatentBlock(width, 1, tokens)
        self.heads = largest_divisor(width // 8, heads)
        self.blocks = nn.ModuleList(LatentBlock(width, self.heads) for _ in range(blocks))
        self.norm_query = nn.LayerNorm(tokens)
        self.norm_latents = nn.LayerNorm(width)
        self.answer = LatentAttention(tokens, width, width, channels, 1)
        if identity_init:
            start_at_zero(self.answer.out)

    def _places(self, x: Tensor) -> Tensor:
        """The p of every pixel, (1, H W, 2 + 4 bands)."""
        at = positions(x).flatten(1) * 2 - 1
        waves = torch.arange(1, self.bands + 1, device=x.device, dtype=at.dtype) * math.pi
        phases = (at[:, None] * waves[:, None]).flatten(0, 1)
        return torch.cat([at, phases.sin(), phases.cos()]).T.to(x.dtype).unsqueeze(0)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2).transpose(1, 2)
        tokens = torch.cat([pixels, self._places(x).expand(x.shape[0], -1, -1)], 2)
        latents = self.read(self.latents.weight.expand(x.shape[0], -1, -1), tokens)
        for block in self.blocks:
            latents = block(latents)
        answers = self.answer(self.norm_query(tokens), self.norm_latents(latents))
        return x + torch.unflatten(answers.transpose(1, 2), 2, x.shape[2:])

    def extra_repr(self) -> str:
        return f"bands={self.bands}"
