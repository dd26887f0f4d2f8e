"""The bundled attention mechanisms, each in its own file; `from yaml_attn.modules import SE`.

Importing this package costs no torch: a class is imported when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from yaml_attn.mechanisms.registry import MECHANISMS, Mechanism, find, known

if TYPE_CHECKING:
    from torch import nn

__all__ = ["MECHANISMS", "Mechanism", "find", "known", *MECHANISMS]


def __getattr__(name: str) -> type[nn.Module]:
    if name in MECHANISMS:
        return MECHANISMS[name].load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
