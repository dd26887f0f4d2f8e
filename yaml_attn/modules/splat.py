"""Split attention (ResNeSt): a 3x3 convolution in splits, weighed by what the whole image shows.

    U_kr = d(BN(conv_kr(x)))                   k = 1..K cardinal groups of R splits r; each conv
                                               reads its own C / KR channels and gives C / K
    z_k  = d(BN(W1_k GAP(sum_r U_kr)))         d ReLU
    y_k  = sum_r a_kr * U_kr                   a = softmax over r of W2_kr z_k, for each channel
    y    = [y_1; ...; y_K]                     with one split, R = 1, a is a sigmoid

Paper: ResNeSt: Split-Attention Networks, Zhang et al., CVPR 2022 workshop, arXiv 2004.08955;
widths and biases as in the authors' code, order of groups as in the equations (with K = 1 that is
the code's too). The layer takes the place of a 3x3 convolution: its output is made of U, x is not
added.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import BatchNorm2d, laid_out_as

READER = 4.0  # logit of the split that hands a channel on, over the others, in identity_init


class SplAtConv(nn.Module):
    """Split-attention convolution, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C, a multiple of radix * cardinality.
        radix: splits R of each cardinal group.
        cardinality: cardinal groups K.
        ratio: reduction of the width of all z, which is C R / ratio, rounded up to a multiple of K.
        minimum: the least width of all z.
        identity_init: start as near to the identity as the layer can: for each channel one split
            hands on x and the others together weigh less than 2 % at radix 2, so that y is about
            d(x) in evaluation and d(BN(x)) in training. There is no exact one, as every value of y
            has passed a ReLU.

    Raises:
        ValueError: C does not divide into radix * cardinality groups.
    """

    def __init__(
        self,
        channels: int,
        radix: int = 2,
        cardinality: int = 1,
        ratio: int = 4,
        minimum: int = 32,
        identity_init: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("radix", radix), ("cardinality", cardinality), ("ratio", ratio)):
            if value < 1:
                raise ValueError(f"{name} must be positive, not {value}")
        splits = radix * cardinality
        if channels % splits:
            raise ValueError(
                f"SplAtConv splits its channels {radix} * {cardinality} times: "
                f"{channels} is not a multiple of {splits}"
            )
        hidden = max(channels * radix // ratio, minimum)
        hidden = -(-hidden // cardinality) * cardinality
        self.ratio = channels * radix / hidden
        self.groups = (cardinality, radix)
        self.conv = nn.Conv2d(channels, channels * radix, 3, padding=1, groups=splits, bias=False)
        self.bn = BatchNorm2d(channels * radix)
        self.relu = nn.ReLU(inplace=True)
        self.fc1 = nn.Conv2d(channels, hidden, 1, groups=cardinality)
        self.bn1 = BatchNorm2d(hidden)
        self.fc2 = nn.Conv2d(hidden, channels * radix, 1, groups=cardinality)
        if identity_init:
            self._start_as_identity(channels)

    def _start_as_identity(self, channels: int) -> None:
        """Let the one split that reads a channel hand it on, and the others weigh next to nothing.

        Not nothing at all: filters that start at 0 would stay there, behind their ReLU.
        """
        cardinality, radix = self.groups
        read, made = channels // (radix * cardinality), channels // cardinality
        each = torch.arange(channels)
        split = each // read
        filters = split * made + each % made
        biases = torch.zeros(channels * radix)
        biases[filters] = READER if radix > 1 else 0
        weights = torch.unflatten(biases, 0, (*self.groups, -1))
        weights = (weights.softmax(1) if radix > 1 else weights.sigmoid()).flatten()
        with torch.no_grad():
            self.conv.weight[filters] = 0
            self.conv.weight[filters, each % read, 1, 1] = 1
            self.bn.weight[filters] = 1 / weights[filters]
            self.fc2.weight.zero_()
            self.fc2.get_parameter("bias").copy_(biases)

    def forward(self, x: Tensor) -> Tensor:
        u = self.relu(self.bn(self.conv(x)))
        pooled = u.mean((2, 3), keepdim=True)
        # The mean of the sum is the sum of the means: no sum of maps is needed.
        squeezed = torch.unflatten(pooled, 1, (*self.groups, -1)).sum(2).flatten(1, 2)
        z = self.relu(self.bn1(self.fc1(squeezed)))
        logits = torch.unflatten(self.fc2(z), 1, (*self.groups, -1))
        weights = logits.softmax(2) if self.groups[1] > 1 else logits.sigmoid()
        splits = torch.unflatten(u, 1, (*self.groups, -1)).unbind(2)
        a = weights.to(u.dtype).unbind(2)
        y = a[0] * splits[0]
        for weight, split in zip(a[1:], splits[1:], strict=True):
            y = torch.addcmul(y, weight, split)
        return laid_out_as(y.flatten(1, 2), x)
