"""Which rows of two networks correspond: the alignment at the least total cost.

Rows are aligned as sequences (Needleman and Wunsch, J. Mol. Biol. 48, 1970), by module, args,
number and section alone. Only a band around the diagonal is computed, wide enough that no better
alignment can leave it (Ukkonen, Inform. Control 64, 1985). Where two long networks have so little
in common that even the band would be too large, they are cut where several rows in a row occur once
in both, or else into equal parts, and these are aligned: the result is then a good alignment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from yaml_attn.config.network import Layer

# Costs of a pair of rows, added up, and of a row without partner. Two rows that differ in
# everything (8) cost no more than two without partner (8 to 10), so that a new module in the
# place of an old one is a replacement; a module that the other network has nowhere has most
# likely been inserted.
_OTHER_SECTION: Final = 1
_OTHER_NUMBER: Final = 1
_OTHER_ARGS: Final = 2
_OTHER_MODULE: Final = 4
_ALONE: Final = 5
_ALONE_AND_FOREIGN: Final = 4
_NEVER: Final = 100
_OUTSIDE: Final = 2**60

# Networks of 1,000 rows are aligned at the least cost whatever they are; real ones have 300.
_MOST_CELLS: Final = 1_000_000
_FIRST_MARGIN: Final = 8
_PART: Final = 256
_IN_A_ROW: Final = 8


class _Row(NamedTuple):
    """A row as far as its place matters, each part a number that equal ones have in common."""

    module: int
    joins: bool
    args: int
    number: int
    section: int
    alone: int


def align(old: Sequence[Layer], new: Sequence[Layer]) -> dict[int, int]:
    """Old index -> new index of the rows that correspond; gaps stand as low as they can."""
    rows, others = _read(old, new)
    pairs: dict[int, int] = {}
    for (i, j), (k, m) in pairwise(_cuts(rows, others)):
        pairs |= {i + a: j + b for a, b in _aligned(rows[i:k], others[j:m])}
    return pairs


def _read(old: Sequence[Layer], new: Sequence[Layer]) -> tuple[list[_Row], list[_Row]]:
    numbers: dict[Hashable, int] = {}
    here, there = ({layer.module for layer in layers} for layers in (old, new))

    def number(value: Hashable) -> int:
        return numbers.setdefault(value, len(numbers))

    def row(layer: Layer, others: set[str]) -> _Row:
        return _Row(
            number(layer.module),
            len(layer.sources) > 1,
            number(_frozen(list(layer.args))),
            number(_frozen(layer.number)),
            number(layer.section),
            _ALONE if layer.module in others else _ALONE_AND_FOREIGN,
        )

    return [row(layer, there) for layer in old], [row(layer, here) for layer in new]


def _frozen(value: Any) -> Hashable:
    """What is equal for equal values, and can be looked up."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value if isinstance(value, Hashable) else repr(value)


def _aligned(old: Sequence[_Row], new: Sequence[_Row]) -> list[tuple[int, int]]:
    """Old and new index of the pairs at the least cost, from the last to the first."""
    # Of short ones the whole table is made at once.
    margin = _FIRST_MARGIN if len(old) * len(new) > _PART**2 else len(old) + len(new)
    while True:
        band = _Band(old, new, margin)
        enough = band.margin_needed()
        if enough <= margin:
            return band.pairs()
        margin = enough


