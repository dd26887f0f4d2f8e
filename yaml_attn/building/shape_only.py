"""Running without multiplying: every convolution gives zeros of its shape. Only shapes are wanted.

Convolutions are nearly all of the time that a network takes. Without them a whole network runs at
full size in the time of its memory traffic, and every other operation is still the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Unmultiplied(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """`with Unmultiplied():` convolutions inside give zeros; an impossible one fails as ever."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see FlopCount

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation, unless it is a convolution that is possible."""
        if str(func.overloadpacket) == "aten.convolution" and not kwargs:
            shape = convolved(*args)
            if shape is not None:
                image: Tensor = args[0]
                return image.new_zeros(shape)
        return func(*args, **(kwargs or {}))


def convolved(
    image: Tensor,
    weight: Tensor,
    _bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> tuple[int, ...] | None:
    """The shape of what `aten.convolution` gives; None if it would fail."""
    dimensions = weight.dim() - 2
    if image.dim() != weight.dim() or any(
        len(each) != dimensions for each in (stride, padding, dilation)
    ):
        return None
    reads = weight.shape[0] if transposed else weight.shape[1] * groups
    if image.shape[1] != reads:
        return None
    sides = []
    for at in range(dimensions):
        side, window = image.shape[2 + at], dilation[at] * (weight.shape[2 + at] - 1)
        if transposed:
            grown = (side - 1) * stride[at] - 2 * padding[at]
            sides.append(grown + window + output_padding[at] + 1)
        else:
            sides.append((side + 2 * padding[at] - window - 1) // stride[at] + 1)
    if min(sides, default=1) < 1:
        return None
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    return (image.shape[0], channels, *sides)
