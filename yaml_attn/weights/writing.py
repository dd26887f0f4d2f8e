"""Weights written so that frameworks load them: a state dict, or a checkpoint that needs no class.

What `train.py` and `YOLO.load` take is a dict whose `model` has `.float().state_dict()`. A tree of
bare `torch.nn.Module` with the tensors as buffers has that, and needs torch alone: no framework to
write it, and no class of ours to load it. It has no `forward`: it carries weights, it detects
nothing. (`train.py` of YOLOv5, lines 204-210 at 5081342f; of YOLOv7, 87-92 at a207844.)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import torch
from torch import Tensor, nn

from yaml_attn.errors import UsageError
from yaml_attn.files import write_atomically
from yaml_attn.weights.safetensors import header
from yaml_attn.weights.state import split

Kind = Literal["checkpoint", "state dict", "safetensors"]

SUFFIXES: Final = (".pt", ".pth", ".safetensors")


def kind_of(path: Path, *, plain: bool) -> Kind:
    """What to write under this name; `plain` asks for a state dict and not a checkpoint.

    Raises:
        UsageError: the name has another suffix.
    """
    if path.suffix not in SUFFIXES:
        raise UsageError(f"{path} is no name for weights", hint=f"Use {', '.join(SUFFIXES)}.")
    if path.suffix == ".safetensors":
        return "safetensors"
    return "state dict" if plain else "checkpoint"


def save(
    path: Path,
    state: Mapping[str, Tensor],
    kind: Kind,
    *,
    config: Mapping[str, Any] | None = None,
    task: str | None = None,
    over: str | None = None,
) -> None:
    """Write weights, whole or not at all.

    Args:
        path: where to.
        state: tensors by key.
        kind: as what.
        config: of a checkpoint, the config as plain data: `train.py` without `--cfg` builds it, and
            Ultralytics, if it is `model`, at its key `scale`.
        task: of a checkpoint, what Ultralytics is to train: "detect", "segment", ...
        over: the digest of the file that it replaces (`files.standing`), if there is one.

    Raises:
        OutputError: there is another file than that, or it cannot be written.
    """
    # What is saved of a view is all of its storage.
    own = {key: tensor.detach().cpu().contiguous().clone() for key, tensor in state.items()}
    if kind == "safetensors":
        data = _safetensors(own)
    else:
        buffer = io.BytesIO()
        torch.save(_checkpoint(own, config, task) if kind == "checkpoint" else own, buffer)
        data = buffer.getvalue()
    write_atomically(path, data, over=over)


def _checkpoint(
    state: Mapping[str, Tensor], config: Mapping[str, Any] | None, task: str | None
) -> dict[str, Any]:
    """The dict that a training run of YOLOv5 leaves, of a run that has not begun."""
    model = tree(state)
    if config is not None:
        model.yaml = dict(config)  # type: ignore[assignment]  # a plain attribute
    return {
        "epoch": -1,
        "best_fitness": None,
        "model": model,
        "ema": None,
        "updates": None,
        "optimizer": None,
        "date": None,
        **({"train_args": {"task": task}} if task else {}),
    }


def tree(state: Mapping[str, Tensor]) -> nn.Module:
    """Bare modules, one in another, that hold the tensors under their keys `model.{index}.…`."""
    root = nn.Module()
    # Ultralytics looks at `model[-1]`; layers without tensors have a place too.
    layers = 1 + max((split(key)[0] for key in state), default=-1)
    root.model = nn.Sequential(*(nn.Module() for _ in range(layers)))
    for key, tensor in state.items():
        *path, name = key.split(".")
        module = root
        for part in path:
            # Not by `add_module`, which refuses names that an `nn.Module` has, such as "type".
            children = module._modules  # noqa: SLF001
            module = children[part] = children.get(part) or nn.Module()
        module._buffers[name] = tensor  # noqa: SLF001
    return root


def _safetensors(state: Mapping[str, Tensor]) -> bytes:
    entries = {
        key: (
            str(tensor.dtype).removeprefix("torch."),
            tuple(tensor.shape),
            tensor.numel() * tensor.element_size(),
        )
        for key, tensor in state.items()
    }
    flat = [tensor.reshape(-1).view(torch.uint8) for tensor in state.values()]
    data = bytearray(sum(map(len, flat)))
    if data:
        # Without NumPy, which torch works without: its own view of the bytes is written through.
        torch.cat(flat, out=torch.frombuffer(data, dtype=torch.uint8))
    return header(entries) + data