def _cuts(old: Sequence[_Row], new: Sequence[_Row]) -> list[tuple[int, int]]:
    """Where to cut both into parts that can be aligned: start, cuts and end."""
    start, end = (0, 0), (len(old), len(new))
    if _affordable(old, new):
        return [start, end]
    cuts = [start]
    for (i, j), (k, m) in pairwise([*_once_in_both(old, new), end]):
        # After a part of this size, and before one that has nothing in common.
        if max(i - cuts[-1][0], j - cuts[-1][1], k - i, m - j) >= _PART:
            cuts.append((i, j))
    found = [start]
    for (i, j), (k, m) in pairwise([*cuts, end]):
        parts = 1 if _affordable(old[i:k], new[j:m]) else -(-max(k - i, m - j) // _PART)
        found += [
            (i + (k - i) * part // parts, j + (m - j) * part // parts)
            for part in range(1, parts + 1)
        ]
    return found


def _affordable(old: Sequence[_Row], new: Sequence[_Row]) -> bool:
    """Whether the least cost can be found in reasonable time."""
    if len(old) * len(new) <= _MOST_CELLS:
        return True
    wide = abs(len(old) - len(new)) + 1
    if len(old) * (wide + 2 * _FIRST_MARGIN) > _MOST_CELLS:
        return False
    margin = _Band(old, new, _FIRST_MARGIN).margin_needed()
    return len(old) * (wide + 2 * margin) <= _MOST_CELLS


def _once_in_both(old: Sequence[_Row], new: Sequence[_Row]) -> Iterator[tuple[int, int]]:
    """Where several rows in a row are equal and occur once, the longest series in order."""
    here, there = _once(old), _once(new)
    pairs = [(at, there[rows]) for rows, at in here.items() if rows in there]
    tails: list[int] = []  # the smallest end of a rising series of each length (patience sorting)
    ends: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        length = bisect_left(tails, j)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [j]
        ends[length : length + 1] = [index]
    series = []
    at = ends[-1] if ends else -1
    while at >= 0:
        series.append(pairs[at])
        at = before[at]
    return reversed(series)


def _once(rows: Sequence[_Row]) -> dict[tuple[_Row, ...], int]:
    """Series of rows that occur once -> where, in order."""
    found: dict[tuple[_Row, ...], int] = {}
    twice = set()
    for at in range(len(rows) - _IN_A_ROW + 1):
        series = tuple(rows[at : at + _IN_A_ROW])
        if series in found:
            twice.add(series)
        found[series] = at
    return {series: at for series, at in found.items() if series not in twice}


class _Band:
    """The table of least costs around the diagonal, `margin` cells beyond what lengths ask for."""

    def __init__(self, old: Sequence[_Row], new: Sequence[_Row], margin: int) -> None:
        self.old, self.new = old, new
        longer = len(new) - len(old)
        self.lowest, self.highest = min(0, longer) - margin, max(0, longer) + margin
        self.table: list[list[int]] = []
        self._fill()

    def _first(self, i: int) -> int:
        """The first column of a row of the table."""
        return max(0, i + self.lowest)

    def _fill(self) -> None:
        size = len(self.new)
        line = [0]
        for other in self.new[: min(size, self.highest)]:
            line.append(line[-1] + other.alone)
        self.table.append(line)
        # The innermost loop of all comparisons, written out.
        for i, (module, joins, args, number, section, alone) in enumerate(self.old, 1):
            above, shift = line, self._first(i) - self._first(i - 1)
            start, stop = self._first(i), min(size, i + self.highest)
            line = [] if start else [above[0] + alone]
            best = line[0] if line else _OUTSIDE
            # The cell above stands at `at`, the one above and to the left before it.
            at = len(line) + shift
            last = len(above)
            for other in self.new[start + len(line) - 1 : stop]:
                its_module, its_joins, its_args, its_number, its_section, its_alone = other
                best += its_alone
                paired = above[at - 1]
                if module != its_module:
                    # A join does not take the place of a row with one input.
                    paired += _OTHER_MODULE if joins == its_joins else _NEVER
                if args != its_args:
                    paired += _OTHER_ARGS
                if number != its_number:
                    paired += _OTHER_NUMBER
                if section != its_section:
                    paired += _OTHER_SECTION
                if paired < best:  # noqa: PLR1730 (`min` takes longer)
                    best = paired
                if at < last and above[at] + alone < best:
                    best = above[at] + alone
                line.append(best)
                at += 1
            self.table.append(line)

    def margin_needed(self) -> int:
        """The margin beyond which nothing costs as little as what was found."""
        # So many more gaps, and so many back, has a path to make that leaves the band.
        gaps = self.table[-1][-1] // _ALONE_AND_FOREIGN - abs(len(self.new) - len(self.old))
        return max(0, gaps // 2)

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of the cheapest way, of which gaps come last, from the last to the first."""
        found = []
        i, j = len(self.old), len(self.new)
        while i and j:
            here = self._at(i, j)
            if here == self._at(i, j - 1) + self.new[j - 1].alone:
                j -= 1
            elif here == self._at(i - 1, j) + self.old[i - 1].alone:
                i -= 1
            else:
                i, j = i - 1, j - 1
                found.append((i, j))
        return found

    def _at(self, i: int, j: int) -> int:
        line, at = self.table[i], j - self._first(i)
        return line[at] if 0 <= at < len(line) else _OUTSIDE
