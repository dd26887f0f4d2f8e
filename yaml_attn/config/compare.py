"""Two networks that no edit of ours connects: how their layers correspond, and what changed.

The rows are aligned as sequences at the least total cost (Needleman and Wunsch, J. Mol. Biol. 48,
1970), by module, args, number and section alone: what a row reads has no say, for a stale `from`
is exactly what is looked for. Wiring only chooses which of several equal rows is the new one; where
that leaves a choice too, it is the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from yaml_attn.config.network import IMAGE, Layer, Network

# Costs of a pair of rows, added up, and of a row without partner. Two rows that differ in
# everything (8) cost no more than two without partner (8 to 10), so that a new module in the
# place of an old one is a replacement; a module that the other network has nowhere has most
# likely been inserted.
_OTHER_SECTION = 1
_OTHER_NUMBER = 1
_OTHER_ARGS = 2
_OTHER_MODULE = 4
_ALONE = 5
_ALONE_AND_FOREIGN = 4
_NEVER = 100

# How many other alignments are tried. Of 847 comparisons of published configs none tries more than
# 37; hundreds of equal rows, which nobody has, would take a minute to try them all.
_MOST_TRIES = 500

_Wiring = Sequence[Sequence[int]]
_Pairs = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Rewired:
    """An input that reads another layer than a faithful edit would; all indexes are new ones.

    `position` counts the inputs of layer `index` from 0. `expected` is None where the old row had
    no such input, `reads` is None where the new row has none; the image is -1.
    """

    index: int
    position: int
    expected: int | None
    reads: int | None


@dataclass(frozen=True)
class Comparison:
    """How the layers of two networks correspond, by index, and what changed between them.

    Attributes:
        index_map: old -> new, for every layer that survived, which is: kept its module.
        replaced: old -> new, for every row with another module in its place.
        changed: old indexes of the survivors whose args, number or section differ.
        inserted: new indexes of the rows that stand for no old one.
        removed: old indexes of the rows that nothing stands for.
        rewired: inputs of surviving and replaced rows that read neither what they read before
            nor an inserted row that leads there through rows with one input each.
    """

    index_map: Mapping[int, int]
    replaced: Mapping[int, int]
    changed: tuple[int, ...]
    inserted: tuple[int, ...]
    removed: tuple[int, ...]
    rewired: tuple[Rewired, ...]


def compare(old: Network, new: Network) -> Comparison:
    """What changed from `old` to `new`, however little they have in common."""
    pairs = _settle(old, new, _align(old.layers, new.layers))
    kept = {i: j for i, j in pairs.items() if old.layers[i].module == new.layers[j].module}
    return Comparison(
        index_map=kept,
        replaced={i: j for i, j in pairs.items() if i not in kept},
        changed=tuple(i for i, j in kept.items() if _cost(old.layers[i], new.layers[j])),
        inserted=tuple(sorted(set(range(len(new))).difference(pairs.values()))),
        removed=tuple(sorted(set(range(len(old))).difference(pairs))),
        rewired=tuple(_rewired(_wiring(old), _wiring(new), pairs)),
    )


def _align(old: Sequence[Layer], new: Sequence[Layer]) -> dict[int, int]:
    """Old index -> new index of the rows that correspond, at the least total cost."""
    remove, insert = _costs_alone(old, new), _costs_alone(new, old)
    table = [[0]]
    for gap in insert:
        table[0].append(table[0][-1] + gap)
    for layer, gap in zip(old, remove, strict=True):
        above = table[-1]
        row = [above[0] + gap]
        for j, other in enumerate(new):
            paired = above[j] + _cost(layer, other)
            row.append(min(paired, row[j] + insert[j], above[j + 1] + gap))
        table.append(row)

    pairs = {}
    i, j = len(old), len(new)
    while i and j:
        if table[i][j] == table[i][j - 1] + insert[j - 1]:
            j -= 1
        elif table[i][j] == table[i - 1][j] + remove[i - 1]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            pairs[i] = j
    return pairs


def _costs_alone(layers: Sequence[Layer], others: Sequence[Layer]) -> list[int]:
    known = {other.module for other in others}
    return [_ALONE if layer.module in known else _ALONE_AND_FOREIGN for layer in layers]


def _cost(layer: Layer, other: Layer) -> int:
    """What it costs that one row stands for the other: 0 if they say the same."""
    cost = 0
    if layer.module != other.module:
        if (len(layer.sources) > 1) != (len(other.sources) > 1):
            return _NEVER  # a join does not take the place of a row with one input
        cost += _OTHER_MODULE
    if list(layer.args) != list(other.args):
        cost += _OTHER_ARGS
    if layer.number != other.number:
        cost += _OTHER_NUMBER
    if layer.section != other.section:
        cost += _OTHER_SECTION
    return cost


def _settle(old: Network, new: Network, pairs: dict[int, int]) -> dict[int, int]:
    """The alignment with the fewest rewired inputs that sliding gaps past equal rows reaches.

    Which of equal rows is the new one shows only in who reads them, perhaps far below.
    """
    wiring = _wiring(old), _wiring(new)

    def rewired(pairs: _Pairs) -> int:
        return len(list(_rewired(*wiring, pairs)))

    tries = iter(range(_MOST_TRIES))
    fewest, settled = rewired(pairs), False
    while fewest and not settled:
        settled = True
        slides_new = _slides(new.layers, _inverse(pairs))
        slides = chain(_slides(old.layers, pairs), map(_inverse, slides_new))
        for _, slid in zip(tries, slides, strict=False):
            count = rewired(slid)
            if count < fewest:
                pairs, fewest, settled = slid, count, False
                break
    return dict(sorted(pairs.items()))


def _slides(layers: Sequence[Layer], partner: dict[int, int]) -> Iterator[dict[int, int]]:
    """Every other `partner` that has one gap, of any length, higher up past equal rows.

    Upwards is enough: `_align` leaves gaps as low as they can be.
    """
    for gap in range(1, len(layers)):
        for size in range(1, len(layers) - gap + 1):
            if gap + size - 1 in partner:
                break
            slid, at = partner, gap - 1
            while at in slid and _cost(layers[at], layers[at + size]) == 0:
                slid = {(k + size if k == at else k): other for k, other in slid.items()}
                yield slid
                at -= 1


def _inverse(pairs: _Pairs) -> dict[int, int]:
    return {j: i for i, j in pairs.items()}


def _rewired(old: _Wiring, new: _Wiring, pairs: _Pairs) -> Iterator[Rewired]:
    removed = set(range(len(old))).difference(pairs)
    inserted = set(range(len(new))).difference(pairs.values())
    stands = {IMAGE: IMAGE, **pairs}
    for before, after in pairs.items():
        for position, (was, reads) in enumerate(zip_longest(old[before], new[after])):
            kept = _through(old, was, removed)
            if kept in removed:
                continue  # it joined several inputs: what to read in its stead is anyone's choice
            expected = None if kept is None else stands[kept]
            if _through(new, reads, inserted) != expected:
                yield Rewired(after, position, expected, reads)


def _through(wiring: _Wiring, index: int | None, skipped: set[int]) -> int | None:
    """The layer itself, or the first one that is not skipped up its chain of only inputs.

    None, which is an input that the other row has and this one has not, stays None.
    """
    while index in skipped and len(wiring[index]) == 1:
        index = wiring[index][0]
    return index


def _wiring(network: Network) -> _Wiring:
    """Per layer the indexes of the layers it reads."""
    index = {IMAGE: IMAGE, **network.index}
    return [[index[source.key] for source in layer.sources] for layer in network.layers]
