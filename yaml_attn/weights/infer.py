"""What rows tell of weights without the layers' code, where those are not bundled.

Of which network a state dict cannot be, and which layers of two configs are constructed alike: with
the same arguments, the same module has tensors of the same names and shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from torch import Tensor

from yaml_attn.dialects.block_attention import Find, parse
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.dialects.module_specs import HEADS, MODULES
from yaml_attn.errors import UnknownModuleError
from yaml_attn.weights.state import split

_WITHOUT_WEIGHTS: Final = frozenset(["Concat", "nn.Upsample"])

_BOTTLENECKS: Final = frozenset("BottleneckCSP C2 C2f C3 C3Ghost C3k2 C3x".split())
"""Blocks whose `m` holds as many bottlenecks as the row's `number` says after depth scaling."""

_CONV: Final = (1, 1, None, 1)
"""What k, s, p and g of a Conv are unless its row says."""

_CLASSES: Final = ("cv3.0.2.bias", "enc_score_head.bias", "linear.bias")
"""What has a number for each class, in the heads of YOLOv9 and Ultralytics."""

_TOLD_APART: Final[Mapping[str, frozenset[str]]] = {
    "Detect": frozenset(),
    "OBB": frozenset(["cv4"]),
    "Pose": frozenset(["cv4"]),
    "Segment": frozenset(["cv4", "proto"]),
}
"""Heads of Ultralytics, which are Detect and further branches."""


def classes(state: Mapping[str, Tensor], module: str, head: int) -> int | None:
    """Number of classes that the head with this index was trained for, where it is told."""
    if module.startswith(("World", "YOLOE")):
        return None  # they compare with texts
    for name in _CLASSES:
        if f"model.{head}.{name}" in state:
            return state[f"model.{head}.{name}"].numel()
    return None


def foreign(
    state: Mapping[str, Tensor],
    layers: Sequence[ResolvedLayer],
    where: str = "in the base",
    modules: Mapping[int, str] | None = None,
) -> str | None:
    """Why the tensors are of no network with these layers, in words; None if they may be.

    Args:
        state: the tensors.
        layers: the network's.
        where: what the words call that network.
        modules: the class of each layer that the tensors come from, by index, as far as known.
    """
    inside: dict[int, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        index, rest = split(key)
        inside.setdefault(index, {})[rest] = tensor
    for layer in layers:
        module = (modules or {}).get(layer.index, layer.module)
        if module != layer.module and {module, layer.module} <= MODULES:
            return f"layer {layer.index} is {module}, and {layer.module} {where}"
        problem = next(_problems(layer, inside.get(layer.index, {}), where), None)
        if problem:
            return problem
    return None


def _problems(layer: ResolvedLayer, tensors: Mapping[str, Tensor], where: str) -> Iterator[str]:
    named = f"layer {layer.index}"
    if layer.module in _WITHOUT_WEIGHTS and tensors:
        yield f"has weights of {named}, which is {layer.module} {where}"
    if not tensors and layer.module in _BOTTLENECKS | HEADS | {"Conv"}:
        yield f"has no weights of {named}, which is {layer.module} {where}"
    if layer.module == "Conv" and tensors:
        key = "conv.weight" if layer.copies == 1 else "0.conv.weight"
        shape, wanted = tuple(tensors[key].shape) if key in tensors else None, _conv(layer.args)
        if shape is None:
            yield f"{named} is no Conv as it is {where}: it has no {key}"
        elif wanted and shape != wanted:
            yield f"model.{layer.index}.{key} is {list(shape)}, and {list(wanted)} {where}"
    if layer.module in _BOTTLENECKS and layer.copies == 1:
        count = len({key.split(".")[1] for key in tensors if key.startswith("m.")})
        if count != layer.number:
            yield f"{named} has {count} bottlenecks, and {layer.number} {where}"
    if layer.module in _TOLD_APART:
        yield from _branches(layer, {key.partition(".")[0] for key in tensors}, where)


def _branches(layer: ResolvedLayer, parts: set[str], where: str) -> Iterator[str]:
    if "cv2" not in parts:
        return  # another framework's
    wanted = set(_TOLD_APART[layer.module])
    if any(each is True for each in layer.args[-2:-1]):  # end2end, which stands before the inputs
        wanted.add("one2one_cv2")
    other = parts & {"cv4", "proto", "one2one_cv2"} ^ wanted
    if other:
        has = "has" if other & parts else "has no"
        yield (
            f"layer {layer.index} is no {layer.module} as it is {where}: "
            f"it {has} {' and '.join(sorted(other))}"
        )


def _conv(args: Sequence[Any]) -> tuple[int, ...] | None:
    """Shape of a Conv's weight; every framework's takes (c1, c2, k, s, p, g, ...)."""
    source, channels, kernel, _, _, groups = (*args, *_CONV[len(args) - 2 :])[:6]
    if not all(isinstance(each, int) and each > 0 for each in (source, channels, kernel, groups)):
        return None
    return channels, source // groups, kernel, kernel


def same_block(one: str, other: str, find: Find) -> bool:
    """Whether two modules are one block, with attention in it or without."""
    return one == other or _block(one, find) == _block(other, find)


def alike(one: ResolvedLayer, other: ResolvedLayer) -> bool:
    """Whether two layers of the same block are constructed alike.

    What one has behind the block's own arguments is its attention's.
    """
    if one.copies != other.copies:
        return False
    if one.module == other.module:
        return one.args == other.args
    return all(a == b for a, b in zip(one.args, other.args, strict=False))


def _block(module: str, find: Find) -> str:
    try:
        composed = parse(module, find)
    except UnknownModuleError:  # a name that could mean two blocks is the framework's
        return module
    return composed.block if composed else module
