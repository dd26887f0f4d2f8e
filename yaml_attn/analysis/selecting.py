"""The layers that a user means by a place, and what to do where it means none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from yaml_attn.analysis.places import Given, resolve
from yaml_attn.dialects.block_attention import Composed, parse
from yaml_attn.errors import PlaceError, UnknownModuleError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import AnyMechanism, finds

Place: TypeAlias = int | str
"""An index or a selector, such as `P3,P4,P5`, `SPPF`, `backbone.C3[-1]`: see analysis/places.py."""

Find: TypeAlias = Callable[[str], AnyMechanism]


def select(network: Network, place: Place, find: Find, strides: Given) -> tuple[int, ...]:
    """The keys of the layers that `place` means.

    Raises:
        PlaceError: it means none; says what to write instead.
    """
    try:
        return resolve(network, place, strides)
    except PlaceError as error:
        if isinstance(place, str):
            error.hint = _joined(place) or _inside(network, place, find) or error.hint
        raise


def _joined(place: str) -> str | None:
    if "+" not in place:
        return None
    return (
        f"Places of one config are joined by commas: {place.replace('+', ',')} "
        "(by + in `ablate`, where commas separate configs)."
    )


def _inside(network: Network, place: str, find: Find) -> str | None:
    """What to write for attention that stands inside blocks alone."""
    meant = {find(name).name for name in map(str.strip, place.split(",")) if finds(name, find)}
    modules = dict.fromkeys(layer.module for layer in network.layers)
    meant -= modules.keys()
    found = [(module, _composed(module, find)) for module in modules]
    blocks = [module for module, composed in found if composed and composed.mechanism in meant]
    if not blocks:
        return None
    where = f"Here it stands inside blocks: {', '.join(f'{each}[*]' for each in blocks)}."
    return "\n".join([where, *(str(out_of(each, find)) for each in blocks)])


def out_of(module: str, find: Find) -> str | None:
    """How attention is taken out of a block; None if this is no block with attention."""
    composed = _composed(module, find)
    if composed is None:
        return None
    way = f"yaml-attn replace --at '{module}[*]' --module {composed.block}"
    return f"To take {composed.mechanism} out of it: {way}"


def _composed(module: str, find: Find) -> Composed | None:
    with suppress(UnknownModuleError):  # it can be taken apart in two ways
        return parse(module, find)
    return None
