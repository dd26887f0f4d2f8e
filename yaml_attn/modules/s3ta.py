"""S3TA: a recurrent controller looks at the map several times, asking each time for something else.

    keys = [Wk x; b],  values = [Wv x; b]        b: fixed cosines of row and column
    T times:  A = softmax over the pixels of keys . q,   q = Wq h      for each of Q queries
              h, c = LSTM(A values of all queries, h, c)
    y = x + Wo h                                                       the same at every pixel

Adapted, and far: the paper reads the class of the image from the last h; here h is added to every
pixel of the map that it looked at, as if what it found there were worth knowing everywhere.

Paper: Towards Robust Image Classification Using Sequential Attention Models, Zoran, Chrzanowski,
Huang, Gowal, Mott, Kohli, CVPR 2020, arXiv 1912.02184 (fig. 2), which trains it adversarially. Read
here were its abstract and that figure's text; the basis, b_uv = cos(pi u row) cos(pi v column), is
that of the authors' earlier agents (Mott et al., NeurIPS 2019, arXiv 1906.02500) as reimplemented
by others. The widths and the number of frequencies are ours. Q N weights for N pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import hidden_width, positions, start_at_zero


class S3TA(nn.Module):
    """Sequential top-down attention, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        steps: T, how often it looks; the paper has 4, 8 and 16.
        queries: Q, what it asks for at once.
        frequencies: of the basis, 1 to this many half waves in each direction; its square planes.
        identity_init: start as the identity, exactly: Wo starts at 0.
    """

    def __init__(
        self,
        channels: int,
        steps: int = 4,
        queries: int = 4,
        frequencies: int = 4,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in {"steps": steps, "queries": queries}.items():
            if value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        key, width = hidden_width(channels, 8), hidden_width(channels, 4)
        basis = frequencies**2
        self.steps, self.queries, self.frequencies = steps, queries, frequencies
        self.key = nn.Conv2d(channels, key, 1)
        self.value = nn.Conv2d(channels, width, 1)
        self.query = nn.Linear(width, queries * (key + basis))
        # An LSTM of linear layers, as YOLOv5's optimizer sees no parameters but `weight` and
        # `bias`; it does not see those of nn.LSTMCell. Its start is learned: h, then c.
        self.start = nn.Embedding(2, width)
        self.heard = nn.Linear(queries * (width + basis), 4 * width)
        self.state = nn.Linear(width, 4 * width)
        self.out = nn.Linear(width, channels)
        if identity_init:
            start_at_zero(self.out)

    def _basis(self, x: Tensor) -> Tensor:
        """The cosines b, (1, 1, N, frequencies^2)."""
        waves = torch.arange(1, self.frequencies + 1, device=x.device) * math.pi
        rows, columns = (positions(x).flatten(1).unsqueeze(2) * waves).cos().unbind()
        return (rows.unsqueeze(2) * columns.unsqueeze(1)).flatten(1).to(x.dtype)[None, None]

    def _placed(self, features: Tensor, basis: Tensor) -> Tensor:
        """Features with the basis, (N, 1, H W, c + frequencies^2): every query reads the same."""
        tokens = features.flatten(2).transpose(1, 2).unsqueeze(1)
        return torch.cat([tokens, basis.to(tokens.dtype).expand(tokens.shape[0], -1, -1, -1)], 3)

    def forward(self, x: Tensor) -> Tensor:
        basis = self._basis(x)
        keys, values = self._placed(self.key(x), basis), self._placed(self.value(x), basis)
        hidden, cell = self.start.weight[:, None].expand(-1, x.shape[0], -1).unbind()
        for _ in range(self.steps):
            queries = torch.unflatten(self.query(hidden), 1, (1, self.queries, -1))
            answers = F.scaled_dot_product_attention(
                queries.to(keys.dtype), keys, values, scale=1.0
            )
            gates = self.heard(answers.flatten(1)) + self.state(hidden)
            write, keep, new, show = gates.chunk(4, 1)
            cell = keep.sigmoid() * cell + write.sigmoid() * new.tanh()
            hidden = show.sigmoid() * cell.tanh()
        found: Tensor = self.out(hidden)
        return x + found[:, :, None, None]

    def extra_repr(self) -> str:
        return f"steps={self.steps}, queries={self.queries}"
