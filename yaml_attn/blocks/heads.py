"""Detect and Segment, whose outputs are predictions, and Classify.

In training a head returns its raw outputs, (N, anchors, H, W, values) for each map it reads; in
evaluation it decodes them to boxes in pixels of the image too, for which it must know the strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from yaml_attn.blocks.conv import Conv, Size, same_padding

BOX = 5
"""x, y, width, height and objectness, before the classes."""


class Detect(nn.Module):
    """Boxes from anchors on every map.

    Args:
        nc: number of classes.
        anchors: for each map, the widths and heights of its anchors in pixels: w, h, w, h, ...
        ch: channels of each map.
    """

    anchors: Tensor

    def __init__(self, nc: int, anchors: Sequence[Sequence[float]], ch: Sequence[int]) -> None:
        super().__init__()
        self.nc = nc
        self.levels = len(anchors)
        self.na = len(anchors[0]) // 2
        self.stride: tuple[float, ...] = ()
        self.register_buffer("anchors", torch.tensor(anchors).float().view(len(anchors), -1, 2))
        self._outputs(BOX + nc, ch)

    def _outputs(self, values: int, ch: Sequence[int]) -> None:
        self.no = values
        self.m = nn.ModuleList(nn.Conv2d(channels, values * self.na, 1) for channels in ch)

    def set_stride(self, stride: Sequence[float]) -> None:
        """Tell the pixels of the image per cell of each map; anchors are kept in cells.

        The framework turns the anchors round when the small ones meet the large strides.
        """
        self.stride = tuple(stride)
        small, large = self.outer_areas()
        if not small.is_meta and (large - small) * (stride[-1] - stride[0]) < 0:
            self.turn_round()
        self.anchors /= torch.tensor(self.stride).view(-1, 1, 1)

    def outer_areas(self) -> tuple[Tensor, Tensor]:
        """The areas that tell whether the anchors go up or down: of the first map, of the last."""
        areas = self.anchors.prod(-1).mean(-1)
        return areas[0], areas[-1]

    def turn_round(self) -> None:
        """Give the anchors of the first map to the last."""
        self.anchors = self.anchors.flip(0)

    def forward(self, x: list[Tensor]) -> Any:
        raw = self.raw(x)
        return raw if self.training else (self.boxes(raw), raw)

    def outputs(self, x: list[Tensor]) -> list[Tensor]:
        """(N, anchors * values, H, W) for each map."""
        return [conv(each) for conv, each in zip(self.m, x, strict=True)]

    def raw(self, x: list[Tensor]) -> list[Tensor]:
        """What training needs: (N, anchors, H, W, values) for each map."""
        return [
            output.reshape(output.shape[0], self.na, self.no, *output.shape[2:])
            .permute(0, 1, 3, 4, 2)
            .contiguous()
            for output in self.outputs(x)
        ]

    def boxes(self, raw: list[Tensor]) -> Tensor:
        """All boxes in pixels, (N, boxes, values): centre, size, objectness, classes, the rest.

        Raises:
            RuntimeError: the strides have not been set.
        """
        if len(self.stride) != len(raw):
            raise RuntimeError("boxes in pixels need the strides of the head: call set_stride")
        decoded = []
        for output, anchors, stride in zip(raw, self.anchors, self.stride, strict=True):
            height, width = output.shape[2:4]
            rows = torch.arange(height, device=output.device, dtype=output.dtype)
            columns = torch.arange(width, device=output.device, dtype=output.dtype)
            y, x = torch.meshgrid(rows, columns, indexing="ij")
            corner = torch.stack((x, y), 2) - 0.5
            sizes = anchors.view(self.na, 1, 1, 2) * stride
            decoded.append(self.decode(output, corner, sizes, stride).flatten(1, 3))
        return torch.cat(decoded, 1)

    def decode(self, output: Tensor, corner: Tensor, sizes: Tensor, stride: float) -> Tensor:
        """The boxes of one map, (N, anchors, H, W, values).

        Args:
            output: what training needs, of that map.
            corner: (H, W, 2): x and y where a cell's boxes may begin, in cells.
            sizes: (anchors, 1, 1, 2): widths and heights in pixels.
            stride: pixels per cell.
        """
        scored = BOX + self.nc
        chance = output[..., :scored].sigmoid()
        centre = (2 * chance[..., :2] + corner) * stride
        size = (2 * chance[..., 2:4]) ** 2 * sizes
        return torch.cat((centre, size, chance[..., 4:], output[..., scored:]), 4)


class Proto(nn.Module):
    """Prototype masks at twice the size of a map.

    YOLACT: Real-time Instance Segmentation, Bolya et al., ICCV 2019, arXiv 1904.02689.
    """

    def __init__(self, c1: int, hidden: int, masks: int) -> None:
        super().__init__()
        self.cv1 = Conv(c1, hidden, 3)
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.cv2 = Conv(hidden, hidden, 3)
        self.cv3 = Conv(hidden, masks)

    def forward(self, x: Tensor) -> Tensor:
        masks: Tensor = self.cv3(self.cv2(self.upsample(self.cv1(x))))
        return masks


class Segment(Detect):
    """Detect with `nm` mask coefficients for each box, and the prototype masks they combine."""

    def __init__(
        self,
        nc: int,
        anchors: Sequence[Sequence[float]],
        nm: int,
        npr: int,
        ch: Sequence[int],
    ) -> None:
        super().__init__(nc, anchors, ch)
        self._outputs(BOX + nc + nm, ch)
        self.proto = Proto(ch[0], npr, nm)

    def forward(self, x: list[Tensor]) -> Any:
        masks, raw = self.proto(x[0]), self.raw(x)
        return (raw, masks) if self.training else (self.boxes(raw), masks, raw)


class Classify(nn.Module):
    """Class scores of the whole image, (N, c2)."""

    def __init__(
        self,
        c1: int,
        c2: int,
        k: Size = 1,
        s: int = 1,
        p: Size | None = None,
        g: int = 1,
        dropout_p: float = 0.0,
    ) -> None:
        super().__init__()
        width = 1280
        self.conv = Conv(c1, width, k, s, same_padding(k) if p is None else p, g)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(dropout_p)
        self.linear = nn.Linear(width, c2)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        joined = torch.cat(x, 1) if isinstance(x, list) else x
        scores: Tensor = self.linear(self.drop(self.pool(self.conv(joined)).flatten(1)))
        return scores
