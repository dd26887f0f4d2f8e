"""Attention inside a block, made when it is built: any block with bottlenecks, any mechanism.

In each bottleneck the attention, `attn`, stands behind the second convolution and before the
shortcut's addition, where SE-ResNet has it (Hu et al., CVPR 2018, arXiv 1709.01507, fig. 3); in a
ghost bottleneck, too (deviation: GhostNet has it between its two convolutions). All other
parameters keep their names and shapes, so that weights of the plain block fit.

No class is made at run time: a bottleneck is one of the two below, the block around it stays what
it was. What is built can therefore be pickled, copied and exported like any other layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Any, Final

from torch import Tensor, nn

from yaml_attn.blocks.conv import CrossConv
from yaml_attn.blocks.csp import C3, Bottleneck, BottleneckCSP, C3Ghost, C3x
from yaml_attn.blocks.ghost import GhostBottleneck
from yaml_attn.dialects.composed import Where


class AttentiveBottleneck(nn.Module):
    """A bottleneck or cross convolution with attention before the shortcut's addition."""

    def __init__(self, plain: Bottleneck | CrossConv, attention: nn.Module) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = plain.cv1, plain.cv2, plain.add
        self.attn = attention

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(self.cv2(self.cv1(x)))
        return x + y if self.add else y


class AttentiveGhostBottleneck(nn.Module):
    """A ghost bottleneck with attention before the shortcut's addition."""

    def __init__(self, plain: GhostBottleneck, attention: nn.Module) -> None:
        super().__init__()
        self.conv, self.shortcut = plain.conv, plain.shortcut
        self.attn = attention

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(self.conv(x)) + self.shortcut(x)
        return y


class _Then(nn.Module):
    """Mixin: what the block gives goes through attention."""

    attn: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attn(super().forward(x))
        return y


class BottleneckThen(_Then, Bottleneck):
    """`Bottleneck`, then attention."""


class BottleneckCSPThen(_Then, BottleneckCSP):
    """`BottleneckCSP`, then attention."""


class C3Then(_Then, C3):
    """`C3`, then attention."""


class C3GhostThen(_Then, C3Ghost):
    """`C3Ghost`, then attention."""


class C3xThen(_Then, C3x):
    """`C3x`, then attention."""


class CrossConvThen(_Then, CrossConv):
    """`CrossConv`, then attention."""


class GhostBottleneckThen(_Then, GhostBottleneck):
    """`GhostBottleneck`, then attention."""


_INSIDE: Final[Mapping[type[nn.Module], Callable[[Any, nn.Module], nn.Module]]] = {
    Bottleneck: AttentiveBottleneck,
    CrossConv: AttentiveBottleneck,
    GhostBottleneck: AttentiveGhostBottleneck,
}
"""A bottleneck -> the same with attention inside."""

_AFTER: Final[Mapping[type[nn.Module], type[_Then]]] = {
    Bottleneck: BottleneckThen,
    BottleneckCSP: BottleneckCSPThen,
    C3: C3Then,
    C3Ghost: C3GhostThen,
    C3x: C3xThen,
    CrossConv: CrossConvThen,
    GhostBottleneck: GhostBottleneckThen,
}
"""A block -> the same with attention after it."""


@dataclass(frozen=True)
class ComposedBlock:
    """What a row calls where it would call a class: the block's arguments, then the mechanism's.

    Those of the mechanism have the place that they have in its own rows, behind the channels. To
    give one, all of the block's are written: `[1024, True, 1, 0.5, 8]` is a C3SE of ratio 8.
    """

    block: type[nn.Module]
    mechanism: type[nn.Module]
    where: Where

    @property
    def __signature__(self) -> Signature:
        own = list(signature(self.block).parameters.values())
        names = {parameter.name for parameter in own}
        _, *parameters = signature(self.mechanism).parameters.values()
        if any(parameter.default is Parameter.empty for parameter in parameters):
            own = [parameter.replace(default=Parameter.empty) for parameter in own]
        for each in parameters:
            free = f"attn_{each.name}" if each.name in names else each.name
            own.append(each.replace(name=free))
        return Signature(own)

    def __call__(self, *args: Any) -> nn.Module:
        """The block, with attention.

        Raises:
            TypeError: there are too many arguments, or too few.
            ValueError: the mechanism refuses the channels or a parameter.
        """
        bound = self.__signature__.bind(*args)
        count = len(signature(self.block).parameters)
        own, parameters = bound.args[:count], bound.args[count:]
        if self.where == "after":
            whole = _AFTER[self.block](*own)
            whole.attn = self.mechanism(own[1], *parameters)
            return whole
        plain = self.block(*own)
        if not isinstance(plain, C3 | BottleneckCSP):
            return _INSIDE[self.block](plain, self.mechanism(own[1], *parameters))
        channels = plain.cv1.conv.out_channels
        plain.m = nn.Sequential(
            *(
                _INSIDE[type(bottleneck)](bottleneck, self.mechanism(channels, *parameters))
                for bottleneck in plain.m.children()
            )
        )
        return plain
