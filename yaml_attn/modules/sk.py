"""Selective Kernel convolution: branches of different receptive field, weighed by each image.

    U_m = d(BN(conv_m(x)))                    conv_m: C -> C in groups, dilation m for m = 1..M
    z   = d(BN(W GAP(U_1 + ... + U_M)))       W: C -> d
    y   = sum_m a_m * U_m                     a = softmax over m of A_m z, for each channel

Paper: Selective Kernel Networks, Li, Wang, Hu, Yang, CVPR 2019, arXiv 1903.06586 (eq. 1-6);
widths and the absence of biases as in the authors' model files. d(.) is ReLU. The layer takes the
place of a 3x3 convolution: its output is made of U, x is not added.
`variant="tutorial"` is the code that most YOLO forks carry: four dense branches of 1x1, 3x3, 5x5
and 7x7 with biases (84 C^2 weights, 110 times the paper's at 512 channels), and z = W GAP(U) + b
without norm and ReLU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from yaml_attn.modules._parts import BatchNorm2d, is_tutorial, largest_divisor, same_padding


class SKAttention(nn.Module):
    """Selective Kernel convolution, (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        ratio: reduction C / d of the width of z.
        kernels: the size of each branch's kernel, odd, in pixels; (3, 5) if not given, and
            (1, 3, 5, 7) in the tutorial's form.
        groups: of each branch; the largest number up to it that divides C. 32 if not given, and
            1 in the tutorial's form.
        minimum: the least width d of z, the paper's L.
        dilated: whether a kernel above 3 is a dilated 3x3, as in the paper, or dense. The
            tutorial's form has dense ones only.
        identity_init: start as near to the identity as the layer can: each branch is the identity
            before its norm, so that y = d(x) in evaluation and d(BN(x)) in training. There is no
            exact one, as every value of y has passed a ReLU.
        variant: "paper", or "tutorial": see above.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 16,
        kernels: Sequence[int] | None = None,
        groups: int | None = None,
        minimum: int = 32,
        dilated: bool = True,
        identity_init: bool = False,
        variant: str = "paper",
    ) -> None:
        super().__init__()
        tutorial = is_tutorial(variant)
        kernels = kernels or ((1, 3, 5, 7) if tutorial else (3, 5))
        self.groups = largest_divisor(channels, groups or (1 if tutorial else 32))
        hidden = max(channels // ratio, minimum)
        self.ratio = channels / hidden

        self.branches = nn.ModuleList()
        for size in kernels:
            padding = same_padding(size)
            spread = dilated and not tutorial and size > 3
            conv = nn.Conv2d(
                channels,
                channels,
                kernel_size=3 if spread else size,
                padding=padding,
                dilation=padding if spread else 1,
                groups=self.groups,
                bias=tutorial,
            )
            if identity_init:
                nn.init.dirac_(conv.weight, self.groups)
                if conv.bias is not None:
                    nn.init.zeros_(conv.bias)
            self.branches.append(nn.Sequential(conv, BatchNorm2d(channels), nn.ReLU(inplace=True)))
        self.fc1 = nn.Conv2d(channels, hidden, 1, bias=tutorial)
        self.act = (
            nn.Identity() if tutorial else nn.Sequential(BatchNorm2d(hidden), nn.ReLU(inplace=True))
        )
        self.fc2 = nn.Conv2d(hidden, channels * len(kernels), 1, bias=tutorial)

    def forward(self, x: Tensor) -> Tensor:
        features = [branch(x) for branch in self.branches]
        # The mean of the sum is the sum of the means: neither sum nor stack of maps is needed.
        pooled = torch.stack([u.mean((2, 3), keepdim=True) for u in features]).sum(0)
        z = self.act(self.fc1(pooled))
        logits = self.fc2(z).unflatten(1, (len(features), -1))
        weights = logits.softmax(1).to(features[0].dtype).unbind(1)
        y: Tensor = weights[0] * features[0]
        for a, u in zip(weights[1:], features[1:], strict=True):
            y = torch.addcmul(y, a, u)
        return y
