"""An edited network written into the text it came from, and the proof that it was.

Only the spans whose spelling changed are replaced: references, and the layer numbers that open
trailing comments. New rows are added in the style of the row beside them, removed rows cut out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from yaml_attn.config.document import Document, Row, network_of
from yaml_attn.config.edits import contract
from yaml_attn.config.layout import Splice, add_after, add_before, cut, render, splice
from yaml_attn.config.network import IMAGE, Layer, Network
from yaml_attn.config.syntax import Span, write_scalar
from yaml_attn.errors import ConfigError, InternalError, PlaceError

_ANCHOR = re.compile(r"&([^\s\[\]{},]+)")
_WRITE_OUT = "Write the value out in both places, without anchor and alias."


def rewrite(document: Document, network: Network) -> str:
    """The document's text with this network in it.

    A layer whose key is the index of a row is that row, moved; any other key is a new row; a row
    whose index is no layer's key is cut out.

    Raises:
        PlaceError: what is replaced or removed is an alias, or has an anchor that is used.
    """
    splices: list[Splice] = []
    for at, layer in enumerate(network.layers):
        if layer.key < len(document.rows):
            splices += _respell(document, network, layer, at)
    for new in _runs(network, range(len(document.rows))):
        splices += _add(document, network, new)
    gone = [index for index in range(len(document.rows)) if index not in network.index]
    ends = {layer.section: layer.key for layer in network.layers}
    for first, last in _consecutive(document, gone):
        end = ends[document.rows[first].section]
        splices += cut(document, first, last, list_goes_on=end >= len(document.rows))
    _refuse_lost_anchors(document, splices)
    return splice(document.text, splices)


def _refuse_lost_anchors(document: Document, splices: Sequence[Splice]) -> None:
    for (start, end), _ in splices:
        for name in _ANCHOR.findall(document.text[start:end]):
            if re.search(rf"\*{re.escape(name)}(?![^\s\[\]{{}},])", document.text):
                raise PlaceError(
                    f"what is to be replaced or removed has the anchor &{name}, and *{name} "
                    "elsewhere means it",
                    line=document.text.count("\n", 0, start) + 1,
                    hint=_WRITE_OUT,
                )


def _runs(network: Network, known: Collection[int]) -> Iterator[list[Layer]]:
    """New layers that stand behind one another in one section."""
    for _, layers in groupby(network.layers, lambda layer: (layer.section, layer.key in known)):
        run = list(layers)
        if run[0].key not in known:
            yield run


def _consecutive(document: Document, indexes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """First and last of runs of rows that stand behind one another in one section."""
    runs = groupby(
        enumerate(indexes), lambda item: (item[1] - item[0], document.rows[item[1]].section)
    )
    for _, run in runs:
        found = [index for _, index in run]
        yield found[0], found[-1]


def prove(document: Document, network: Network, text: str) -> None:
    """Read the written text anew and compare: the planned network, and nothing else changed.

    Raises:
        InternalError: it is not. Nothing may be written then.
    """
    try:
        written, settings = network_of(text)
    except ConfigError as error:
        raise _broken(f"the new text cannot be read ({error.message})") from None
    if not _same(settings, document.settings):
        raise _broken("a key other than backbone and head would have changed")
    if not _same(written.rows(), network.rows()):
        raise _broken("the new text does not hold the planned rows")
    # What is read from the text alone, with the edits undone, must be the base's wiring again.
    new = [at for at, layer in enumerate(network.layers) if layer.key >= len(document.rows)]
    removed = [key for key in document.network.index if key not in network.index]
    if _wiring(contract(written, new)) != _wiring(contract(document.network, removed)):
        raise _broken("a layer would read another layer than before")


def _wiring(network: Network) -> list[tuple[str, list[int]]]:
    """Per layer its section and what it reads: not as it is spelled, which the rows above are."""
    index = {IMAGE: IMAGE, **network.index}
    return [
        (layer.section, [index[source.key] for source in layer.sources]) for layer in network.layers
    ]


def _same(one: Any, other: Any) -> bool:
    """Whether plain data are equal; what is no number (`.nan`) equals itself here."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and _same(list(one.values()), list(other.values()))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124


def _broken(message: str) -> InternalError:
    return InternalError(
        f"{message}; nothing was written",
        hint="This is a bug in yaml-attn. Please report it with the base config and the command.",
    )


def _respell(document: Document, network: Network, layer: Layer, at: int) -> list[Splice]:
    row = document.rows[layer.key]
    base = document.network
    found = []
    before = base.layers[layer.key].sources
    for span, source, old in zip(row.references, layer.sources, before, strict=True):
        spelled = network.spell_source(source, at)
        # Compared by value: a number that stays keeps the user's spelling of it.
        if spelled != base.spell_source(old, layer.key):
            found.append(Splice(span, str(spelled)))
    if row.comment_index and at != layer.key:
        found.append(Splice(row.comment_index, document.spell_comment(row.comment_index, at)))
    origin = base.layers[layer.key]
    if layer.module != origin.module:
        found.append(_exchange(row, row.module, write_scalar(layer.module)))
    if list(layer.args) != list(origin.args):
        neighbour = document.text[slice(*row.span)]
        found.append(_exchange(row, row.args, render(layer.args, neighbour)))
    return found


def _exchange(row: Row, item: Span, new: str) -> Splice:
    if item.start < row.span.start:
        raise PlaceError(
            "what is to be replaced is an alias of what stands elsewhere",
            line=row.line,
            hint=_WRITE_OUT,
        )
    return Splice(item, new)


def _add(document: Document, network: Network, new: Sequence[Layer]) -> list[Splice]:
    """New rows, behind the row above in their section, else above the first one below."""
    at = network.index[new[0].key]
    values = [network.row(layer) for layer in new]
    above = network.layers[at - 1] if at else None
    if above and above.section == new[0].section:
        return add_after(document, document.rows[above.key], values)
    below = network.layers[network.index[new[-1].key] + 1]
    return add_before(document, document.rows[below.key], values)
