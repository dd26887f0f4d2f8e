"""Dual attention (DANet): each pixel reads all pixels, and each channel all channels.

    position:  y_i = x_i + alpha sum_j S_ij v_j     S = softmax over j of q_i . k_j
               q, k, v = Wq x, Wk x, Wv x           i, j: the N = H W pixels
    channel:   y_c = x_c + beta sum_d T_cd x_d      T = softmax over d of x_c . x_d
                                                    c, d: the channels, each a vector of N values

Paper: Dual Attention Network for Scene Segmentation, Fu, Liu, Tian, Li, Bao, Fang, Lu, CVPR 2019,
arXiv 1809.02983; alpha and beta 0 at the start, products unscaled. The paper adds the outputs of
both, each between convolutions; here each is a layer of its own.

DANPosition costs N^2 (C + h) multiplications. On a GPU torch's fused kernels keep no N x N
matrix; on the CPU, and in an exported graph, it is there: 164 MB per image at 80x80 in float32.
`max_tokens` bounds both.
"""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.modules._parts import (
    Gamma,
    at_least_single,
    block_means,
    is_tutorial,
    without_autocast,
)


def _tokens(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H W, C), as fused attention reads it."""
    return x.permute(0, 2, 3, 1).flatten(1, 2).unsqueeze(1).contiguous()


class DANPosition(nn.Module):
    """Position attention of DANet, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        max_tokens: at most that many keys and values, means over equal blocks of the map (not in
            the paper); all pixels if not given. A map of so many rows and columns as its square
            root, or fewer, is read in full.
        ratio: reduction of the width h of q and k, which is C / ratio and at least 8
            (deviation: the paper's C / 8 is 0 below 8 channels).
        identity_init: nothing to do: the layer starts as the identity, exactly, as alpha is 0.
    """

    def __init__(
        self,
        channels: int,
        max_tokens: int | None = None,
        ratio: int = 8,
        identity_init: bool = False,  # noqa: ARG002  every mechanism takes it
    ) -> None:
        super().__init__()
        for name, value in (("max_tokens", max_tokens), ("ratio", ratio)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        hidden = max(8, channels // ratio)
        self.ratio = channels / hidden
        self.side = isqrt(max_tokens) if max_tokens else None
        self.query = nn.Conv2d(channels, hidden, 1)
        self.key = nn.Conv2d(channels, hidden, 1, bias=False)  # its bias cancels in the softmax
        self.value = nn.Conv2d(channels, channels, 1)
        self.alpha = Gamma()

    def forward(self, x: Tensor) -> Tensor:
        read = block_means(x, self.side)  # the means of Wk x are Wk of the means
        q, k, v = (_tokens(each) for each in (self.query(x), self.key(read), self.value(read)))
        attended = F.scaled_dot_product_attention(q, k, v, scale=1.0).squeeze(1)
        y: Tensor = x + self.alpha(torch.unflatten(attended.transpose(1, 2), 2, x.shape[2:]))
        return y

    def extra_repr(self) -> str:
        return f"side={self.side}" if self.side else ""


class DANChannel(nn.Module):
    """Channel attention of DANet, (N, C, H, W) -> (N, C, H, W).

    The products x_c . x_d are computed in float32 or more, whatever the precision around them:
    at 80x80 they are beyond float16.

    Args:
        channels: C, any: the formula has no weights but beta.
        scaled: divide the products by sqrt(N) (not in the paper). Unscaled ones grow with the map,
            and the softmax then picks one channel, often c itself.
        identity_init: nothing to do: the layer starts as the identity, exactly, as beta is 0.
        variant: "paper", or "tutorial", the popular code's form, which is the authors' too: the
            softmax is of max_d(x_c . x_d) - x_c . x_d, so that the least alike weigh most.
    """

    def __init__(
        self,
        channels: int,  # noqa: ARG002  every mechanism is told C; this one does without
        scaled: bool = False,
        identity_init: bool = False,  # noqa: ARG002  every mechanism takes it
        variant: str = "paper",
    ) -> None:
        super().__init__()
        self.scaled = scaled
        self.reversed = is_tutorial(variant)
        self.beta = Gamma()

    def forward(self, x: Tensor) -> Tensor:
        with without_autocast(x):
            features = at_least_single(x).flatten(2)
            likeness = features @ features.transpose(1, 2)
            if self.scaled:
                likeness = likeness * (x.shape[2] * x.shape[3]) ** -0.5
            # A softmax takes no notice of the maximum, so that -x stands for max - x.
            weights = (-likeness if self.reversed else likeness).softmax(2)
        attended = weights.to(x.dtype) @ x.flatten(2)
        y: Tensor = x + self.beta(torch.unflatten(attended, 2, x.shape[2:]))
        return y

    def extra_repr(self) -> str:
        return f"scaled={self.scaled}"
