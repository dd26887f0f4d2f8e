"""Attention put into a block of any framework, or behind it.

In each bottleneck the attention, `attn`, stands behind the second convolution and before the
shortcut's addition, where SE-ResNet has it (Hu et al., CVPR 2018, arXiv 1709.01507, fig. 3); in a
ghost bottleneck, too (deviation: GhostNet has it between its two convolutions). All other
parameters keep their names and shapes, so that weights of the plain block fit.

The block is the framework's own, built as ever. No class is made at run time: what is built can
be pickled, copied, fused and exported like any other layer.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from torch import Tensor, nn


class AttentiveBottleneck(nn.Module):
    """A bottleneck or cross convolution with attention before the shortcut's addition."""

    def __init__(self, plain: Any, attention: nn.Module) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = plain.cv1, plain.cv2, plain.add
        self.attn = attention

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(self.cv2(self.cv1(x)))
        return x + y if self.add else y


class AttentiveGhostBottleneck(nn.Module):
    """A ghost bottleneck with attention before the shortcut's addition."""

    def __init__(self, plain: Any, attention: nn.Module) -> None:
        super().__init__()
        self.conv, self.shortcut = plain.conv, plain.shortcut
        self.attn = attention

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(self.conv(x)) + self.shortcut(x)
        return y


class AttentiveBlock(nn.Module):
    """Any block, then attention: takes over what the block has, and runs its forward on it.

    Not a subclass of each block: frameworks exchange the forward of blocks that they know, such as
    C2f's when it is exported, and would lose the attention.
    """

    def __init__(self, plain: nn.Module, attention: nn.Module) -> None:
        super().__init__()
        self.__dict__.update(plain.__dict__)
        self.kind = type(plain)
        self.attn = attention

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(self.kind.forward(self, x))
        return y


BOTTLENECKS = {
    "Bottleneck": (AttentiveBottleneck, ["cv1", "cv2"]),
    "CrossConv": (AttentiveBottleneck, ["cv1", "cv2"]),
    "GhostBottleneck": (AttentiveGhostBottleneck, ["conv", "shortcut"]),
}
"""What frameworks call a bottleneck -> the same with attention inside, and the parts it has."""


def put_inside(block: nn.Module, attention: Callable[[int], nn.Module]) -> nn.Module:
    """Give each bottleneck of a block attention; a bottleneck itself becomes another layer.

    Args:
        block: the framework's own, just built.
        attention: makes it for a number of channels.

    Raises:
        ValueError: the block has no bottleneck, or one of another form.
    """
    if type(block).__name__ in BOTTLENECKS:
        return _attentive(block, attention)
    holders = [
        (holder, name)
        for holder in block.modules()
        for name, child in holder.named_children()
        if type(child).__name__ in BOTTLENECKS
    ]
    if not holders:
        raise ValueError(f"{type(block).__name__} has no bottleneck for attention to stand in")
    for holder, name in holders:
        holder.add_module(name, _attentive(holder.get_submodule(name), attention))
    return block


def put_behind(block: nn.Module, attention: Callable[[int], nn.Module]) -> nn.Module:
    """The block with attention behind it; arguments as of `put_inside`."""
    return AttentiveBlock(block, attention(_channels(block)))


def put(block: nn.Module, attention: Callable[[int], nn.Module], *, behind: bool) -> nn.Module:
    """The block with attention behind it or inside; arguments and errors as of `put_inside`."""
    return put_behind(block, attention) if behind else put_inside(block, attention)


def _attentive(plain: nn.Module, attention: Callable[[int], nn.Module]) -> nn.Module:
    make, parts = BOTTLENECKS[type(plain).__name__]
    found = [name for name, _ in plain.named_children()]
    if found != parts:
        has, needs = ", ".join(found), ", ".join(parts)
        raise ValueError(f"{type(plain).__name__} consists of {has}, and not of {needs}")
    return make(plain, attention(_channels(plain)))


def _channels(block: Any) -> int:
    """Output channels: those of the last of cv1, cv2, ...; of a ghost convolution both halves'."""
    names = [name for name, _ in block.named_children()]
    if "shortcut" in names:
        return sum(part.conv.out_channels for part in block.conv[-1].children())
    last = max(name for name in names if name.startswith("cv"))
    channels: int = getattr(block, last).conv.out_channels
    return channels


class AttentiveRow(type):
    """The class of classes such as `C3SE(C3)`, by which a framework's parser builds a row.

    Such a class equals its block, so that the parser takes the row for one of the block's: it asks
    `m in {Conv, C3, ...}`. Called, it gives the block, built and then given attention; nothing is
    ever an instance of it.
    """

    attention: type[nn.Module]
    behind = False

    def __call__(cls, *args: Any, **named: Any) -> nn.Module:
        """The block's arguments, all of them if any of the attention's follow; `named` are too."""
        block: Any = cls.__base__
        count = len(signature(block).parameters)
        plain = block(*args[:count], **named)
        rest = args[count:]
        return put(plain, lambda channels: cls.attention(channels, *rest), behind=cls.behind)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.__base__

    def __hash__(cls) -> int:
        return hash(cls.__base__)
