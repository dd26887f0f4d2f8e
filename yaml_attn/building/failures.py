"""Why a layer failed when it was run, in the words of the config: inputs, channels, strides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor

from yaml_attn.building.model import Model
from yaml_attn.building.report import Shape
from yaml_attn.dialects.module_specs import EQUAL_JOINS
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import IMAGE

STALE: Final = (
    "A `from` number that kept its old value after rows were inserted is the usual reason."
)


def explain(
    model: Model, at: int, given: Any, error: Exception, imgsz: int, before: Sequence[Shape]
) -> BuildError:
    """The error of one layer, in the words of the config.

    Args:
        model: the network.
        at: index of the layer.
        given: what it was run on.
        error: what it raised.
        imgsz: height and width of the image.
        before: the output shapes of the layers before it.
    """
    module, reads = model.resolved[at].module, model.reads[at]
    inputs = list(zip(reads, given, strict=True)) if isinstance(reads, list) else [(reads, given)]
    for source, value in inputs:
        if not isinstance(value, Tensor) or value.dim() != 4:
            message = f"{module} reads {_name(model, source)}, whose output is no feature map"
            return BuildError(message, layer=at, hint=STALE)
    if module in EQUAL_JOINS and len({value.shape[2:] for _, value in inputs}) > 1:
        maps = [(_name(model, source), value) for source, value in inputs]
        largest = int(max(layer.stride or 1 for layer in model.resolved))
        less = imgsz // largest * largest
        instead = f"{less} or {less + largest}" if less else str(largest)
        odd_size = (
            f"{imgsz} pixels are no multiple of the largest stride, {largest}: use {instead}."
        )
        fits = imgsz % largest == 0
        message = f"{module} joins {different_sizes(maps, imgsz, fits=fits)}"
        return BuildError(message, layer=at, hint=STALE if fits else odd_size)
    other = [source for source, shape in enumerate(before) if _is_unexpected(model, source, shape)]
    if other and any(source in other for source, _ in inputs):
        return BuildError(
            f"{module} failed: {_name(model, other[0])} gives {before[other[0]][0]} channels, where"
            f" {model.title} takes it to give {model.resolved[other[0]].channels}",
            layer=at,
            hint="The args of that layer do not fit what it reads.",
        )
    seen = [f"{_name(model, source)}, {_size(value)}" for source, value in inputs]
    args = ", ".join(map(str, model.resolved[at].args))
    return BuildError(
        f"{module} failed on {'; '.join(seen)}: {first_line(error)}",
        layer=at,
        hint=f"It was constructed as {module}({args}), after scaling.",
    )


def refuse_strides(model: Model, strides: Sequence[float], levels: int) -> BuildError:
    """The error of a head whose maps are not of different strides, going up or going down.

    Args:
        model: the network.
        strides: of all maps that the head reads.
        levels: how many of them are not auxiliary; those repeat their strides.
    """
    reads = model.reads[-1]
    sources = reads if isinstance(reads, list) else [reads]
    seen = [
        f"{_name(model, source)} at stride {stride:g}"
        for source, stride in zip(sources, strides, strict=True)
    ]
    again = ", twice over" if len(strides) > levels else ""
    return BuildError(
        f"{model.resolved[-1].module} needs maps of different strides in order{again}, and reads "
        f"{', '.join(seen)}",
        layer=len(model.resolved) - 1,
        hint=STALE,
    )


def different_sizes(maps: Sequence[tuple[str, Tensor]], imgsz: int, *, fits: bool) -> str:
    """What a join cannot join: each map by its name and stride.

    An image whose size is no multiple of the strides (`fits` is False) gives maps of odd strides
    (12.5) that nobody wrote; then the maps' own sizes are told.
    """
    seen = []
    for name, value in maps:
        height, width = value.shape[2:]
        strides = fits and height == width
        what = f"at stride {imgsz / height:g}" if strides else f"gives {height}x{width}"
        seen.append(f"{name} {what}")
    return f"maps of different sizes: {', '.join(seen)}"


def first_line(error: Exception) -> str:
    """What torch says, without the name of its own function."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rpartition("__init__() ")[2]


def _is_unexpected(model: Model, at: int, shape: Shape) -> bool:
    """Whether a map has not the channels that the parser recorded."""
    return len(shape) == 3 and shape[0] != model.resolved[at].channels


def _name(model: Model, source: int) -> str:
    if source == IMAGE:
        return "the image"
    return f"layer {source} ({model.resolved[source].module})"


def _size(value: Tensor) -> str:
    return "x".join(map(str, value.shape[1:]))
