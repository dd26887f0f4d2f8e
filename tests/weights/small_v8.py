"""Tensors as Ultralytics' layers have them, of the small config in its form."""

from __future__ import annotations

import torch
from torch import Tensor


def state_v8(width: int = 1, bottlenecks: int = 1, nc: int = 2) -> dict[str, Tensor]:
    """Two tensors a block and one a Conv, each filled with its layer's index."""
    shapes = {
        0: {"conv.weight": (8 * width, 3, 3, 3)},
        1: {"conv.weight": (16 * width, 8 * width, 3, 3)},
        2: {"cv1.conv.bias": (16 * width,)},
        3: {"conv.weight": (32 * width, 16 * width, 3, 3)},
        6: {"cv1.conv.bias": (16 * width,), "cv2.conv.bias": (16 * width,)},
        7: {"cv2.0.0.conv.bias": (16,), "cv3.0.2.bias": (nc,)},
    }
    for index in (2, 6):
        shapes[index] |= {f"m.{n}.cv1.conv.bias": (8 * width,) for n in range(bottlenecks)}
    return {
        f"model.{index}.{name}": torch.full(shape, float(index))
        for index, inside in shapes.items()
        for name, shape in inside.items()
    }
