"""Weights moved along an index map: each tensor of a layer that survived, to its new index.

Frameworks load by key and shape alone. After an insertion the keys of all later layers mean other
layers: what still fits by accident is loaded, some of it into another layer, and the rest of the
network starts at random. Here it is known where each layer went, and what they would have done is
counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple, get_args

from torch import Tensor

from yaml_attn.weights.state import split

Shape = tuple[int, ...]

Outcome = Literal["transferred", "new", "dropped", "shape mismatch", "unverified"]

OUTCOMES: Final = get_args(Outcome)


class Moved(NamedTuple):
    """What became of one tensor.

    Attributes:
        source: its key in the checkpoint, None if it is new.
        target: its key in the new network, None if it is dropped.
        outcome: "new" tensors are those that nothing in the checkpoint stands for, "dropped" ones
            those that the new network has no place for, "unverified" ones go to a layer that is
            constructed otherwise than in the base, where it is not known what fits.
        before: its shape in the checkpoint.
        after: its shape in the new network.
    """

    source: str | None
    target: str | None
    outcome: Outcome
    before: Shape | None
    after: Shape | None


class Naive(NamedTuple):
    """What loading by key and shape alone would have transferred: tensors and their numbers."""

    right: int
    wrong: int
    right_numbers: int
    wrong_numbers: int

    @property
    def tensors(self) -> int:
        """What the framework would have reported as transferred."""
        return self.right + self.wrong


class LayerSummary(NamedTuple):
    """How many tensors of one layer had which outcome; old and new are its indexes."""

    old: int | None
    new: int | None
    transferred: int
    added: int
    dropped: int
    mismatched: int
    unverified: int


@dataclass(frozen=True)
class Transfer:
    """Weights moved to another network.

    Attributes:
        state: the transferred and the unverified tensors under their new keys.
        moved: what became of every tensor, in the order of the new network, dropped ones last.
        index_map: old index -> new index of every layer that survived or was replaced.
        naive: what loading by key and shape would have done.
        known: whether the shapes of the new network were known. If not, new tensors are not
            listed, and no shape is compared.
    """

    state: Mapping[str, Tensor]
    moved: tuple[Moved, ...]
    index_map: Mapping[int, int]
    naive: Naive
    known: bool

    def count(self, outcome: Outcome) -> int:
        """How many tensors had this outcome."""
        return sum(each.outcome == outcome for each in self.moved)

    @cached_property
    def numbers(self) -> int:
        """Numbers in the transferred tensors."""
        return sum(
            self.state[each.target].numel()
            for each in self.moved
            if each.outcome == "transferred" and each.target
        )

    @cached_property
    def layers(self) -> tuple[LayerSummary, ...]:
        """The outcomes by layer, new and surviving ones in the order of the new network."""
        groups: dict[tuple[int | None, int | None], list[Outcome]] = {}
        origin = {new: old for old, new in self.index_map.items()}
        for each in self.moved:
            if each.target is not None:
                new = split(each.target)[0]
                groups.setdefault((origin.get(new), new), []).append(each.outcome)
            elif each.source is not None:
                old = split(each.source)[0]
                groups.setdefault((old, self.index_map.get(old)), []).append(each.outcome)
        return tuple(
            LayerSummary(old, new, *map(outcomes.count, OUTCOMES))
            for (old, new), outcomes in groups.items()
        )


def transfer(
    state: Mapping[str, Tensor],
    index_map: Mapping[int, int],
    target: Mapping[str, Shape] | None = None,
    *,
    unsure: Collection[int] = (),
) -> Transfer:
    """Move each tensor of a surviving layer to the layer's new index.

    Of a layer whose module was replaced, what has the same name and shape there is moved.

    Args:
        state: tensors under keys `model.{index}.…`.
        index_map: old index -> new index of every layer that survived or was replaced.
        target: key -> shape of the new network, in its order. Without, what the new network needs
            is not known, and everything of a surviving layer is moved.
        unsure: old indexes of layers whose tensors need not fit, where the shapes are not known.
    """
    wanted = {renamed(key, index_map): key for key in state}
    wanted.pop(None, None)
    fits = {key: tuple(state[source].shape) for key, source in wanted.items() if key}
    known = fits if target is None else target
    moved = [_moved(key, shape, wanted.get(key), state, unsure) for key, shape in known.items()]
    used = {each.source for each in moved}
    moved += [
        Moved(key, None, "dropped", tuple(tensor.shape), None)
        for key, tensor in state.items()
        if key not in used
    ]
    carried = {
        each.target: state[each.source]
        for each in moved
        if each.outcome in {"transferred", "unverified"} and each.source and each.target
    }
    sure = {each.target for each in moved if each.outcome != "unverified"}
    would = naive(state, index_map, {key: known[key] for key in known if key in sure})
    return Transfer(carried, tuple(moved), index_map, would, target is not None)


def renamed(key: str, index_map: Mapping[int, int]) -> str | None:
    """The key with the layer's new index; None if the layer is gone."""
    index, rest = split(key)
    return f"model.{index_map[index]}.{rest}" if index in index_map else None


def naive(
    state: Mapping[str, Tensor], index_map: Mapping[int, int], target: Mapping[str, Shape]
) -> Naive:
    """What a framework's own loader would transfer: tensors of the same key and shape.

    It is right where the key still names the same layer, and wrong elsewhere.
    """
    same = [key for key in state if target.get(key) == tuple(state[key].shape)]
    right = [key for key in same if index_map.get(split(key)[0]) == split(key)[0]]
    wrong = set(same).difference(right)
    return Naive(len(right), len(wrong), _numbers(state, right), _numbers(state, wrong))


def _moved(
    key: str,
    shape: Shape,
    source: str | None,
    state: Mapping[str, Tensor],
    unsure: Collection[int],
) -> Moved:
    if source is None:
        return Moved(None, key, "new", None, shape)
    if split(source)[0] in unsure:
        return Moved(source, key, "unverified", tuple(state[source].shape), None)
    before = tuple(state[source].shape)
    outcome: Outcome = "transferred" if before == shape else "shape mismatch"
    return Moved(source, key, outcome, before, shape)


def _numbers(state: Mapping[str, Tensor], keys: Iterable[str]) -> int:
    return sum(state[key].numel() for key in keys)
