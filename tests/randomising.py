"""Layers away from their initial values: gates at 0 and norms at 1 hide what is behind them."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", bound=nn.Module)


def randomised(layer: Layer) -> Layer:
    """The layer with noise on its parameters and running statistics, in double and evaluation.

    The noise is the same in every call, and draws nothing from torch's own generator.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
        for key, buffer in layer.named_buffers():
            if "running" in key:
                buffer.add_(torch.rand(buffer.shape, generator=generator))
    return layer.double().eval()
