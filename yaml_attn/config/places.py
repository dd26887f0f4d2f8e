"""Where an edit goes: what the user writes, resolved to a layer of the network as it is."""

from __future__ import annotations

from yaml_attn.config.network import Network
from yaml_attn.errors import PlaceError


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
