"""Running a built network on the CPU: shapes, strides and counts; or one whole training step.

Shapes come from a real forward of an image as small as the strides allow. They hold for every
multiple of the largest stride: a layer whose map is exactly 1/stride of the small image, as its row
says, is 1/stride of each of them. If one layer is not (an odd padding), full size is run.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor, nn

from yaml_attn.blocks import BLOCKS
from yaml_attn.blocks.heads import Detect
from yaml_attn.building.failures import explain, refuse_strides
from yaml_attn.building.flops import FlopCount
from yaml_attn.building.model import Model
from yaml_attn.building.probing import (
    backward,
    count_parameters,
    is_finite,
    shape_of,
    still,
    stride_of,
    tensors,
)
from yaml_attn.building.report import BuildReport, LayerReport, Shape
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import IMAGE

SMALL: Final = 64
"""Pixels; the time of a forward hardly falls below it."""

NOT_BY_AREA: Final = frozenset(["C3TR", "Classify", "RepConv_OREPA"])
"""Blocks whose FLOPs do not grow with the area of the map alone: attention over all pixels, a mean
of them, a kernel that is computed."""


def inspect(
    model: Model, imgsz: int = 640, *, flops: bool | Collection[int] = False
) -> BuildReport:
    """Run the network once and report what each layer gives for an image of `imgsz` pixels.

    The model is left as it was. Batch norms use their running statistics, all else is as in
    training: heads return their raw outputs.

    Args:
        model: a built network.
        imgsz: height and width of the image.
        flops: of which layers to count the FLOPs: all, none, or these indexes, each of them run
            alone at its real input size.

    Raises:
        BuildError: a layer fails on what it reads, or the strides of the head are out of order.
    """
    with still(model):
        size, seen = _measure(model, imgsz, flops is True)
        shapes = [_scaled(layer.shape, imgsz, size) for layer in seen]
        counts: dict[int, int | None]
        if isinstance(flops, bool):
            counts = {at: layer.flops for at, layer in enumerate(seen)}
            if flops and size != imgsz:
                counts = {at: _at_full_size(model, at, seen, size, shapes, imgsz) for at in counts}
        else:
            counts = {at: _alone(model, at, shapes, imgsz) for at in flops}
    layers = tuple(
        LayerReport(
            index=at,
            module=layer.module,
            number=layer.number,
            parameters=count_parameters(model.model[at]),
            shape=shapes[at],
            stride=layer.stride or stride_of(shapes[at], imgsz),
            flops=counts.get(at),
        )
        for at, layer in enumerate(model.resolved)
    )
    return BuildReport(layers, count_parameters(model), _head_strides(model, shapes, imgsz), imgsz)


def run_real(model: Model, imgsz: int = 640) -> None:
    """Forward and backward at full size, in training mode, of a copy of the model on noise.

    Raises:
        BuildError: a layer fails, gives a value that is not finite, or has a parameter that no
            gradient reaches.
    """
    trained = copy.deepcopy(model).train()
    names = [layer.module for layer in model.resolved]
    noise = torch.Generator().manual_seed(0)
    image = torch.rand(1, model.image_channels, imgsz, imgsz, generator=noise)
    shapes: list[Shape] = []

    def call(at: int, layer: nn.Module, given: Any) -> Any:
        output = _call(model, at, layer, given, imgsz, shapes)
        shapes.append(shape_of(output))
        if not is_finite(output):
            raise BuildError(f"{names[at]} gives values that are not finite", layer=at)
        return output

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        backward(tensors(trained(image, call)))
    for at, layer in enumerate(trained.model):
        for name, parameter in layer.named_parameters():
            if parameter.grad is None:
                raise BuildError(f"no gradient reaches {name} of {names[at]}", layer=at)
            if not bool(parameter.grad.isfinite().all()):
                raise BuildError(f"the gradient of {name} of {names[at]} is not finite", layer=at)


class _Seen(NamedTuple):
    """What one layer gave in a run."""

    shape: Shape
    flops: int | None


def _measure(model: Model, imgsz: int, count: bool) -> tuple[int, list[_Seen]]:
    """What each layer gives in the smallest run that tells it for `imgsz`, and the run's size."""
    size = _small_size(model, imgsz)
    if size != imgsz:
        # Some layers fail on a map of one pixel; whether the network does, full size tells.
        with suppress(BuildError):
            seen = _run(model, size, count)
            if _is_regular(model, seen, size):
                return size, seen
    return imgsz, _run(model, imgsz, count)


