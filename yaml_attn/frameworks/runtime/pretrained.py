"""A base's weights in a live Ultralytics model with attention: every layer keeps its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from yaml_attn.errors import UsageError
from yaml_attn.frameworks.runtime.loading import IN_MEMORY
from yaml_attn.frameworks.runtime.registration import is_ours
from yaml_attn.graph.network import SECTIONS
from yaml_attn.weights import Transfer, read_checkpoint
from yaml_attn.weights import load_pretrained as load
from yaml_attn.weights.remap import renamed
from yaml_attn.weights.writing import tree


def load_pretrained(model: Any, weights: str | Path | Mapping[str, Tensor]) -> Transfer:
    """Load a base's weights into a model that is the base with attention rows added.

    The base's layers are the model's without the rows that name a mechanism of ours, or a class of
    yours that is registered, so no config of the base is needed. Nothing in the file is executed.

    Args:
        model: a `YOLO(...)`, or the `DetectionModel` in it: it keeps the rows it was built from.
        weights: the base's checkpoint, or a state dict with keys `model.{index}.…`.

    Returns:
        What became of each tensor.

    Raises:
        UsageError: the model does not tell its rows.
        CheckpointError: the file cannot be read.
    """
    network = model
    # A YOLO(...) has the model as its own, and answers for it: the one with the layers is inside.
    while not isinstance(getattr(network, "model", network), nn.Sequential):
        inside = getattr(network, "model", None)
        if inside is None:
            break
        network = inside
    rows = getattr(network, "yaml", None)
    if not isinstance(network, nn.Module) or not isinstance(rows, Mapping):
        raise UsageError("the model does not tell which rows it was built from", hint=_HINT)
    modules = [str(row[2]) for section in SECTIONS for row in rows.get(section, ())]
    survivors = [at for at, module in enumerate(modules) if not is_ours(module)]
    index_map = dict(enumerate(survivors))
    state = weights if isinstance(weights, Mapping) else read_checkpoint(weights).state
    found = load(network, state, index_map)
    if callable(getattr(network, "load", None)):
        # What the framework does beside: the part of a head that fits other classes, and so on.
        moved = {renamed(key, index_map): tensor for key, tensor in state.items()}
        carrier = tree({key: tensor for key, tensor in moved.items() if key})
        carrier.yaml = dict(rows)  # type: ignore[assignment]  # a plain attribute
        network.load(carrier)  # type: ignore[operator]  # a method of Ultralytics' networks
    _hand_on(model, network)
    return found


def _hand_on(model: Any, network: nn.Module) -> None:
    """Have `YOLO.train` begin with these weights, as it does with those that it loaded itself."""
    IN_MEMORY[network] = True
    if model is not network and hasattr(model, "ckpt") and hasattr(model, "overrides"):
        model.ckpt, model.ckpt_path = {"model": network}, None
        model.overrides.pop("pretrained", None)


_HINT = 'Give it a model made from a config: YOLO("yolo11n_SE.yaml").'
