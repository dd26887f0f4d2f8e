"""The few parts that several mechanisms share. Imports torch alone, as the mechanisms do."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def hidden_width(channels: int, ratio: float) -> int:
    """Width of a bottleneck: `channels / ratio`, rounded up to a multiple of 8, at least 8.

    Equals `channels / ratio` for YOLO's widths at ratio 16 and 32; below 16 channels the plain
    quotient would be 0 and the gate a silent constant.

    Raises:
        ValueError: the ratio is not positive.
    """
    if ratio <= 0:
        raise ValueError(f"ratio must be positive, not {ratio}")
    return max(8, math.ceil(channels / ratio / 8) * 8)


def same_padding(kernel_size: int) -> int:
    """The padding that keeps the size of a map: half of an odd kernel.

    Raises:
        ValueError: the kernel is even or not positive, and no padding keeps the size.
    """
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd and positive, not {kernel_size}")
    return kernel_size // 2


def largest_divisor(number: int, limit: int) -> int:
    """The largest divisor of `number` that is at most `limit`: how many groups are possible.

    Raises:
        ValueError: the limit is below 1.
    """
    if limit < 1:
        raise ValueError(f"groups must be positive, not {limit}")
    return next(d for d in range(min(number, limit), 0, -1) if number % d == 0)


def is_tutorial(variant: str) -> bool:
    """Whether the popular code's form is asked for, and not the paper's.

    Raises:
        ValueError: there is no such variant.
    """
    if variant not in {"paper", "tutorial"}:
        raise ValueError(f"variant must be 'paper' or 'tutorial', not {variant!r}")
    return variant == "tutorial"


def start_at_zero(*layers: nn.Module) -> None:
    """Set the weights and biases of the layers to 0, for a gate that starts as a constant."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


def start_near_zero(*layers: nn.Module) -> None:
    """Make weights and biases a thousandth: at 0 a ReLU behind them would pass no gradient."""
    with torch.no_grad():
        for layer in layers:
            for parameter in layer.parameters():
                parameter.mul_(1e-3)


def at_least_single(x: Tensor) -> Tensor:
    """`x` in float32 if it is of half precision, in which a sum over a map overflows or rounds."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def without_autocast(x: Tensor) -> AbstractContextManager[Any]:
    """A block whose matrix products keep the dtype they are given, on the device of `x`."""
    if x.is_meta:  # it has no autocast
        return nullcontext()
    return torch.autocast(x.device.type, enabled=False)


def laid_out_as(y: Tensor, x: Tensor) -> Tensor:
    """`y` in channels_last if `x` is: what reshaped its channels has lost the layout."""
    if x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous():
        return y.contiguous(memory_format=torch.channels_last)
    return y


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """(B, C, H, W) with its channels, seen as `groups` rows, read column by column.

    What a grouped convolution computed apart stands together afterwards (ShuffleNet, CVPR 2018,
    arXiv 1707.01083). `channel_shuffle(x, C // groups)` undoes it.
    """
    return laid_out_as(torch.unflatten(x, 1, (groups, -1)).transpose(1, 2).flatten(1, 2), x)


def positions(x: Tensor) -> Tensor:
    """Where each pixel of a map stands, (2, H, W): its row and its column, each from 0 to 1.

    In float32, as bfloat16 cannot tell 256 columns apart.
    """
    rows, columns = (
        torch.arange(length, device=x.device, dtype=torch.float32) for length in x.shape[2:]
    )
    # By the last index and not by the length: a map of one row has row 0.
    rows, columns = (each / each[-1:].clamp_min(1) for each in (rows, columns))
    grid = (rows[:, None].expand(x.shape[2:]), columns[None, :].expand(x.shape[2:]))
    return torch.stack(grid)


def block_means(x: Tensor, most: int | None) -> Tensor:
    """The means of a map over equal blocks, at most `most` each way; the map itself without `most`.

    By two products with matrices, as a pooling whose window follows the size of the map cannot be
    exported. They are identities where the map is that small.
    """
    if most is None:
        return x
    rows, columns = (_blocks(length, most, x) for length in x.shape[2:])
    return rows @ (x @ columns.T)


def _blocks(length: int, most: int, x: Tensor) -> Tensor:
    """The matrix that takes the means of the blocks of a line."""
    width = (length + most - 1) // most
    block = torch.arange(length, device=x.device) // width
    blocks = torch.arange((length + width - 1) // width, device=x.device)
    member = (blocks[:, None] == block).to(x.dtype)
    return member / member.sum(1, keepdim=True)


def pooled(x: Tensor, side: int) -> Tensor:
    """The means of a map over `side` x `side` windows, (N, C, side, side), for any size of map.

    What `F.adaptive_avg_pool2d` gives, by two products with matrices, as in `block_means`.
    """
    rows, columns = (_windows(length, side, x) for length in x.shape[2:])
    return rows @ (x @ columns.T)


def _windows(length: int, count: int, x: Tensor) -> Tensor:
    """The matrix that takes the means of `count` windows, which overlap where they must."""
    first = torch.arange(count, device=x.device)[:, None]
    at = torch.arange(length, device=x.device)
    member = (at >= first * length // count) & (at < ((first + 1) * length + count - 1) // count)
    weights = member.to(x.dtype)
    return weights / weights.sum(1, keepdim=True)


def two_widths(channels: int | list[int], context: int | list[int]) -> tuple[int, int]:
    """The channels of both inputs of a layer that reads two.

    A row can say them as `[ch, f]`: YOLOv5 and Ultralytics resolve that to the channels of every
    layer so far and to the row's `from`, which picks two of them. (For what such a row puts out,
    both then look up `ch[f]`: they must be taught that a list means its first.)

    Raises:
        ValueError: neither two numbers nor what `[ch, f]` stands for.
    """
    if isinstance(channels, int) and isinstance(context, int):
        return channels, context
    if isinstance(channels, list) and isinstance(context, list) and len(context) == 2:
        return channels[context[0]], channels[context[1]]
    raise ValueError("the channels of two inputs must be two numbers, or the row's [ch, f]")


class Gamma(nn.Module):
    """One learned factor, 0 at the start.

    A layer of its own, because YOLOv5's optimizer sees no parameters but `weight` and `bias`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.to(x.dtype)


class BatchNorm2d(nn.BatchNorm2d):
    """BatchNorm that survives one value per channel in training (batch 1, map 1x1).

    There is no variance of one value (torch raises "Expected more than 1 value per channel"), so
    the running statistics are used, and not updated. Everywhere else it is `nn.BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)
