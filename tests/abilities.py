"""What the installed torch can do: that of 2.1 has no float16 on a CPU, for one.

Its compiler and its exporters do not know every operation either, nor every size.
"""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from torch import nn


def _half() -> bool:
    try:
        nn.Conv2d(1, 1, 1).half()(torch.zeros(1, 1, 1, 1).half())
    except RuntimeError:
        return False
    return True


HALF = _half()
DYNAMIC = getattr(getattr(getattr(torch, "export", None), "Dim", None), "DYNAMIC", None)
LEGACY_EXPORT = {"dynamo": False} if "dynamo" in signature(torch.onnx.export).parameters else {}
"""What asks for the exporter that every torch has."""

needs_half = pytest.mark.skipif(not HALF, reason="this torch has no float16 on a CPU")
needs_dynamic_sizes = pytest.mark.skipif(not DYNAMIC, reason="this torch is for fixed sizes")

UNTOLD = frozenset(
    [
        *(["works in float16", "trains under autocast"] if not HALF else []),
        *(["compiles", "exports to ONNX"] if not DYNAMIC else []),
    ]
)
"""The promises of a layer that this torch cannot try."""
