"""FLOPs of what runs inside a `with`: two for each multiply-add of convolutions and products.

Counts what `torch.utils.flop_counter` counts, by the same formulas, on real tensors. Torch's own
counter and its meta tensors cost one to three seconds at their first use in a process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


def _product(left: Tensor, _right: Tensor, out: Tensor) -> int:
    return 2 * out.numel() * left.shape[-1]


def _product_and_sum(_added: Tensor, left: Tensor, right: Tensor, out: Tensor) -> int:
    return _product(left, right, out)


def _convolution(x: Tensor, weight: Tensor, *rest: Any) -> int:
    *_, transposed, _output_padding, _groups, out = rest
    windows: Tensor = x if transposed else out
    return 2 * windows.numel() * math.prod(weight.shape[1:])


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: Any) -> int:
    rows = query.numel() // query.shape[-1]
    return 2 * rows * key.shape[-2] * (query.shape[-1] + value.shape[-1])


_FORMULAS: Final[Mapping[str, Callable[..., int]]] = {
    "aten.mm": _product,
    "aten.bmm": _product,
    "aten.addmm": _product_and_sum,
    "aten.baddbmm": _product_and_sum,
    "aten.convolution": _convolution,
    "aten._scaled_dot_product_flash_attention": _attention,
    "aten._scaled_dot_product_flash_attention_for_cpu": _attention,
}
"""Operation -> FLOPs, from its positional arguments and its output."""


class FlopCount(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts what runs inside `with count:` in `count.total`."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.total: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # By default torch hides a mode from its compiler, and imports the compiler to do so.
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run the operation and add what it costs."""
        output = func(*args, **(kwargs or {}))
        formula = _FORMULAS.get(str(func.overloadpacket))
        if formula is not None:
            self.total += formula(*args, output)
        return output
