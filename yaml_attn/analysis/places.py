"""Where an edit goes: what the user writes, resolved to layers of the network as it is.

    8, -2                      the layer with this index; negative counts from the end
    SPPF                       the layer with this module, if there is just one
    C3[-1], C3[0], C3[*]       one of, or all, the layers with this module, in file order
    C3[SE], C3[SE][0]          the same of C3SE, where the file has one
    backbone.C3, head.C3[0]    all, or one of, those in a section
    backbone[3], head.*        one of, or all, the layers of a section
    P2, P3, ...                the layers that the head reads at stride 4, 8, ... (2**n)
    detect                     all layers that the head reads, in its order
    stages                     the last layer of each stage of the backbone
    4,P3,P4                    a list of any of these; what is meant twice is kept once

A module that is called like a keyword is reached as `P3[0]` or `backbone.P3`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Final, NamedTuple, TypeAlias

from yaml_attn.analysis.levels import Strides, head_inputs, level, names, stage_ends
from yaml_attn.errors import PlaceError
from yaml_attn.graph.network import SECTIONS, Layer, Network

_INDEX: Final = re.compile(r"-?[0-9]{1,9}")
_SELECTOR: Final = re.compile(
    r"(?:(backbone|head)(?:\.|(?=\[|$)))?"  # a module may be called `headless` or `nn.Upsample`
    r"([^\[\]]*)"
    r"(?:\[([^\[\]]*)\])?"
)
_INSIDE: Final = re.compile(r"(\w+)\[([A-Za-z]\w*)\]")
_OPTION: Final = re.compile(r"(after|before|edge)\s+(\S+)")
_KEYWORDS: Final = {
    **{f"P{power}": f"what the head reads at stride {2**power}" for power in range(1, 10)},
    "detect": "all that the head reads",
    "stages": "the last layer of each stage of the backbone",
}
_LISTING: Final = "`yaml-attn places FILE` lists every name."

Given: TypeAlias = Strides | Callable[[], Strides]
"""The strides of the layers by index, or a function that gives them when they are needed."""


class Place(NamedTuple):
    """A name, the keys of the layers that it means in a network, and what it means in words."""

    name: str
    keys: tuple[int, ...]
    meaning: str


def resolve_place(network: Network, place: int) -> int:
    """The key of the layer at this index; a negative index counts from the end.

    Raises:
        PlaceError: there is no such layer.
    """
    size = len(network)
    if -size <= place < size:
        return network.layers[place].key
    first, last = network.layers[0], network.layers[-1]
    raise PlaceError(
        f"there is no layer {place}",
        hint=f"The layers are 0 ({first.module}) to {size - 1} ({last.module}), or {-size} to -1.",
    )


def resolve(network: Network, place: int | str, strides: Given) -> tuple[int, ...]:
    """The keys of the layers that `place` means, in the order in which it names them.

    Raises:
        PlaceError: it means no layer, or a module that several layers have; says what there is.
    """
    if isinstance(place, int):
        return (resolve_place(network, place),)
    keys = [key for item in place.split(",") for key in _resolve(network, item.strip(), strides)]
    return tuple(dict.fromkeys(keys))


def _resolve(network: Network, item: str, strides: Given) -> tuple[int, ...]:
    if _INDEX.fullmatch(item):
        return (resolve_place(network, int(item)),)
    if item == "detect":
        return head_inputs(network)
    if item not in _KEYWORDS:
        return _select(network, _INSIDE.sub(lambda found: _spelled(network, found), item))
    known = strides() if callable(strides) else strides
    return stage_ends(network, known) if item == "stages" else level(network, known, int(item[1:]))


def named_places(network: Network, strides: Strides) -> tuple[Place, ...]:
    """Every name that means something in this network.

    First the keywords, without those that no layer or only unknown strides answer to; then each
    module in file order, by its name alone where that is enough, else by section.
    """
    found = []
    for name, meaning in _KEYWORDS.items():
        with suppress(PlaceError):
            found.append(Place(name, resolve(network, name, strides), meaning))
    for module, layers in _by_module(network.layers).items():
        if len(layers) == 1 and module not in _KEYWORDS:
            options = [Place(module, (layers[0].key,), f"the only {module}")]
        else:
            options = [_of_section(section, module, layers) for section in SECTIONS]
        found += [place for place in options if place.keys and _spells(network, place)]
    return tuple(found)


def _of_section(section: str, module: str, layers: Iterable[Layer]) -> Place:
    keys = tuple(layer.key for layer in layers if layer.section == section)
    count = f"{len(keys)} {module}" if len(keys) > 1 else module
    return Place(f"{section}.{module}", keys, f"the {count} of the {section}")


def _spells(network: Network, place: Place) -> bool:
    """Whether the name means these layers, as the odd module name with a comma in it does not."""
    with suppress(PlaceError):
        return resolve(network, place.name, ()) == place.keys
    return False


def _select(network: Network, text: str) -> tuple[int, ...]:
    """The layers of a selector by module, by section or by both."""
    match = _SELECTOR.fullmatch(text)
    section, module, which = match.groups() if match else (None, text, None)
    if section and not module and which is None:
        raise PlaceError(
            f"{section} is a section, not a layer",
            hint=f"All of its layers: {section}.*; one of them: {section}[0], {section}[-1].",
        )
    every = section is not None and module in {"", "*"}
    layers = [
        layer
        for layer in network.layers
        if section in {None, layer.section} and (every or layer.module == module)
    ]
    if not layers:
        raise _unknown(network, text, section, module)
    keys = tuple(layer.key for layer in layers)
    if which is None and section is None and len(keys) > 1:
        raise _several(network, module, layers)
    if which is None or which.strip() == "*":
        return keys
    return (keys[_position(network, text, which.strip(), keys)],)


def _spelled(network: Network, found: re.Match[str]) -> str:
    """`C3[SE]` as the file spells it, C3SE or C3_SE; unchanged if it has no such block."""
    block, attention = found.groups()
    there = {layer.module for layer in network.layers}
    return next(
        (name for name in (block + attention, f"{block}_{attention}") if name in there), found[0]
    )


def _position(network: Network, text: str, which: str, keys: Sequence[int]) -> int:
    """The number in the brackets of a selector that means one of these layers."""
    count = len(keys)
    if _INDEX.fullmatch(which) and -count <= int(which) < count:
        return int(which)
    problem = f"there is no {text}: it can mean {count} layer{'s' * (count > 1)}"
    if not _INDEX.fullmatch(which):
        problem = f"{text}: {which or 'nothing'} in the brackets is neither a number nor *"
    valid = f"[0] to [{count - 1}], [{-count}] to [-1]" if count > 1 else "[0], [-1]"
    raise PlaceError(problem, hint=f"In file order: {names(network, keys)}. Valid: {valid}, [*].")


def _several(network: Network, module: str, layers: Sequence[Layer]) -> PlaceError:
    indexes: dict[str, list[str]] = {}
    for layer in layers:
        indexes.setdefault(layer.section, []).append(str(network.index[layer.key]))
    there = " and ".join(f"{', '.join(each)} in the {section}" for section, each in indexes.items())
    sections = " or ".join(f"{section}.{module}" for section in indexes)
    return PlaceError(
        f"{module} could be any of {len(layers)} layers: {there}",
        hint=f"One of them: {module}[0], {module}[-1]. All of them: {module}[*]. "
        f"All of a section: {sections}.",
    )


def _unknown(network: Network, text: str, section: str | None, module: str) -> PlaceError:
    option = _OPTION.fullmatch(text)
    if option:
        return PlaceError(f"{text} is no place: `insert` takes it as --{option[1]} {option[2]}")
    where = f"the {section}" if section else "this file"
    there = _by_module(each for each in network.layers if section in {None, each.section})
    folded = {name.casefold(): f"{section}.{name}" if section else name for name in there}
    if section is None:
        # After the modules: who writes DETECT means the keyword, not the head itself.
        folded |= {name.casefold(): name for name in _KEYWORDS}
    close = [folded[each] for each in get_close_matches(module.casefold(), folded, cutoff=0.5)]
    other = [layer.section for layer in network.layers if layer.module == module]
    guess = f"Did you mean {' or '.join([f'{each}.{module}' for each in other[:1]] or close)}? "
    return PlaceError(
        f"{text or 'an empty text'} is no place: no layer of {where} has the module {module}",
        hint=f"{guess if other or close else ''}"
        f"Modules of {where}: {', '.join(there) or 'none'}. {_LISTING}",
    )


def _by_module(layers: Iterable[Layer]) -> dict[str, list[Layer]]:
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        found.setdefault(layer.module, []).append(layer)
    return found
