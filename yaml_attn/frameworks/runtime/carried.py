"""How far an edit disturbs what the head reads, where the layers are the installed framework's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from yaml_attn.errors import YamlAttnError
from yaml_attn.frameworks.runtime.build import made
from yaml_attn.weights import Carried, Checkpoint, Level
from yaml_attn.weights.difference import levels


class Source(NamedTuple):
    """A config as `build_ultralytics.made` takes it: its text, its file's name, scale, classes."""

    text: str
    name: str
    scale: str | None
    own: Mapping[str, type[nn.Module]]


def levels_in_ultralytics(
    checkpoint: Checkpoint,
    carried: Carried,
    base: Source,
    edited: Source,
    seed: int = 0,
) -> tuple[Level, ...] | None:
    """What `Carried.levels` is for bundled layers; None if it cannot be computed here.

    Args:
        checkpoint: weights of the base.
        carried: the same in the edited network.
        base: the config of the base.
        edited: the edited config.
        seed: of the initial values of new layers.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            with _made(base) as (before, channels), _made(edited) as (after, others):
                _load(before, checkpoint.state)
                _load(after, carried.state)
                stride = max(int(max(each.stride)) for each in (before, after))  # type: ignore[arg-type]
                if channels != others:
                    return None
                mapping = carried.transfer.index_map
                return levels(before, after, mapping, channels=channels, stride=stride)
    except YamlAttnError:
        return None


def _made(config: Source) -> AbstractContextManager[tuple[nn.Module, int]]:
    return made(config.text, config.name, scale=config.scale, own=config.own)


def _load(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    fits = {key: value for key, value in state.items() if key in own}
    fits = {key: value for key, value in fits.items() if own[key].shape == value.shape}
    network.load_state_dict(fits, strict=False)
