"""Weights of a base loaded into a network that stands in memory, whichever framework built it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from yaml_attn.weights.checkpoint import read_checkpoint
from yaml_attn.weights.remap import Transfer, transfer


def load_pretrained(
    model: nn.Module,
    weights: str | Path | Mapping[str, Tensor],
    index_map: Mapping[int, int],
) -> Transfer:
    """Load the weights of the base into an edited network, each layer's into where it went.

    New tensors, and those whose shape changed, stay as they are.

    Args:
        model: has a state dict with keys `model.{index}.…`, as the models of all YOLO frameworks.
        weights: a file, or a state dict under such keys.
        index_map: old index -> new index, e.g. `Config.index_map`.

    Returns:
        What became of each tensor.

    Raises:
        CheckpointError: the file cannot be read.
    """
    state = weights if isinstance(weights, Mapping) else read_checkpoint(weights).state
    shapes = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items()}
    found = transfer(state, index_map, shapes)
    model.load_state_dict(found.state, strict=False)
    return found
