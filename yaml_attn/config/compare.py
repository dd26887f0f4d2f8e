"""Two networks that no edit of ours connects: how their layers correspond, and what changed.

The rows are aligned by module, args, number and section alone (`alignment`): what a row reads has
no say, for a stale `from` is exactly what is looked for. Wiring only chooses which of several equal
rows is the new one; where that leaves a choice too, it is the last of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from yaml_attn.config.alignment import align
from yaml_attn.config.network import IMAGE, Layer, Network

# How many other alignments are tried. Of 847 comparisons of published configs none tries more than
# 37; hundreds of equal rows, which nobody has, would take a minute to try them all. Each try looks
# at every row, so that beyond 1,000 rows there are fewer.
_MOST_TRIES = 500
_MOST_LOOKS = 500_000

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
    pairs = _settle(old, new, align(old.layers, new.layers))
    kept = {i: j for i, j in pairs.items() if old.layers[i].module == new.layers[j].module}
    return Comparison(
        index_map=kept,
        replaced={i: j for i, j in pairs.items() if i not in kept},
        changed=tuple(i for i, j in kept.items() if not _same(old.layers[i], new.layers[j])),
        inserted=tuple(sorted(set(range(len(new))).difference(pairs.values()))),
        removed=tuple(sorted(set(range(len(old))).difference(pairs))),
        rewired=tuple(_rewired(_wiring(old), _wiring(new), pairs)),
    )


def _settle(old: Network, new: Network, pairs: dict[int, int]) -> dict[int, int]:
    """The alignment with the fewest rewired inputs that sliding gaps past equal rows reaches.

    Which of equal rows is the new one shows only in who reads them, perhaps far below.
    """
    wiring = _wiring(old), _wiring(new)

    def rewired(pairs: _Pairs) -> int:
        return len(list(_rewired(*wiring, pairs)))

    tries = iter(range(min(_MOST_TRIES, 1 + _MOST_LOOKS // (1 + len(old) + len(new)))))
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

    Upwards is enough: `align` leaves gaps as low as they can be.
    """
    for gap in (at + 1 for at in sorted(partner) if at + 1 not in partner):
        for size in range(1, len(layers) - gap + 1):
            if gap + size - 1 in partner:
                break
            slid, at = partner, gap - 1
            while at in slid and _same(layers[at], layers[at + size]):
                slid = {(k + size if k == at else k): other for k, other in slid.items()}
                yield slid
                at -= 1


def _same(layer: Layer, other: Layer) -> bool:
    """Whether two rows say the same, but for what they read."""
    return (layer.module, list(layer.args), layer.number, layer.section) == (
        other.module,
        list(other.args),
        other.number,
        other.section,
    )


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
