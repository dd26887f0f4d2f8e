"""The state dict of a network that a file describes: what its `state_dict()` would have given.

A whole pickled model is a tree of stand-ins, each with the `__dict__` of an `nn.Module`:
`_parameters`, `_buffers` and `_modules` by name. A plain state dict is a mapping of tensors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from torch import Tensor

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.storage import shown
from yaml_attn.weights.tensors import Tensors
from yaml_attn.weights.unpickle import Global, Persistent, Stub

MOST_MODULES: Final = 100_000
"""A model may hold one module at several places; a hostile one holds it at any number of them. So
many entries its modules may have too."""

MOST_TENSORS: Final = 50_000
"""Each is a kilobyte beside its numbers; the largest YOLO has 3,000, and its optimizer is left out.
"""

LONGEST_KEY: Final = 1000
"""Characters of a tensor's key; those of YOLO have 60."""

MOST_SHARED: Final = 4
"""How often a storage may be shared on average, or a small file would fill the memory when its
tensors are copied; a network with all of its weights tied in pairs has 2."""

_DEEPEST: Final = 60

_LONGEST_CLASS: Final = 200

_PARTS: Final = ("_parameters", "_buffers", "_modules")

_INDEX: Final = re.compile("0|[1-9][0-9]{0,3}")

_LAYER: Final = re.compile(
    r"(?:(?:module|_orig_mod|ema|model)\.)*(?P<index>0|[1-9][0-9]{0,3})\.(?P<rest>.+)"
)


def mapping(value: Any) -> Mapping[Any, Any] | None:
    """The entries of a dict or of what stands for an OrderedDict; None if it is neither."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Stub) or not isinstance(value.made_by, Global):
        return None
    return value.entries if value.entries or value.made_by.name == "OrderedDict" else None


def is_module(value: Any) -> bool:
    """Whether a value stands for an `nn.Module`."""
    return _parts(value) is not None


def class_name(value: Any) -> str:
    """Name of the class of a stand-in, for reports."""
    made_by = value.made_by if isinstance(value, Stub) else None
    if isinstance(made_by, Persistent) and isinstance(made_by.id, tuple) and len(made_by.id) > 1:
        made_by = made_by.id[1]  # torch before 1.6 kept the source of a class beside its name
    name = str(made_by) if isinstance(made_by, Global) else type(value).__name__
    return name if name.isprintable() and len(name) <= _LONGEST_CLASS else shown(name)


def layer_classes(value: Any) -> dict[int, str]:
    """The class of each numbered layer of what stands for a network, without its package."""
    for _ in range(_DEEPEST):
        parts = _parts(value)
        modules = parts[2] if parts else {}
        if "0" in modules:
            return {
                int(name): class_name(each).rpartition(".")[2]
                for name, each in modules.items()
                if isinstance(name, str) and _INDEX.fullmatch(name)
            }
        value = modules.get("model", modules.get("module"))
    return {}


def holds_tensors(value: Any, tensors: Tensors) -> bool:
    """Whether a value is a state dict: a mapping with a tensor somewhere, under a name."""
    entries = mapping(value) or {}
    return any(
        isinstance(key, str) and tensors.tensor(each) is not None for key, each in entries.items()
    )


def state_dict(value: Any, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors of a module or of a state dict, by their keys.

    Raises:
        CheckpointError: a tensor does not fit its storage, or the modules have no end.
    """
    named = _of_module(value) if is_module(value) else (mapping(value) or {}).items()
    found: dict[str, Tensor] = {}
    for key, described in named:
        if not isinstance(key, str) or described is None:
            continue
        tensor = tensors.tensor(described)
        if tensor is None:
            continue
        if len(key) > LONGEST_KEY or key.count(".") > _DEEPEST:
            raise CheckpointError(f"the file is damaged: a tensor is called {shown(key)}")
        found[key] = tensor
        if len(found) > MOST_TENSORS:
            raise CheckpointError(f"it has more than {MOST_TENSORS:,} tensors")
    size = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    if size > MOST_SHARED * tensors.loaded:
        raise CheckpointError("the file is damaged: thousands of tensors share one storage")
    return found


def by_layer(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict under the keys `model.{index}.…`, and the keys that name no layer.

    Takes away what wraps a network: `module.` of data parallel training, `_orig_mod.` of
    torch.compile, `ema.`, and further `model.`.
    """
    found: dict[str, Tensor] = {}
    others: list[str] = []
    for key, tensor in state.items():
        match = _LAYER.fullmatch(key)
        if match:
            found[f"model.{int(match['index'])}.{match['rest']}"] = tensor
        else:
            others.append(key)
    return found, others


def split(key: str) -> tuple[int, str]:
    """Index of the layer and the name inside it, of a key `model.{index}.…`."""
    _, index, rest = key.split(".", 2)
    return int(index), rest


def _of_module(root: Stub) -> Iterator[tuple[str, Any]]:
    """Every parameter and persistent buffer with its key, in the order of `state_dict()`."""
    seen = 0

    def walk(module: Any, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
        nonlocal seen
        parts = _parts(module)
        seen += 1 if parts is None else 1 + sum(map(len, parts))
        if seen > MOST_MODULES or depth > _DEEPEST or len(prefix) > LONGEST_KEY:
            raise CheckpointError("the file is damaged: its modules hold one another without end")
        if parts is None:
            return
        parameters, buffers, modules, hidden = parts
        for name, value in _named(parameters):
            yield f"{prefix}{name}", value
        for name, value in _named(buffers):
            if name not in hidden:
                yield f"{prefix}{name}", value
        for name, value in _named(modules):
            yield from walk(value, f"{prefix}{name}.", depth + 1)

    return walk(root, "", 0)


_Entries = Mapping[Any, Any]


def _named(entries: _Entries) -> Iterator[tuple[str, Any]]:
    """The entries whose key can be part of a tensor's."""
    for name, value in entries.items():
        if isinstance(name, str) and len(name) <= LONGEST_KEY:
            yield name, value


def _parts(value: Any) -> tuple[_Entries, _Entries, _Entries, frozenset[str]] | None:
    """Parameters, buffers, submodules and the names of buffers that are not saved."""
    if not isinstance(value, Stub):
        return None
    # Objects with slots have a pair of states.
    state = value.state[0] if isinstance(value.state, tuple) and value.state else value.state
    inside = mapping(state)
    if inside is None:
        return None
    parameters, buffers, modules = (mapping(inside.get(part)) for part in _PARTS)
    if parameters is None or buffers is None or modules is None:
        return None
    return parameters, buffers, modules, _names(inside.get("_non_persistent_buffers_set"))


def _names(value: Any) -> frozenset[str]:
    """The strings in what stands for a set."""
    if not isinstance(value, Stub):
        return frozenset()
    given = value.args[0] if isinstance(value.args, tuple) and value.args else []
    listed = given if isinstance(given, list) else []
    return frozenset(name for name in [*listed, *value.elements] if isinstance(name, str))
