"""A convolution whose kernel is computed, at each step of training, from five others.

Online Convolutional Re-parameterization, Hu et al., CVPR 2022, arXiv 2204.00826.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yaml_attn.blocks.yolov7.rep import Branched

WIDER = 8
"""How many depthwise filters the last of the five has for each input channel."""


class _SummedConv(nn.Module):
    """A 3 x 3 convolution and its batch norm; the kernel is the weighted sum of five kernels.

    They are: an ordinary one; a 1 x 1 behind a mean of 3 x 3 pixels; a 1 x 1 behind a frequency
    of the discrete cosine transform; a 3 x 3 behind a 1 x 1; a 1 x 1 behind depthwise ones.
    """

    weight_rbr_avg_avg: Tensor
    weight_rbr_prior: Tensor
    id_tensor: Tensor

    def __init__(self, c1: int, c2: int, s: int) -> None:
        super().__init__()
        self.stride = s
        self.weight_rbr_origin = _random(c2, c1, 3, 3)
        self.weight_rbr_avg_conv = _random(c2, c1, 1, 1)
        self.weight_rbr_pfir_conv = _random(c2, c1, 1, 1)
        self.weight_rbr_1x1_kxk_idconv1 = nn.Parameter(torch.zeros(c1, c1, 1, 1))
        self.weight_rbr_1x1_kxk_conv2 = _random(c2, c1, 3, 3)
        self.weight_rbr_gconv_dw = _random(WIDER * c1, 1, 3, 3)
        self.weight_rbr_gconv_pw = _random(c2, WIDER * c1, 1, 1)
        weights = [0.25, 0.25, 0.0, 0.5, 0.5]
        # Where RepVGG has an identity there is a sixth row, which the framework does not use.
        rows = [*weights, 0.0] if c1 == c2 and s == 1 else weights
        self.vector = nn.Parameter(torch.tensor(rows).view(-1, 1).repeat(1, c2))
        self.register_buffer("weight_rbr_avg_avg", torch.full((3, 3), 1 / 9))
        self.register_buffer("id_tensor", torch.eye(c1).view(c1, c1, 1, 1))
        self.register_buffer("weight_rbr_prior", _frequencies(c2))
        self.bn = nn.BatchNorm2d(c2)

    def kernel(self) -> Tensor:
        """The kernel, (c2, c1, 3, 3)."""
        c1 = len(self.id_tensor)
        first = (self.weight_rbr_1x1_kxk_idconv1 + self.id_tensor)[..., 0, 0]
        depthwise = self.weight_rbr_gconv_dw.view(c1, WIDER, 3, 3)
        pointwise = self.weight_rbr_gconv_pw.view(-1, c1, WIDER)
        five = (
            self.weight_rbr_origin,
            self.weight_rbr_avg_conv * self.weight_rbr_avg_avg,
            self.weight_rbr_pfir_conv * self.weight_rbr_prior.unsqueeze(1),
            torch.einsum("ti,othw->oihw", first, self.weight_rbr_1x1_kxk_conv2),
            torch.einsum("ithw,oit->oihw", depthwise, pointwise),
        )
        weights = self.vector[:5].view(5, -1, 1, 1, 1)
        return torch.stack([k * w for k, w in zip(five, weights, strict=True)]).sum(0)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(F.conv2d(x, self.kernel(), stride=self.stride, padding=1))
        return y


class _Branch(nn.Module):
    """A 1 x 1 convolution and its batch norm."""

    def __init__(self, c1: int, c2: int, s: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, 1, s, bias=False)
        self.bn = nn.BatchNorm2d(c2)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv(x))
        return y


class RepConv_OREPA(Branched):  # noqa: N801  # what rows and checkpoints call it
    """RepConv, the kernel of its 3 x 3 convolution summed up from five.

    The framework's own fails with `use_se`, and with several groups unless it is deployed.
    """

    def __init__(
        self,
        c1: int,
        c2: int,
        k: int = 3,
        s: int = 1,
        padding: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        deploy: bool = False,
        use_se: bool = False,
        nonlinear: bool | nn.Module | None = True,
    ) -> None:
        super().__init__()
        if k != 3 or padding != 1:
            raise ValueError(f"its kernel is 3 and its padding 1, not {k} and {padding}")
        if use_se or (groups != 1 and not deploy):
            raise ValueError("YOLOv7's own cannot be built with use_se or run with groups")
        self.nonlinearity = nn.SiLU() if nonlinear is True else nonlinear or nn.Identity()
        self.deploy = deploy
        if deploy:
            self.rbr_reparam = nn.Conv2d(
                c1, c2, 3, s, 1, dilation, groups, padding_mode=padding_mode
            )
            return
        self.rbr_identity = nn.BatchNorm2d(c1) if c1 == c2 and s == 1 else None
        self.rbr_dense = _SummedConv(c1, c2, s)
        self.rbr_1x1 = _Branch(c1, c2, s)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.nonlinearity(self.summed(x))
        return y


def _random(*shape: int) -> nn.Parameter:
    values = torch.empty(shape)
    return nn.Parameter(nn.init.kaiming_uniform_(values, a=1.0))


def _frequencies(channels: int) -> Tensor:
    """Frequencies of the cosine transform, down for half of the channels, across for the rest."""
    half = channels / 2
    waves = torch.empty(channels, 3, 3)
    for channel in range(channels):
        down = channel < half
        index = channel + 1 if down else channel + 1 - half
        wave = torch.tensor([math.cos(math.pi * (at + 0.5) * index / 3) for at in range(3)])
        waves[channel] = wave.view(3, 1) if down else wave
    return waves
