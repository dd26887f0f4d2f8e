from __future__ import annotations

import pytest
import torch
from torch import nn

from yaml_attn.errors import UsageError
from yaml_attn.frameworks.runtime.pretrained import load_pretrained

BASE = [[-1, 1, "Conv", [8]], [-1, 1, "C2f", [8]], [[1], 1, "Detect", []]]
EDITED = [BASE[0], [-1, 1, "SE", [8]], *BASE[1:]]


class Model(nn.Module):
    """What Ultralytics' models have in common: numbered layers, and the rows they came from."""

    def __init__(self, rows: list[list[object]]) -> None:
        super().__init__()
        self.yaml = {"backbone": rows[:-1], "head": rows[-1:]}
        self.model = nn.Sequential(*(nn.Linear(2, 2) for _ in rows))


def test_every_layer_of_the_base_gets_its_own_weights() -> None:
    base, edited = Model(BASE), Model(EDITED)
    new = edited.model[1].weight.clone()
    found = load_pretrained(edited, base.state_dict())
    for old, now in enumerate((0, 2, 3)):
        assert torch.equal(edited.model[now].weight, base.model[old].weight)
    assert torch.equal(edited.model[1].weight, new)
    assert len(found.state) == 6


def test_the_model_may_be_wrapped_as_yolo_wraps_it() -> None:
    class Yolo(nn.Module):
        """A module itself, which answers for the model inside."""

        def __init__(self) -> None:
            super().__init__()
            self.model = Model(EDITED)
            self.yaml = self.model.yaml
            self.ckpt: dict[str, object] = {}
            self.ckpt_path: str | None = "x.pt"
            self.overrides: dict[str, object] = {"pretrained": "x.pt"}

    yolo = Yolo()
    assert len(load_pretrained(yolo, Model(BASE).state_dict()).state) == 6
    # Or `train` would begin with a new network, or with the file's.
    assert yolo.ckpt == {"model": yolo.model}
    assert (yolo.ckpt_path, yolo.overrides) == (None, {})


def test_a_model_without_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="which rows it was built from"):
        load_pretrained(nn.Linear(2, 2), {})
