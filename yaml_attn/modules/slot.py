"""Slot attention: K slots compete for the pixels, then each pixel reads the slots that won it.

    tokens = LN(x + Wp (row, column, 1 - row, 1 - column)),  k, v = Wk, Wv tokens
    T times:  A = softmax over the slots of k . Wq LN(s) / sqrt(D)
              u = A^T v, each slot's weights divided by their sum over the pixels
              s = GRU(u, s),  s = s + W2 d(W1 LN(s))                  s: K slots of width D
    y_i = x_i + Wo sum_k A_ik s_k                                     d ReLU

Adapted: the paper's layer ends at the slots, which a decoder turns into an image or a set of
objects; here the last A deals them back to the pixels, y, and that line is not in the paper.

Paper: Object-Centric Learning with Slot Attention, Locatello, Weissenborn, Unterthiner, Mahendran,
Heigold, Uszkoreit, Dosovitskiy, Kipf, NeurIPS 2020, arXiv 2006.15055 (algorithm 1; widths as in the
authors' code). The slots start at random, in training anew for each image; in evaluation always
from the same noise, kept with the weights (deviation: the paper draws there too). From their mean
alone all slots would start, and stay, the same. A costs N K weights for N pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import at_least_single, positions, start_at_zero

EPSILON = 1e-8


class GRU(nn.Module):
    """One step of a gated recurrent unit, (..., D) and (..., D) -> (..., D).

    `nn.GRUCell` calls its parameters `weight_ih` and so on, which YOLOv5's optimizer does not see.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input = nn.Linear(width, 3 * width)
        self.state = nn.Linear(width, 3 * width)

    def forward(self, update: Tensor, state: Tensor) -> Tensor:
        reset, keep, new = self.input(update).chunk(3, -1)
        state_reset, state_keep, state_new = self.state(state).chunk(3, -1)
        new = (new + (reset + state_reset).sigmoid() * state_new).tanh()
        y: Tensor = new + (keep + state_keep).sigmoid() * (state - new)
        return y


class SlotAttention(nn.Module):
    """Slot attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        slots: K, 7 in the paper.
        iterations: T, 3 in the paper.
        width: D, 64 in the paper; the perceptron behind the GRU has twice as many hidden units.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    noise: Tensor

    def __init__(
        self,
        channels: int,
        slots: int = 7,
        iterations: int = 3,
        width: int = 64,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in {"slots": slots, "iterations": iterations, "width": width}.items():
            if value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        self.iterations = iterations
        self.position = nn.Linear(4, channels)
        self.norm_input = nn.LayerNorm(channels)
        self.key = nn.Linear(channels, width, bias=False)
        self.value = nn.Linear(channels, width, bias=False)
        # Embeddings, because YOLOv5's optimizer sees no parameters but `weight` and `bias`.
        self.mean = nn.Embedding(1, width)
        self.log_sigma = nn.Embedding(1, width)
        for start in (self.mean, self.log_sigma):
            nn.init.xavier_uniform_(start.weight)
        self.register_buffer("noise", torch.randn(slots, width))
        self.norm_slots = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.gru = GRU(width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )
        self.out = nn.Linear(width, channels)
        if identity_init:
            start_at_zero(self.out)

    def _first_slots(self, x: Tensor) -> Tensor:
        noise = self.noise.expand(x.shape[0], -1, -1)
        if self.training:
            noise = torch.randn_like(noise)
        return self.mean.weight + self.log_sigma.weight.exp() * noise

    def forward(self, x: Tensor) -> Tensor:
        at = positions(x).flatten(1).T
        place = self.position(torch.cat([at, 1 - at], 1).to(x.dtype))
        tokens = self.norm_input(x.flatten(2).transpose(1, 2) + place)
        keys, values = self.key(tokens) * self.noise.shape[1] ** -0.5, self.value(tokens)
        slots = self._first_slots(x)
        shares = keys  # of the slots in each pixel, (N, H W, K)
        for _ in range(self.iterations):
            logits = keys @ self.query(self.norm_slots(slots)).transpose(1, 2)
            shares = at_least_single(logits).softmax(2)
            # As in the authors' code: a slot that wins nothing reads the mean, and not zero.
            weights = (shares + EPSILON) / (shares + EPSILON).sum(1, keepdim=True)
            slots = self.gru(weights.to(values.dtype).transpose(1, 2) @ values, slots)
            slots = slots + self.mlp(self.norm_mlp(slots))
        dealt = self.out(shares.to(values.dtype) @ slots.to(values.dtype))
        return x + torch.unflatten(dealt.transpose(1, 2), 2, x.shape[2:])

    def extra_repr(self) -> str:
        return f"slots={self.noise.shape[0]}, iterations={self.iterations}"
