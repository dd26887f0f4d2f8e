"""YOLOv7's heads: Detect and those with implicit knowledge.

What a head returns in training and in evaluation is as in YOLOv5's (`blocks/heads.py`).

YOLOv7: Trainable Bag-of-Freebies Sets New State-of-the-Art for Real-Time Object Detectors, Wang et
al., CVPR 2023, arXiv 2207.02696. Implicit knowledge: You Only Learn One Representation: Unified
Network for Multiple Tasks, Wang et al., arXiv 2105.04206.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from yaml_attn.blocks import heads
from yaml_attn.blocks.heads import BOX

BINS = 21
"""How many lengths IBin chooses among."""


class Detect(heads.Detect):
    """Boxes from anchors on every map; anchors are kept in pixels, too."""

    anchor_grid: Tensor

    def __init__(self, nc: int, anchors: Sequence[Sequence[float]], ch: Sequence[int]) -> None:
        super().__init__(nc, anchors, ch)
        pixels = self.anchors.clone().view(self.levels, 1, self.na, 1, 1, 2)
        self.register_buffer("anchor_grid", pixels)

    def outer_areas(self) -> tuple[Tensor, Tensor]:
        # Not the means of the levels, as in YOLOv5.
        areas = self.anchors.prod(-1)
        return areas[0, 0], areas[-1, -1]

    def turn_round(self) -> None:
        super().turn_round()
        self.anchor_grid = self.anchor_grid.flip(0)

    def _move_last(self, *names: str) -> None:
        """Give some of its modules the place in the state dict that they have in checkpoints."""
        for name in names:
            self._modules[name] = self._modules.pop(name)


class ImplicitA(nn.Module):
    """A learned value for each channel, added."""

    def __init__(self, channel: int, mean: float = 0.0, std: float = 0.02) -> None:
        super().__init__()
        self.implicit = nn.Parameter(torch.empty(1, channel, 1, 1))
        nn.init.normal_(self.implicit, mean, std)

    def forward(self, x: Tensor) -> Tensor:
        return self.implicit + x


class ImplicitM(nn.Module):
    """A learned value for each channel, multiplied."""

    def __init__(self, channel: int, mean: float = 1.0, std: float = 0.02) -> None:
        super().__init__()
        self.implicit = nn.Parameter(torch.empty(1, channel, 1, 1))
        nn.init.normal_(self.implicit, mean, std)

    def forward(self, x: Tensor) -> Tensor:
        return self.implicit * x


class IDetect(Detect):
    """Detect with learned values, added to what it reads and multiplied to its outputs."""

    def __init__(self, nc: int, anchors: Sequence[Sequence[float]], ch: Sequence[int]) -> None:
        super().__init__(nc, anchors, ch)
        self.ia = nn.ModuleList(ImplicitA(channels) for channels in ch)
        self.im = nn.ModuleList(ImplicitM(self.no * self.na) for _ in ch)

    def outputs(self, x: list[Tensor]) -> list[Tensor]:
        parts = zip(self.im, self.m, self.ia, x, strict=True)
        return [multiply(conv(add(each))) for multiply, conv, add, each in parts]


class IAuxDetect(IDetect):
    """IDetect on the first half of its maps, plain convolutions for training alone on the rest."""

    def __init__(self, nc: int, anchors: Sequence[Sequence[float]], ch: Sequence[int]) -> None:
        levels = len(anchors)
        if levels != 4:
            # The framework takes the strides of the first four maps, whatever there are.
            raise ValueError(f"YOLOv7's own works on four levels alone, not on {levels}")
        super().__init__(nc, anchors, ch[:levels])
        self.m2 = nn.ModuleList(nn.Conv2d(each, self.no * self.na, 1) for each in ch[levels:])
        self._move_last("ia", "im")

    def outputs(self, x: list[Tensor]) -> list[Tensor]:
        auxiliary = zip(self.m2, x[self.levels :], strict=True)
        return super().outputs(x[: self.levels]) + [conv(each) for conv, each in auxiliary]

    def forward(self, x: list[Tensor]) -> Any:
        raw = self.raw(x)
        main = raw[: self.levels]
        return raw if self.training else (self.boxes(main), main)


class SigmoidBin(nn.Module):
    """A length between 0 and 4, chosen among 21 and corrected: (..., 22) -> (...)."""

    bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.step = 4 / BINS
        middles = (torch.arange(BINS, dtype=torch.float64) + 0.5) * self.step
        self.register_buffer("bins", middles.float())
        self.BCEbins = nn.BCEWithLogitsLoss(pos_weight=torch.ones(1))  # in checkpoints, unused here

    def forward(self, x: Tensor) -> Tensor:
        correction = (2 * x[..., 0] - 1) * self.step
        return (correction + self.bins[x[..., 1:].argmax(-1)]).clamp(0, 4)


class IBin(IDetect):
    """IDetect that chooses widths and heights, in units of the anchor's, among 21."""

    def __init__(self, nc: int, anchors: Sequence[Sequence[float]], ch: Sequence[int]) -> None:
        super().__init__(nc, anchors, ch)
        self._outputs(nc + BOX + 2 * BINS, ch)
        self.w_bin_sigmoid = SigmoidBin()
        self.h_bin_sigmoid = SigmoidBin()
        self.im = nn.ModuleList(ImplicitM(self.no * self.na) for _ in ch)
        self._move_last("m", "ia", "im")

    def decode(self, output: Tensor, corner: Tensor, sizes: Tensor, stride: float) -> Tensor:
        chance, height, end = output.sigmoid(), 2 + BINS + 1, 2 + 2 * (BINS + 1)
        centre = (2 * chance[..., :2] + corner) * stride
        widths = self.w_bin_sigmoid(chance[..., 2:height])
        heights = self.h_bin_sigmoid(chance[..., height:end])
        size = torch.stack((widths, heights), -1) * sizes
        return torch.cat((centre, size, chance[..., end:]), -1)


class IKeypoint(IDetect):
    """IDetect with `nkpt` keypoints for each box: x, y and whether it is visible."""

    def __init__(
        self, nc: int, anchors: Sequence[Sequence[float]], nkpt: int, ch: Sequence[int]
    ) -> None:
        super().__init__(nc, anchors, ch)
        self.nkpt = nkpt
        self.no += 3 * nkpt
        self.m_kpt = nn.ModuleList(nn.Conv2d(each, 3 * nkpt * self.na, 1) for each in ch)

    def outputs(self, x: list[Tensor]) -> list[Tensor]:
        points = [conv(each) for conv, each in zip(self.m_kpt, x, strict=True)]
        # As in the framework, all boxes' values stand before all keypoints, and are read as if
        # each anchor's stood together. The network learns it that way.
        return [torch.cat(both, 1) for both in zip(super().outputs(x), points, strict=True)]

    def decode(self, output: Tensor, corner: Tensor, sizes: Tensor, stride: float) -> Tensor:
        boxes = super().decode(output, corner, sizes, stride)[..., : BOX + self.nc]
        points = output[..., BOX + self.nc :].reshape(*output.shape[:-1], self.nkpt, 3)
        places = (2 * points[..., :2] + corner.unsqueeze(2)) * stride
        visible = points[..., 2:].sigmoid()
        return torch.cat((boxes, torch.cat((places, visible), -1).flatten(-2)), -1)
