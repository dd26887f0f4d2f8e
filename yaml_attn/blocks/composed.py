"""A bundled block with attention in it or behind it, as what a row calls to be built.

Where the attention stands, and how it gets there, is told in `modules/attentive.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import Parameter, Signature, signature
from typing import Any

from torch import nn

from yaml_attn.dialects.block_attention import Where
from yaml_attn.modules.attentive import put


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
        return put(
            self.block(*own),
            lambda channels: self.mechanism(channels, *parameters),
            behind=self.where == "after",
        )
