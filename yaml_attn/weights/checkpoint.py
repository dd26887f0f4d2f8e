"""A checkpoint read without its framework and without running anything that is in it.

Understands the whole pickled models of YOLOv3, v5, v7, v9 and Ultralytics, alone or under the keys
of a training run, and state dicts, plain or under such a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.archive import opened
from yaml_attn.weights.state import (
    by_layer,
    class_name,
    holds_tensors,
    is_module,
    layer_classes,
    mapping,
    split,
    state_dict,
)
from yaml_attn.weights.storage import shown
from yaml_attn.weights.tensors import Tensors

_KEPT_UNDER: Final = ("ema", "model", "state_dict", "model_state_dict")
"""Keys of a training run's dict that hold the network, the first that is there is taken: the moving
average of the weights is what a run validates with and what `strip_optimizer` keeps."""

_LARGE: Final = ("model", "optimizer", "scaler")


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a file.

    Attributes:
        path: the file.
        state: the tensors under the keys `model.{index}.…`, as they are in the file (fp16 too).
        found: where in the file they were, e.g. "ema (models.yolo.DetectionModel)".
        left_out: keys of what else the file holds: the optimizer, the weights that are no average.
        unnumbered: keys of tensors that belong to no layer; they are left out too.
        modules: the class of each layer, by index; empty for a state dict, which does not tell.
    """

    path: Path
    state: Mapping[str, Tensor]
    found: str
    left_out: tuple[str, ...]
    unnumbered: tuple[str, ...]
    modules: Mapping[int, str] = field(default_factory=dict)

    @property
    def layers(self) -> int:
        """One more than the highest index of a layer with weights."""
        return 1 + max(split(key)[0] for key in self.state)

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The kinds of numbers with fractions, e.g. ("float16",)."""
        kinds = {tensor.dtype for tensor in self.state.values() if tensor.is_floating_point()}
        return tuple(sorted(str(kind).removeprefix("torch.") for kind in kinds))


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a `.pt`, `.pth` or `.safetensors` file. Nothing in it is executed.

    Raises:
        CheckpointError: it cannot be read, is damaged, or holds no numbered layers.
    """
    path = Path(path)
    with opened(path) as contents:
        tensors = Tensors(contents.load)
        where, value, left_out = _network(contents.root, tensors)
        everything = state_dict(value, tensors)
    state, others = by_layer(everything)
    if not state:
        named = f"its tensors are named otherwise, e.g. {shown(next(iter(everything), ''))}"
        raise CheckpointError(
            f"no layers model.0, model.1, ...: {named if everything else 'it holds no tensors'}",
            path=path,
            hint="Weights of YOLO networks have such keys; those of timm or darknet do not.",
        )
    modules = layer_classes(value)
    return Checkpoint(path, state, where, tuple(left_out), tuple(others), modules)


def _network(root: Any, tensors: Tensors) -> tuple[str, Any, list[str]]:
    """Where the network is, the network, and what else there is."""
    if is_module(root):
        return class_name(root), root, []
    entries = mapping(root)
    if entries is None:
        return class_name(root), root, []
    for key in _KEPT_UNDER:
        # For a while YOLOv5 kept a pair of the average and the number of its updates.
        held = entries.get(key)
        value = held[0] if isinstance(held, tuple) and held else held
        if is_module(value):
            return f"{key} ({class_name(value)})", value, _others(entries, key)
        if holds_tensors(value, tensors):
            return f"{key} (a state dict)", value, _others(entries, key)
    return "a state dict", root, []


def _others(entries: Mapping[Any, Any], taken: str) -> list[str]:
    """What else a training run's dict holds that is not small."""
    return [key for key in _LARGE if key != taken and entries.get(key) is not None]
