"""The variants of a study: each with its name and its edits, in an order that never changes.

Base by base: the base itself, each module at each choice of places, each replacement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yaml_attn.ablation.attention import COUNTED, Attention, Swap, too_many
from yaml_attn.ablation.opening import Base
from yaml_attn.ablation.patterns import Labels
from yaml_attn.ablation.places import Choice, Place
from yaml_attn.ablation.study import Study
from yaml_attn.ablation.template import BASELINE, single_places, spell_module, spell_places
from yaml_attn.errors import PlaceError
from yaml_attn.planning import Insert, Replace, Request


@dataclass(frozen=True)
class Variant:
    """One config of a study.

    `module` is the mechanism's name, or a block's as the study spells it, `written` what the study
    calls the module of each request, `parameters` and `settings` are as an `Attention` has them; a
    base itself has none of these, no places and no requests. `problem` says why the edits cannot be
    made, where they cannot.
    """

    name: str
    base: Base
    module: str = ""
    written: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    requests: tuple[Request, ...] = ()
    problem: str | None = None

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.yaml"

    @property
    def spelled_module(self) -> str:
        """Module and parameters, as names have them; empty for a base."""
        return spell_module(self.module, self.parameters) if self.module else ""

    @property
    def shown_module(self) -> str:
        """Module and settings, as tables have them: `SE (ratio 16)`; `baseline` for a base."""
        if not self.module:
            return BASELINE
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{self.module} ({settings})" if settings else self.module

    @property
    def shown_places(self) -> tuple[str, ...]:
        """Each place by itself, however the study joins them."""
        return single_places(self.places)

    @property
    def labels(self) -> Labels:
        """What `include` and `exclude` may call it."""
        return {
            "name": [self.name],
            "module": [self.module, self.spelled_module, self.shown_module],
            "place": [
                *(join.join(self.shown_places) for join in ("+", ",", ", ")),
                spell_places(self.places),
            ],
            "base": [self.base.name, self.base.file],
            "scale": [self.base.scale or ""],
        }

    def __str__(self) -> str:
        if not self.requests:
            return f"{self.base.file} itself"
        return f"{self.shown_module} at {', '.join(self.shown_places)} of {self.base.file}"


def variants_of(study: Study, base: Base) -> Iterator[Variant]:
    """Everything that a study asks for of one base; some of it perhaps twice."""
    if study.baseline:
        yield Variant(study.name.fill(base.name, BASELINE, ""), base)
    for attention in study.attentions:
        for choice in study.choices:
            if choice.inputs == attention.inputs:
                for places in choice.combinations(_joined(base, choice)):
                    yield _inserting(study, base, attention, places)
    for swap in study.swaps:
        yield _swapping(study, base, swap)


def refuse_too_many(study: Study, bases: Sequence[Base]) -> None:
    """Refuse a study of more variants than it may have, before one of them is made.

    Raises:
        UsageError: it is one; says how many it asks for.
    """
    counts = [(len(bases) * (len(study.swaps) + study.baseline), study.bases[0].field)]
    for choice in study.choices:
        modules = sum(each.inputs == choice.inputs for each in study.attentions)
        places = sum(choice.count(len(_joined(base, choice)), COUNTED) for base in bases)
        counts.append((modules * places, choice.field))
    count = sum(each for each, _ in counts)
    if count > study.max_variants:
        _, blamed = max(counts, key=lambda each: each[0])
        raise blamed.wrong(*too_many(count, study.max_variants, "variants"))


def _joined(base: Base, choice: Choice) -> list[Sequence[Place]]:
    """The places that a choice is made of in a base."""
    return [one for each in choice.joined for one in _one_by_one(base, each)]


def _one_by_one(base: Base, joined: Sequence[Place]) -> Sequence[Sequence[Place]]:
    """Places that go together; of one alone, each layer that it means, if it says so."""
    layers = [layer for place in joined for layer in _layers(base, place)]
    return [layers] if len(joined) > 1 else [[layer] for layer in layers]


def _layers(base: Base, place: Place) -> Sequence[Place]:
    """A place as it is, or one for each layer that it means."""
    try:
        indexes = base.resolve(place.selector) if place.each else ()
    except PlaceError:
        # Another base has it; here the edit says what is wrong.
        indexes = ()
    return [place.at(index) for index in indexes] or [replace(place, each=False)]


def _inserting(study: Study, base: Base, attention: Attention, places: Sequence[Place]) -> Variant:
    written = tuple(map(str, places))
    asked = [(place, each) for place in places for each in attention.mechanisms]
    module = spell_module(attention.name, attention.parameters)
    return Variant(
        study.name.fill(base.name, module, spell_places(written)),
        base,
        attention.name,
        tuple(each.written for _, each in asked),
        attention.parameters,
        attention.settings,
        written,
        tuple(_request(study, each, place) for place, each in asked),
    )


def _request(study: Study, attention: Attention, place: Place) -> Insert:
    given: dict[str, Any] = {
        place.kind: place.selectors if len(place.selectors) > 1 else place.selector,
        # An edge names its reader itself.
        "consumers": "all" if place.kind == "edge" else study.consumers,
    }
    return Insert(
        attention.module, parameters=attention.parameters, channels=study.channels, **given
    )


def _swapping(study: Study, base: Base, swap: Swap) -> Variant:
    name = study.name.fill(base.name, spell_module(swap.block, {}), spell_places([swap.at]))
    request = Replace(all_of(base, swap.at), swap.block)
    return Variant(name, base, swap.block, (swap.block,), places=(swap.at,), requests=(request,))


def all_of(base: Base, at: str) -> str:
    """In a study C3 means every C3: that one of them alone is meant must be said."""
    return f"{at}[*]" if base.has_module(at) else at
