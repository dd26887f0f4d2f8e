"""A study expanded: which variants it is, that they can be made, and what stands in their way.

The edits are made once to learn which of them can be, and which give the same file; nothing is
written as text or built here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, cast

from yaml_attn.ablation.opening import Base, open_bases
from yaml_attn.ablation.study import Study
from yaml_attn.ablation.variants import Variant, all_of, refuse_too_many, variants_of
from yaml_attn.errors import ConfigError, PlaceError, UsageError, YamlAttnError

_LONGEST: Final = 255
"""Bytes of a file's name."""


@dataclass(frozen=True)
class Expansion:
    """What a study asks for: variants in order, and the names of those that are the same file."""

    bases: tuple[Base, ...]
    variants: tuple[Variant, ...]
    merged: Mapping[str, str]


def expand(study: Study) -> Expansion:
    """Every variant of a study, once.

    Raises:
        UsageError: a base cannot be read, a place is in no base, there would be too many, a pattern
            fits no variant, two variants would have one name, or a name would be misread.
    """
    bases = open_bases(study)
    _refuse_unknown_places(study, bases)
    refuse_too_many(study, bases)
    asked = _distinct(each for base in bases for each in variants_of(study, base))
    tried = [_tried(each) for each in _selected(study, asked)]
    content = {each.name: text for each, text in tried if text}
    variants, merged = _merged(tried)
    _refuse_long_names(study, variants)
    _refuse_shared_names(study, variants)
    _refuse_misread(variants, content)
    return Expansion(bases, variants, merged)


def reason(error: YamlAttnError) -> str:
    """What is wrong, without the place of the file on this machine."""
    return error.message if error.layer is None else f"layer {error.layer}: {error.message}"


def _refuse_unknown_places(study: Study, bases: Sequence[Base]) -> None:
    """Refuse what is a place in no base; what is one in some is their variants' own problem."""
    inserted = [
        (choice.field, selector, False)
        for choice in study.choices
        for place in choice.places
        for selector in place.selectors
    ]
    replaced = [(swap.field, swap.at, True) for swap in study.swaps]
    for field_, selector, all_ in [*inserted, *replaced]:
        problems = [_problem(base, selector, all_=all_) for base in bases]
        if all(problems):
            raise field_.within(cast("PlaceError", problems[0]))


def _problem(base: Base, selector: str, *, all_: bool) -> PlaceError | None:
    """Why a selector means no layer of a base; None if it means some."""
    try:
        base.resolve(all_of(base, selector) if all_ else selector)
    except PlaceError as error:
        return error
    return None


def _selected(study: Study, candidates: Sequence[Variant]) -> list[Variant]:
    """The variants that `include` and `exclude` leave; a base itself is not asked."""
    labels = {id(each): each.labels for each in candidates if each.requests}
    for pattern in (*study.include, *study.exclude):
        if not any(map(pattern.fits, labels.values())):
            there = " ".join(pattern.choices(labels.values()))
            raise pattern.field.wrong(
                "fits none of the variants", f"{there} In a pattern, `*` is any text."
            )

    def wanted(each: Variant) -> bool:
        included = not study.include or any(one.fits(labels[id(each)]) for one in study.include)
        return included and not any(one.fits(labels[id(each)]) for one in study.exclude)

    found = [each for each in candidates if not each.requests or wanted(each)]
    if not any(each.requests for each in found):
        raise study.exclude[0].field.wrong("none of the variants is left")
    return found


def _distinct(asked: Iterable[Variant]) -> list[Variant]:
    """Each variant once, though several items of the study name it."""
    found: dict[tuple[str, str, str], Variant] = {}
    for each in asked:
        found.setdefault((each.base.name, each.base.file, str(each.requests)), each)
    return list(found.values())


def _tried(variant: Variant) -> tuple[Variant, str | None]:
    """A variant with a digest of what its file will say; with its problem if it cannot be."""
    document = variant.base.config.document
    try:
        network = variant.base.config.edit(*variant.requests).network
    except (UsageError, ConfigError) as error:
        return replace(variant, problem=reason(error)), None
    # All that is not in the rows is the base's own text.
    return variant, sha256(f"{document.text}{network.rows()}".encode()).hexdigest()


def _merged(
    tried: Iterable[tuple[Variant, str | None]],
) -> tuple[tuple[Variant, ...], dict[str, str]]:
    """Variants of different content, and of the others the name of the one that they are."""
    variants: list[Variant] = []
    merged: dict[str, str] = {}
    first: dict[tuple[str | None, str], str] = {}
    for variant, text in tried:
        key = variant.base.scale, text or ""
        if text is None:
            variants.append(variant)
        elif key not in first:
            variants.append(variant)
            first[key] = variant.name
        elif first[key] != variant.name:
            merged[variant.name] = first[key]
    return tuple(variants), merged


def _refuse_long_names(study: Study, variants: Sequence[Variant]) -> None:
    """Refuse a name that no file system takes, before the first file is written."""
    for each in variants:
        length = len(each.file.encode("utf-8", "surrogatepass"))
        if length > _LONGEST:
            blamed = study.name.field or each.base.field
            raise blamed.wrong(
                f"the file of {each} would be called {each.file}, which is {length} bytes long",
                f"File systems take {_LONGEST}. Choose shorter names with `name`.",
            )


def _refuse_shared_names(study: Study, variants: Sequence[Variant]) -> None:
    """Refuse two variants of one name, also where a file system takes two names for one."""
    named: dict[str, Variant] = {}
    for each in variants:
        other = named.setdefault(each.name.casefold(), each)
        if other is each:
            continue
        if each.base.name.casefold() == other.base.name.casefold() and each.base != other.base:
            blamed = each.base.field
            hint = "Name the bases: {one: folder/yolov5s.yaml, two: other/yolov5s.yaml}."
        else:
            blamed = study.name.field or each.base.field
            hint = "Tell them apart with {base}, {module} and {place} in `name`."
        raise blamed.wrong(f"two variants would be called {each.name}: {other}, and {each}", hint)


def _refuse_misread(variants: Sequence[Variant], content: Mapping[str, str]) -> None:
    """Refuse names by which a framework would load another file, or another scale."""
    for each in variants:
        problem = each.base.misread(each.file)
        if problem:
            raise each.base.field.wrong(problem)
        other = (each.base.opened_instead(each.file) or "").removesuffix(".yaml")
        if other in content and content[other] != content.get(each.name):
            raise each.base.field.wrong(
                f"Ultralytics would take {each.file} for {other}.yaml at another scale",
                "Choose other names with `name`.",
            )
