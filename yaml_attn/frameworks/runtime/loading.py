"""Pretrained weights as Ultralytics loads them, wherever attention has moved the layers.

Whatever a user types (`YOLO(cfg).load(...)`, `pretrained=`, a checkpoint as the model, each process
of a multi-GPU training), Ultralytics loads by key and shape, in one function. The rows of the
network that the weights are of are in the checkpoint, so here it is known where its layers went:
the function gets the same network with its layers where they are now. What else starts anew is said
with what to type: the tensors of a class head for other classes, attention that disturbs.

Nothing is changed for networks without attention of ours.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from yaml_attn.dialects.block_attention import parse
from yaml_attn.errors import UnknownModuleError, YamlAttnError
from yaml_attn.graph.compare import compare
from yaml_attn.graph.network import SECTIONS, Network
from yaml_attn.mechanisms.identity import identity_warning, not_identity
from yaml_attn.mechanisms.registry import AnyMechanism, find, finds
from yaml_attn.weights import infer
from yaml_attn.weights.remap import renamed
from yaml_attn.weights.state import split

LEAST: Final = 1 / 3
"""Share of the tensors that must fit where a network is an edit of the one that they are of."""

_LEFT: Final[WeakKeyDictionary[nn.Module, dict[str, Tensor]]] = WeakKeyDictionary()
"""What did not fit a network's head, for one of the right number of classes that is made of it."""

IN_MEMORY: Final[WeakKeyDictionary[nn.Module, bool]] = WeakKeyDictionary()
"""Networks whose weights are in no file that another process could load."""


def loading(
    stock: Callable[..., Any],
    find: Callable[[str], AnyMechanism],
    say: Callable[[str], Any],
) -> Callable[..., Any]:
    """What stands in for `BaseModel.load`.

    Args:
        stock: that function.
        find: finds the mechanism, or the class of the user's, that a row names.
        say: prints a sentence for the user.
    """

    def load(network: Any, weights: Any, *args: Any, **options: Any) -> Any:
        given = (weights.get("ema") or weights["model"]) if isinstance(weights, dict) else weights
        rows, theirs = _rows_of(network), _rows_of(given)
        ours = _attention(rows, find) if rows else []
        if not rows or not theirs or not ours:
            return stock(network, weights, *args, **options)
        pairs = _pairs(theirs, rows)
        source, untrained = given, _untrained(given, theirs, rows, pairs, ours)
        if len(theirs) != len(rows) or any(old != new for old, new in pairs.items()):
            right, by_number = _fitting(given, pairs, network), _fitting(given, None, network)
            if right < LEAST * len(given.state_dict()):
                say("These pretrained weights are of another network: few of them fit.")
                return stock(network, weights, *args, **options)
            source = _moved(given, pairs, len(rows))
            say(
                f"Pretrained weights of the network without {_named(rows, untrained)}: {right} "
                "tensors are moved to where their layers are now (by their old numbers "
                f"{by_number} would fit)."
            )
        found = stock(network, _rebuilt(network, source), *args, **options)
        _complete_head(network, source, say)
        if given in IN_MEMORY:
            IN_MEMORY[network] = True
        warning = identity_warning(not_identity(rows, untrained, find))
        if warning:
            say(f"{warning[0].upper()}{warning[1:]}")
        return found

    return load


def _keep_for_other_classes(network: nn.Module, state: Mapping[str, Tensor]) -> int:
    """Remember the tensors of the head that do not fit the network; gives how many they are."""
    shapes = _shapes(network)
    head = max((split(key)[0] for key in shapes), default=-1)
    left = {
        key: tensor
        for key, tensor in state.items()
        if split(key)[0] == head and shapes.get(key) != tuple(tensor.shape)
    }
    if left:
        _LEFT[network] = left
    else:
        _LEFT.pop(network, None)
    return len(left)


def _rows_of(network: Any) -> Network | None:
    """The rows that a network was built from; None if it does not tell them, or has others."""
    plain = getattr(network, "yaml", None)
    layers = getattr(network, "model", None)
    if not isinstance(network, nn.Module) or not isinstance(layers, nn.Sequential):
        return None
    try:
        rows = Network.read({each: plain[each] for each in SECTIONS}) if plain else None
    except (YamlAttnError, KeyError, TypeError, ValueError):
        return None
    return rows if rows and len(rows) == len(layers) else None


def _attention(rows: Network, find: Callable[[str], AnyMechanism]) -> list[int]:
    """The layers that are attention of ours, or a block with some."""
    modules = [layer.module for layer in rows.layers]
    return [at for at, each in enumerate(modules) if finds(each, find) or _is_composed(each)]


