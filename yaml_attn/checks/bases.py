"""The base that a config was made from: given, or found by the best alignment.

Looked for among the templates, the configs of an installed ultralytics (found, not imported) and
the files beside the config. A base is believed only where the config is that base with rows added
or renamed: then every reference has one right reading, and a kept number is certain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from yaml_attn.checks.attention import is_mechanism, is_strided, keeps_stride, may_resample
from yaml_attn.checks.candidates import ALIGNED, Base, Candidates
from yaml_attn.config.compare import Comparison, compare
from yaml_attn.config.document import Document
from yaml_attn.config.network import Layer, Network
from yaml_attn.dialects import family, recognise
from yaml_attn.dialects.strides import HEADS, halvings, is_known
from yaml_attn.files import installed, real_path, templates


@dataclass(frozen=True)
class Match:
    """A config aligned with a base.

    `certain`: the config is the base with rows added that keep the map's size, at most some
    modules renamed, so that a reference read otherwise is a mistake.
    """

    base: Base
    comparison: Comparison
    given: bool
    certain: bool

    @property
    def same_wiring(self) -> bool:
        """Whether the config has the base's layers, each reading what it reads there."""
        found = self.comparison
        return not (found.inserted or found.removed or found.replaced or found.rewired)

    @cached_property
    def old(self) -> Mapping[int, int]:
        """Index in the config -> index in the base."""
        pairs = {**self.comparison.index_map, **self.comparison.replaced}
        return {new: old for old, new in pairs.items()}


@dataclass
class Library:
    """The bases that configs are compared with, each read once."""

    given: Path | None = None
    trusted: Callable[[Path], bool] = field(default=lambda _: True)
    _folders: dict[Path, Candidates] = field(default_factory=dict, init=False)
    _trust: dict[Path, bool] = field(default_factory=dict, init=False)

    def match(
        self, path: Path | None, network: Network, settings: Mapping[str, Any]
    ) -> Match | None:
        """The config aligned with the given base, or with the best of those found.

        Raises:
            ConfigError: the given base cannot be read.
        """
        if self._given:
            return align(self._given, network, given=True)
        for found in _best(self._near(path, network, settings), network, settings):
            if found.base.is_official or self._trusts(found.base.path):
                return found
        return None

    def _near(
        self, path: Path | None, network: Network, settings: Mapping[str, Any]
    ) -> Iterator[Base]:
        """The bases that look most alike, the official ones first."""
        framework = family(recognise(network, settings))

        def fits(base: Base) -> bool:
            return base.path != path and family(recognise(base.network, base.settings)) == framework

        for official in self._official:
            yield from official.near(network, fits)
        if path is not None:
            folder = real_path(path).parent
            if folder not in self._folders:
                self._folders[folder] = Candidates.beside(folder)
            yield from self._folders[folder].near(
                network, lambda base: base.path.name != path.name and fits(base)
            )

    def _trusts(self, path: Path) -> bool:
        if path not in self._trust:
            self._trust[path] = self.trusted(path)
        return self._trust[path]

    @cached_property
    def _given(self) -> Base | None:
        if self.given is None:
            return None
        document = Document.load(self.given)
        return Base(self.given, "given", document.network, document.settings)

    @cached_property
    def _official(self) -> tuple[Candidates, ...]:
        return (
            Candidates(templates().values(), "template"),
            Candidates(installed().values(), "installed ultralytics"),
        )


def _best(candidates: Iterable[Base], network: Network, settings: Mapping[str, Any]) -> list[Match]:
    """The candidates that the config was made from by their rows, most alike first."""
    modules = Counter(layer.module for layer in network.layers)
    alike: dict[str, tuple[int, Base]] = {}
    for base in candidates:
        known = alike.get(base.rows)
        if known is None or _is_nearer(base, known[1], settings):
            theirs = Counter(layer.module for layer in base.network.layers)
            unlike = (theirs - modules).total() + (modules - theirs).total()
            alike[base.rows] = unlike, base
    ranked = sorted(alike.values(), key=lambda item: item[0])[:ALIGNED]
    matches = [align(base, network, given=False) for _, base in ranked]
    return sorted((match for match in matches if _is_copy(match, network)), key=_cost)


def _is_nearer(base: Base, known: Base, settings: Mapping[str, Any]) -> bool:
    """Whether of two bases with equal rows the later one is nearer; the official come first."""
    alike = base.is_official == known.is_official
    return alike and _in_common(base, settings) > _in_common(known, settings)


def _in_common(base: Base, settings: Mapping[str, Any]) -> int:
    return sum(base.settings.get(key) == value for key, value in settings.items())


def align(base: Base, network: Network, *, given: bool) -> Match:
    """A config compared with a base, and whether the base can be believed."""
    comparison = compare(base.network, network)
    match = Match(base, comparison, given, certain=False)
    certain = bool(comparison.inserted) and _is_copy(match, network)
    return Match(base, comparison, given, certain)


def _is_copy(match: Match, network: Network) -> bool:
    """Whether the config is the base with rows added that keep the map, and modules renamed."""
    comparison = match.comparison
    renamed = {
        (network.layers[new].module, match.base.network.layers[old].module)
        for old, new in comparison.replaced.items()
    }
    return (
        not comparison.removed
        and 2 * len(comparison.replaced) <= len(match.base.network)
        and all(
            _renamed(match.base.network.layers[old], network.layers[new])
            for old, new in comparison.replaced.items()
        )
        and all(_keeps_map(network.layers[index]) for index in comparison.inserted)
        # A new name that stands for several old ones is a new design: another backbone.
        and len({new for new, _ in renamed}) == len(renamed)
        and all(None not in (each.expected, each.reads) for each in comparison.rewired)
    )


def _keeps_map(layer: Layer) -> bool:
    if len(layer.sources) != 1 or layer.module in HEADS or is_strided(layer.args):
        return False
    if is_known(layer.module):
        return halvings(layer.module, layer.args) == 0
    return keeps_stride(layer) or not may_resample(layer)


def _renamed(old: Layer, new: Layer) -> bool:
    """Whether a row can stand for another: a block of a fork's own, not an attention."""
    if is_mechanism(new) or (old.module in HEADS) != (new.module in HEADS):
        return False
    if not is_known(new.module):
        return not is_strided(new.args) or bool(halvings(old.module, old.args))
    return halvings(old.module, old.args) == halvings(new.module, new.args)


def _cost(match: Match) -> int:
    """How unlike two configs are: a row's fate weighs more than what it says or reads.

    Nothing where the wiring is an official config's: a file beside may repeat what was changed.
    """
    if match.base.is_official and match.same_wiring:
        return 0
    found = match.comparison
    rows = 4 * len(found.replaced) + 5 * len(found.inserted)
    return rows + len(found.changed) + 2 * len(found.rewired)
