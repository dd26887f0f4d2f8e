"""Which new layers do not start as the identity: they disturb a pretrained network from the start.

A gate of 0.5 in the middle of a trained network halves what everything behind it was trained on.
`identity_init` lets a mechanism start as the identity; a few always do, a few never can (the
catalog says which). Rows alone tell, so that no torch is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yaml_attn.dialects.block_attention import parse
from yaml_attn.errors import UnknownModuleError
from yaml_attn.graph.network import Layer, Network
from yaml_attn.mechanisms.registry import AnyMechanism, find

PARAMETER: Final = "identity_init"

_OWN_ARGUMENTS: Final = {
    "BottleneckCSP": (4,),
    "C2": (4,),
    "C3k": (5,),
    "C3k2": (5, 6),  # 6 since Ultralytics 8.4
    "CrossConv": (6,),
    "GhostBottleneck": (3,),
    "Bottleneck": (4, 5),  # 5 in Ultralytics and YOLOv9
}
"""How many arguments a block has in a row before those of the attention in it, if not 4."""

MISSING: Final = "..."

_MOST_NAMED: Final = 4


@dataclass(frozen=True, slots=True)
class NotIdentity:
    """A layer that does not start as the identity.

    Attributes:
        index: of the layer.
        module: what its row names.
        args: what the row's arguments must be for it to start as the identity, "..." standing for
            those of its block that the row leaves out; None if there are none.
    """

    index: int
    module: str
    args: tuple[Any, ...] | None


def not_identity(
    network: Network,
    new: Container[int] | None = None,
    find: Callable[[str], AnyMechanism] = find,
) -> tuple[NotIdentity, ...]:
    """The attention layers that do not start as the identity.

    Args:
        network: the edited network.
        new: indexes of the layers to look at, those without trained weights; all unless given.
        find: finds the mechanisms that rows name.
    """
    found = (
        _not_identity(index, layer, find)
        for index, layer in enumerate(network.layers)
        if new is None or index in new
    )
    return tuple(each for each in found if each)


def identity_warning(layers: Sequence[NotIdentity]) -> str | None:
    """What `not_identity` found as a sentence that says what to type; None if it found nothing."""
    parts = []
    able = [each for each in layers if each.args is not None]
    if able:
        one = len(able) == 1
        parts.append(
            f"{_named(able)} {'does' if one else 'do'} not start as the identity, and "
            f"{'disturbs' if one else 'disturb'} the pretrained network from the first image on: "
            f"give {'its row' if one else 'their rows'} the arguments {_arguments(able)}, as "
            "`yaml-attn insert --identity-init` writes them."
        )
    unable = [each for each in layers if each.args is None]
    if unable:
        parts.append(
            f"{_named(unable)} {'has' if len(unable) == 1 else 'have'} no way to start as the "
            "identity: the pretrained network is disturbed from the first image on."
        )
    return " ".join(parts) or None


def _not_identity(
    index: int, layer: Layer, find: Callable[[str], AnyMechanism]
) -> NotIdentity | None:
    try:
        mechanism, own_counts = _attention(layer.module, find)
    except UnknownModuleError:
        return None
    # Only the catalog knows; of any other class its parameter tells.
    starts = getattr(mechanism, "identity", "asked")
    if starts == "always":
        return None
    names = [each.name for each in mechanism.parameters]
    if PARAMETER not in names or starts == "never":
        return NotIdentity(index, layer.module, None)
    at, given = names.index(PARAMETER), list(layer.args)
    if any(given[count + at : count + at + 1] == [True] for count in own_counts):
        return None
    return NotIdentity(index, layer.module, tuple(_asking(given, own_counts[-1], at, mechanism)))


def _attention(
    module: str, find: Callable[[str], AnyMechanism]
) -> tuple[AnyMechanism, Sequence[int]]:
    """The mechanism in a row, and how many arguments may stand before those of it."""
    composed = parse(module, find)
    if composed:
        return find(composed.mechanism), _OWN_ARGUMENTS.get(composed.block, (4,))
    mechanism = find(module)
    return mechanism, (mechanism.inputs,)


def _asking(given: Sequence[Any], count: int, at: int, mechanism: AnyMechanism) -> Iterator[Any]:
    """The arguments with which the mechanism starts as the identity."""
    before, own = given[:count], given[count:]
    yield from before
    if len(before) < count:
        yield "c2" if count == 1 else MISSING
    yield from own[:at]
    yield from (each.default for each in mechanism.parameters[len(own) : at])
    yield True
    yield from own[at + 1 :]


def _named(layers: Sequence[NotIdentity]) -> str:
    shown = [f"{each.index} ({each.module})" for each in layers[:_MOST_NAMED]]
    more = len(layers) - len(shown)
    listed = ", ".join(shown) + (f" and {more} more" if more else "")
    return f"{'layer' if len(layers) == 1 else 'layers'} {listed}"


def _arguments(layers: Sequence[NotIdentity]) -> str:
    texts = dict.fromkeys(_list(each.args or ()) for each in layers)
    shown = list(texts)[:_MOST_NAMED]
    return ", ".join(shown) + (" and so on" if len(texts) > len(shown) else "")


def _list(args: Sequence[Any]) -> str:
    return f"[{', '.join(each if isinstance(each, str) else repr(each) for each in args)}]"