def _pairs(theirs: Network, rows: Network) -> dict[int, int]:
    """Old index -> new index of the layers that are the same block."""
    found = compare(theirs, rows)
    return {
        old: new
        for old, new in {**found.index_map, **found.replaced}.items()
        if infer.same_block(theirs.layers[old].module, rows.layers[new].module, find)
    }


def _untrained(
    given: nn.Module,
    theirs: Network,
    rows: Network,
    pairs: Mapping[int, int],
    ours: Collection[int],
) -> list[int]:
    """Which layers with attention the weights know nothing of."""
    old = {new: old for old, new in pairs.items()}
    new = [
        at
        for at in ours
        if at not in old or theirs.layers[old[at]].module != rows.layers[at].module
    ]
    if type(given) is not nn.Module:
        return new
    # A checkpoint that `yaml-attn weights` has written has the rows, but no tensors of new layers.
    keys = [split(key) for key in given.state_dict()]
    trained = {
        at
        for at, rest in keys
        if not _is_composed(rows.layers[at].module) or ".attn." in f".{rest}"
    }
    return [at for at in ours if at in new or at not in trained]


def _moved(given: nn.Module, mapping: Mapping[int, int], count: int) -> nn.Module:
    """The same network with its layers at other indexes, for what is loaded by key."""
    theirs: Any = given.model
    layers: list[nn.Module] = [nn.Identity() for _ in range(count)]
    for old, new in mapping.items():
        layers[new] = theirs[old]
    moved = copy.copy(given)
    # A shallow copy has the very same dict of modules.
    moved.__dict__["_modules"] = {**given._modules, "model": nn.Sequential(*layers)}  # noqa: SLF001
    return moved


def _rebuilt(network: Any, given: nn.Module) -> nn.Module:
    """The network of a checkpoint that holds bare modules, if its head is for other classes.

    The framework takes what it can of a head for other classes, but of one of its own alone.
    """
    state = given.state_dict()
    head = len(given.model) - 1  # type: ignore[arg-type]
    module = network.yaml["head"][-1][2]
    classes = infer.classes(state, module, head)
    if type(given) is not nn.Module or classes in {None, getattr(network.model[-1], "nc", classes)}:
        return given
    with torch.random.fork_rng(devices=[]):
        made = type(network)({**network.yaml, "nc": classes}, verbose=False)
    made.names = getattr(given, "names", {})  # by names it would take placeholders for classes
    own = _shapes(made)
    values = {**network.state_dict(), **state}
    made.load_state_dict(
        {key: value for key, value in values.items() if own.get(key) == tuple(value.shape)},
        strict=False,
    )
    found: nn.Module = made
    return found


def _complete_head(network: Any, given: nn.Module, say: Callable[[str], Any]) -> None:
    """Load what an earlier network of other classes could not take, or keep what this cannot."""
    left, shapes = _LEFT.get(given, {}), _shapes(network)
    state = {**given.state_dict(), **left}
    earlier = {key: value for key, value in left.items() if shapes.get(key) == tuple(value.shape)}
    network.load_state_dict({key: value.float() for key, value in earlier.items()}, strict=False)
    count = _keep_for_other_classes(network, state)
    if count:
        say(_head_sentence(network, state, count))


def _head_sentence(network: Any, state: Mapping[str, Tensor], count: int) -> str:
    """That a head for other classes starts anew, and how not."""
    head = len(network.model) - 1
    classes = infer.classes(state, network.yaml["head"][-1][2], head)
    here = getattr(network.model[-1], "nc", None)
    if classes is None or here is None or classes == here:
        return f"{count} tensors of the head do not fit and start anew."
    return (
        f"{count} tensors of the head start anew, for it is built for {here} classes and the "
        f"weights are for {classes}. Training on data of {classes} classes takes them all the same."
    )


def _fitting(given: nn.Module, pairs: Mapping[int, int] | None, network: nn.Module) -> int:
    """How many tensors have a place of their shape, each layer at its new index if there is one."""
    shapes, state = _shapes(network), given.state_dict()
    keys = {key: renamed(key, pairs) if pairs else key for key in state}
    return sum(shapes.get(keys[key] or "") == tuple(value.shape) for key, value in state.items())


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in network.state_dict().items()}


def _is_composed(module: str) -> bool:
    try:
        return parse(module, find) is not None
    except UnknownModuleError:
        return False


def _named(rows: Network, ours: Collection[int]) -> str:
    names = dict.fromkeys(rows.layers[at].module for at in ours)
    return ", ".join(names)