def _run(model: Model, size: int, count: bool) -> list[_Seen]:
    seen: list[_Seen] = []

    def call(at: int, layer: nn.Module, given: Any) -> Any:
        flops = FlopCount()
        with flops if count else nullcontext():
            output = _call(model, at, layer, given, size, [done.shape for done in seen])
        seen.append(_Seen(shape_of(output), flops.total if count else None))
        return output

    model(torch.zeros(1, model.image_channels, size, size), call)
    return seen


def _at_full_size(
    model: Model, at: int, seen: Sequence[_Seen], size: int, shapes: Sequence[Shape], imgsz: int
) -> int:
    """FLOPs of one layer for `imgsz`, from those it took in a run at a smaller size."""
    counted, name = seen[at].flops, model.resolved[at].module
    by_area = name in BLOCKS[model.dialect] and name not in NOT_BY_AREA
    if counted is None or not by_area:
        return _alone(model, at, shapes, imgsz)
    return counted * imgsz**2 // size**2


def _alone(model: Model, at: int, shapes: Sequence[Shape], imgsz: int) -> int:
    """FLOPs of one layer at its real input size."""

    def zeros(source: int) -> Tensor:
        shape = (model.image_channels, imgsz, imgsz) if source == IMAGE else shapes[source]
        return torch.zeros(1, *cast("tuple[int, ...]", shape))

    reads = model.reads[at]
    given = [zeros(source) for source in reads] if isinstance(reads, list) else zeros(reads)
    flops = FlopCount()
    with flops:
        _call(model, at, model.model[at], given, imgsz, shapes[:at])
    return flops.total


def _call(
    model: Model, at: int, layer: nn.Module, given: Any, size: int, before: Sequence[Shape]
) -> Any:
    try:
        return layer(given)
    except Exception as error:  # noqa: BLE001  # whatever torch makes of it, in the config's words
        raise explain(model, at, given, error, size, before) from None


def _small_size(model: Model, imgsz: int) -> int:
    """The smallest image to run: a multiple of every stride; `imgsz` where that is not known."""
    strides = [
        layer.stride
        for layer, built in zip(model.resolved, model.model, strict=True)
        if not isinstance(built, Detect)
    ]
    known = [stride for stride in strides if stride is not None]
    largest = max(known, default=0)
    if len(known) < len(strides) or not largest or imgsz % largest:
        return imgsz
    if any(largest % stride for stride in known):
        return imgsz
    # A map of one pixel can be added to any other, a mistake that two pixels show.
    return min(imgsz, int(largest) * max(math.ceil(SMALL / largest), 2))


def _is_regular(model: Model, seen: Sequence[_Seen], size: int) -> bool:
    """Whether every map is exactly 1/stride of the image."""
    return all(
        layer.stride is None or shape[1:] == (size / layer.stride, size / layer.stride)
        for layer, (shape, _) in zip(model.resolved, seen, strict=True)
    )


def _scaled(shape: Shape, imgsz: int, size: int) -> Shape:
    """The shape for an image of `imgsz` pixels; height and width are second and third."""
    if shape and isinstance(shape[0], tuple):
        return tuple(_scaled(part, imgsz, size) for part in shape)
    sizes = cast("tuple[int, ...]", shape)
    if len(sizes) < 3:
        return sizes
    return (sizes[0], sizes[1] * imgsz // size, sizes[2] * imgsz // size, *sizes[3:])


def _head_strides(model: Model, shapes: Sequence[Shape], imgsz: int) -> tuple[float, ...]:
    head, reads = model.model[-1], model.reads[-1]
    if not isinstance(head, Detect) or not isinstance(reads, list):
        return ()
    strides = strides_read(reads, shapes, imgsz)
    if not are_levels(strides, head.levels):
        raise refuse_strides(model, strides, head.levels)
    return tuple(strides[: head.levels])


def strides_read(reads: Sequence[int], shapes: Sequence[Shape], imgsz: int) -> list[float]:
    """The strides of the maps that a head reads, from the shapes of all layers."""
    heights = [imgsz if at == IMAGE else cast("int", shapes[at][1]) for at in reads]
    return [imgsz / height for height in heights]


def are_levels(strides: Sequence[float], levels: int) -> bool:
    """Whether so many levels are of different strides in order, and auxiliary ones of the same."""
    main, auxiliary = list(strides[:levels]), list(strides[levels:])
    return sorted(set(main)) in (main, main[::-1]) and auxiliary in ([], main)
