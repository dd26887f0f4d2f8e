"""What is loaded by key and shape finds its layers where attention has moved them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from yaml_attn.frameworks.runtime.loading import IN_MEMORY, loading
from yaml_attn.mechanisms.registry import find
from yaml_attn.weights.writing import tree

BASE = [[-1, 1, "Conv", [8]], [-1, 1, "C2f", [8]], [-1, 1, "Conv", [8]], [[2], 1, "Detect", []]]
SE = [-1, 1, "SE", [8]]
IDENTITY = [-1, 1, "SE", [8, 16, False, True]]


class Detect(nn.Module):
    """A head of which one tensor depends on the number of classes."""

    def __init__(self, nc: int) -> None:
        super().__init__()
        self.nc = nc
        self.cv2 = nn.Linear(8, 4)
        self.cv3 = nn.ModuleList([nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, nc))])


class Network(nn.Module):
    """What Ultralytics' networks have in common: rows, layers by number, loading by shape."""

    def __init__(self, cfg: dict[str, Any], verbose: bool = True) -> None:
        super().__init__()
        del verbose
        self.yaml = cfg
        rows = [*cfg["backbone"], *cfg["head"]]
        layers: list[nn.Module] = [
            Detect(cfg["nc"])
            if module == "Detect"
            else find("SE").load()(16)
            if module == "SE"
            else nn.Linear(8, 8)
            for _, _, module, _ in rows
        ]
        self.model = nn.Sequential(*layers)

    def load(self, weights: Any, verbose: bool = True) -> str:
        """Load what fits, as the framework does."""
        del verbose
        own = self.state_dict()
        given = weights.float().state_dict()
        fits = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
        self.load_state_dict(fits, strict=False)
        return f"{len(fits)}"


def network(*rows: list[Any], nc: int = 2) -> Network:
    return Network({"nc": nc, "backbone": list(rows[:-1]), "head": [rows[-1]]})


def edited(row: list[Any] = SE, nc: int = 2) -> Network:
    return network(BASE[0], row, *BASE[1:3], [[3], 1, "Detect", []], nc=nc)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def load(said: list[str]) -> Callable[..., Any]:
    return loading(Network.load, find, said.append)


def same(one: nn.Module, other: nn.Module) -> bool:
    return str(one) == str(other) and all(
        torch.equal(a, b)
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    )


def all_moved(base: Network, to: Network) -> bool:
    return all(
        same(base.model[old], to.model[new]) for old, new in ((0, 0), (1, 2), (2, 3), (3, 4))
    )


@pytest.mark.parametrize("wrapped", [lambda net: net, lambda net: {"ema": None, "model": net}])
def test_every_layer_of_the_base_gets_its_own(
    wrapped: Callable[..., Any], load: Callable[..., Any], said: list[str]
) -> None:
    base, to = network(*BASE), edited(IDENTITY)
    before = base.state_dict()
    new = to.model[1].state_dict()
    load(to, wrapped(base))
    assert all_moved(base, to)
    assert all(torch.equal(value, new[key]) for key, value in to.model[1].state_dict().items())
    assert list(base.state_dict()) == list(before)
    (text,) = said
    assert text.startswith("Pretrained weights of the network without SE: 12 tensors are moved")


def test_attention_that_is_no_identity_is_warned_of(
    load: Callable[..., Any], said: list[str]
) -> None:
    load(edited(), network(*BASE))
    assert "arguments [8, 16, False, True]" in said[-1]


def test_weights_that_were_moved_already_are_loaded_as_they_are(
    load: Callable[..., Any], said: list[str]
) -> None:
    base, to = network(*BASE), edited()
    moved = {}
    for key, value in base.state_dict().items():
        _, index, rest = key.split(".", 2)
        moved[f"model.{int(index) + (index > '0')}.{rest}"] = value
    carrier = tree(moved)
    carrier.yaml = to.yaml  # type: ignore[assignment]
    load(to, carrier)
    assert all_moved(base, to)
    (warning,) = said
    assert "does not start as the identity" in warning


def test_a_trained_network_of_the_same_rows_is_loaded_without_a_word(
    load: Callable[..., Any], said: list[str]
) -> None:
    trained, to = edited(), edited()
    load(to, trained)
    assert same(trained, to)
    assert said == []


def test_a_head_for_other_classes_is_kept_for_a_network_of_these(
    load: Callable[..., Any], said: list[str]
) -> None:
    # YOLO(cfg).load(file) builds for the classes of the config, train() for those of the data.
    base, first, last = network(*BASE, nc=3), edited(IDENTITY, nc=80), edited(IDENTITY, nc=3)
    load(first, base)
    assert "2 tensors of the head start anew, for it is built for 80 classes" in said[-1]
    load(last, first)
    assert all_moved(base, last)


def test_what_stays_unloaded_is_not_taken_by_another_network(load: Callable[..., Any]) -> None:
    base, first, last = network(*BASE, nc=3), edited(nc=80), edited(nc=5)
    load(first, base)
    load(last, first)
    assert not torch.equal(last.model[4].cv3[0][2].bias[:3], base.model[3].cv3[0][2].bias)


@pytest.mark.parametrize(
    "to",
    [
        network(*BASE),
        network([-1, 1, "SE", [8]], [-1, 1, "SE", [8]], [[1], 1, "Other", []]),
    ],
)
def test_other_networks_are_loaded_as_ever(
    to: Network, load: Callable[..., Any], said: list[str]
) -> None:
    base, alone = network(*BASE), Network(to.yaml)
    load(to, base)
    alone.load(base)
    assert same(alone.model[-1], to.model[-1])
    assert [text[:30] for text in said] in ([], ["These pretrained weights are o"])


def test_what_tells_no_rows_is_loaded_as_ever(load: Callable[..., Any], said: list[str]) -> None:
    load(edited(), nn.Linear(2, 2))
    load(edited(), tree({"model.0.weight": torch.ones(8, 8)}))
    assert said == []


def test_that_weights_are_in_no_file_is_handed_on(load: Callable[..., Any]) -> None:
    first, last = edited(), edited()
    IN_MEMORY[first] = True
    load(last, first)
    assert last in IN_MEMORY
