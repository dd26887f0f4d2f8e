"""A base's weights in a live Ultralytics model with attention: every layer keeps its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from yaml_attn.errors import UsageError
from yaml_attn.frameworks.registration import is_ours
from yaml_attn.weights import Transfer
from yaml_attn.weights import load_pretrained as load


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
    modules = [row[2] for section in ("backbone", "head") for row in rows.get(section, ())]
    survivors = [at for at, module in enumerate(modules) if not is_ours(str(module))]
    return load(network, weights, dict(enumerate(survivors)))


_HINT = 'Give it a model made from a config: YOLO("yolo11n_SE.yaml").'
