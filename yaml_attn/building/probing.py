"""A module run so that nothing of it stays behind, and what it gives; alike for every builder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from yaml_attn.building.report import Shape
from yaml_attn.errors import BuildError


@contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """No gradients, no statistics, no random numbers used up; all as it was afterwards."""
    modes = [(each, each.training) for each in module.modules()]
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for each, _ in modes:
                # In evaluation, heads decode and nn.MultiheadAttention hides its products.
                each.training = not isinstance(each, _BatchNorm)
            yield
    finally:
        for each, training in modes:
            each.training = training


def parts(output: Any) -> Collection[Any]:
    """What an output consists of: heads give lists, mappings, and None for what is not there."""
    if isinstance(output, Mapping):
        return output.values()
    return output if isinstance(output, list | tuple) else ()


def tensors(output: Any) -> list[Tensor]:
    """All tensors of an output, however it is nested."""
    if isinstance(output, Tensor):
        return [output]
    return [tensor for part in parts(output) for tensor in tensors(part)]


def is_finite(output: Any) -> bool:
    """Whether all values of an output are."""
    return all(bool(tensor.isfinite().all()) for tensor in tensors(output))


def shape_of(output: Any) -> Shape:
    """Of one image's output, without the batch; nested as it is."""
    if isinstance(output, Tensor):
        return tuple(output.shape[1:])
    return tuple(shape_of(part) for part in parts(output))


def stride_of(shape: Shape, imgsz: int) -> float | None:
    """Pixels of the image per pixel of a map; None for what is no map."""
    is_map = len(shape) == 3 and isinstance(shape[1], int)
    return imgsz / cast("int", shape[1]) if is_map else None


def count_parameters(module: nn.Module) -> int:
    """Its learned values."""
    return sum(parameter.numel() for parameter in module.parameters())


def backward(outputs: Iterable[Tensor]) -> None:
    """The backward pass of a loss that all values of the outputs are in.

    Raises:
        BuildError: it fails.
    """
    try:
        loss = torch.stack([value.square().mean() for value in outputs]).sum()
        torch.autograd.backward(loss)
    except RuntimeError as error:
        raise BuildError(f"the backward pass failed: {error}") from None
