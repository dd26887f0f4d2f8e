"""Building without initialising: every random initial value is 0 instead. Only shapes are wanted.

Random numbers are nine tenths of the time it takes to build a network. A mode of torch skips them
for the calls inside the `with` alone: nothing is patched, other threads notice nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_RANDOM: Final = frozenset(
    {
        nn.init.kaiming_normal_,
        nn.init.kaiming_uniform_,
        nn.init.normal_,
        nn.init.trunc_normal_,
        nn.init.uniform_,
        nn.init.xavier_normal_,
        nn.init.xavier_uniform_,
        Tensor.normal_,
        Tensor.uniform_,
    }
)


class Uninitialised(TorchFunctionMode):
    """`with Uninitialised():` layers built inside start with zeros for random values."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Fill with zeros where a random filling was asked for."""
        given = kwargs or {}
        if func in _RANDOM:
            tensor: Tensor = given["tensor"] if "tensor" in given else args[0]
            tensor.detach().zero_()
            return tensor
        return func(*args, **given)
