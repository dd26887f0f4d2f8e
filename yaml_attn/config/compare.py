"""Two networks that no edit of ours connects: how their layers correspond, and what changed.

The rows are aligned as sequences, at the least total cost (Needleman and Wunsch, J. Mol. Biol. 48,
1970) of the table below. What a row reads never decides, for a stale `from` is exactly what is
looked for: it only chooses between alignments of equal cost, such as which of three equal Convs
is the new one. Where even that does not choose, the later row counts as the inserted one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from yaml_attn.config.network import IMAGE, Layer, Network

# Costs of a pair of rows, added up, and of a row alone. Everything different (8) costs no more
# than one row removed and another inserted (8 to 10): a new module in the place of an old one is
# read as a replacement.
_OTHER_SECTION = 1
_OTHER_NUMBER = 1
_OTHER_ARGS = 2
_OTHER_MODULE = 4
_ALONE = 5
_ALONE_OF_FOREIGN_MODULE = 4
_NEVER = 20

_Wiring = Sequence[Sequence[int]]
_Surroundings = frozenset[tuple[str, int, str]]


@dataclass(frozen=True, slots=True)
class Rewired:
    """An input that reads another layer than a faithful edit would; all indexes are new ones.

    `expected` is None where the old row had no such input, `reads` where the new row has none.
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
        changed: old indexes of the survivors whose number, args or section differ.
        inserted: new indexes of the rows that stand for no old one.
        removed: old indexes of the rows that nothing stands for.
        rewired: inputs of surviving and replaced rows that read neither what they read before
            nor an inserted row that leads there through rows with one input.
    """

    index_map: Mapping[int, int]
    replaced: Mapping[int, int]
    changed: tuple[int, ...]
    inserted: tuple[int, ...]
    removed: tuple[int, ...]
    rewired: tuple[Rewired, ...]


def compare(old: Network, new: Network) -> Comparison:
    """What changed from `old` to `new`.

    Takes time in the product of their lengths: see the costs above for what counts as a change.
    """
    pairs = _align(old, new)
    kept = {i: j for i, j in pairs.items() if old.layers[i].module == new.layers[j].module}
    removed = [i for i in range(len(old)) if i not in pairs]
    inserted = sorted(set(range(len(new))).difference(pairs.values()))
    return Comparison(
        index_map=kept,
        replaced={i: j for i, j in pairs.items() if i not in kept},
        changed=tuple(i for i, j in kept.items() if _pair_cost(old.layers[i], new.layers[j])),
        inserted=tuple(inserted),
        removed=tuple(removed),
        rewired=tuple(_rewired(_wiring(old), _wiring(new), pairs, inserted)),
    )


def _rewired(
    old: _Wiring, new: _Wiring, pairs: Mapping[int, int], inserted: Collection[int]
) -> Iterator[Rewired]:
    removed = set(range(len(old))).difference(pairs)
    place = {IMAGE: IMAGE, **pairs}
    for before, after in pairs.items():
        for position, (was, reads) in enumerate(zip_longest(old[before], new[after])):
            kept = None if was is None else _through(old, was, removed)
            if kept in removed:
                continue  # it joined several inputs: what to read in its stead is anyone's choice
            expected = None if kept is None else place[kept]
            if expected is None or reads is None or _through(new, reads, inserted) != expected:
                yield Rewired(after, position, expected, reads)


def _align(old: Network, new: Network) -> dict[int, int]:
    """Old index -> new index of the rows that correspond, at the least total cost."""
    modules_old = {layer.module for layer in old.layers}
    modules_new = {layer.module for layer in new.layers}
    around_old = _surroundings(old, modules_new)
    around_new = _surroundings(new, modules_old)
    # One integer orders by cost first and by wiring second: `scale` exceeds any sum of ties.
    scale = 1 + sum(map(len, around_old)) + sum(map(len, around_new))

    def alone(layer: Layer, known: Collection[str]) -> int:
        return scale * (_ALONE if layer.module in known else _ALONE_OF_FOREIGN_MODULE)

    remove = [alone(layer, modules_new) for layer in old.layers]
    insert = [alone(layer, modules_old) for layer in new.layers]
    table = [[0]]
    for cost in insert:
        table[0].append(table[0][-1] + cost)
    for layer, around, gap in zip(old.layers, around_old, remove, strict=True):
        above = table[-1]
        row = [above[0] + gap]
        for j, other in enumerate(new.layers):
            pair = scale * _pair_cost(layer, other) + len(around ^ around_new[j])
            row.append(min(row[j] + insert[j], above[j + 1] + gap, above[j] + pair))
        table.append(row)

    pairs = {}
    i, j = len(old), len(new)
    while i or j:
        if j and table[i][j] == table[i][j - 1] + insert[j - 1]:
            j -= 1
        elif i and table[i][j] == table[i - 1][j] + remove[i - 1]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            pairs[i] = j
    return dict(sorted(pairs.items()))


def _pair_cost(old: Layer, new: Layer) -> int:
    """What it costs to say that `new` is what became of `old`; 0 if the rows are equal."""
    cost = 0
    if old.module != new.module:
        if (len(old.sources) > 1) != (len(new.sources) > 1):
            return _NEVER  # a join does not take the place of a row with one input
        cost += _OTHER_MODULE
    if list(old.args) != list(new.args):
        cost += _OTHER_ARGS
    if old.number != new.number:
        cost += _OTHER_NUMBER
    if old.section != new.section:
        cost += _OTHER_SECTION
    return cost


def _surroundings(network: Network, known: Collection[str]) -> list[_Surroundings]:
    """Per layer: the rows it reads and those that read it, by what they say and by position.

    Modules that the other network has not are looked through: an attention changes nothing.
    """
    wiring = _wiring(network)
    foreign = {i for i, layer in enumerate(network.layers) if layer.module not in known}
    says = [f"{layer.module} {layer.number} {layer.args}" for layer in network.layers]
    around: list[set[tuple[str, int, str]]] = [set() for _ in says]
    for reader, sources in enumerate(wiring):
        for position, nearest in enumerate(sources):
            source = _through(wiring, nearest, foreign)
            around[reader].add(("reads", position, "image" if source == IMAGE else says[source]))
            if source != IMAGE and reader not in foreign:
                around[source].add(("read by", position, says[reader]))
    return [frozenset(found) for found in around]


def _wiring(network: Network) -> _Wiring:
    """Per layer the indexes of the layers it reads."""
    index = {IMAGE: IMAGE, **network.index}
    return [[index[source.key] for source in layer.sources] for layer in network.layers]


def _through(wiring: _Wiring, index: int, skipped: Collection[int]) -> int:
    """The layer itself, or the first one that is not skipped up its chain of only inputs."""
    while index in skipped and len(wiring[index]) == 1:
        index = wiring[index][0]
    return index
