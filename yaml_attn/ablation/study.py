"""A study as its file or the command line says it: bases x (modules x places + replacements).

Nothing here reads a base; what a place means in each is found when the study is expanded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar, cast, get_args

from yaml_attn.ablation.attention import Attention, Swap, read_attentions, read_classes, read_swaps
from yaml_attn.ablation.fields import Field, read_fields
from yaml_attn.ablation.patterns import Pattern, read_patterns
from yaml_attn.ablation.places import Choice, read_choices
from yaml_attn.ablation.template import DEFAULT, Template, read_template
from yaml_attn.dialects import NAMES
from yaml_attn.escaping import in_line
from yaml_attn.modules.own import OwnMechanism, load_own, read_own
from yaml_attn.planning import Channels

Builder: TypeAlias = Literal["bundled", "ultralytics"]
"""Whose layers variants are built with where the dialect's are not bundled; "bundled": nobody's."""

MOST: Final = 10_000
"""How many variants a study may have unless it says otherwise: a minute's work."""

_Value = TypeVar("_Value")
_Default = TypeVar("_Default")

KEYS: Final = (
    "bases",
    "modules",
    "places",
    "replace",
    "own",
    "scales",
    "consumers",
    "channels",
    "identity_init",
    "include",
    "exclude",
    "name",
    "baseline",
    "max_variants",
    "nc",
    "imgsz",
    "dialect",
    "builder",
)


_ROWS: Final = {"backbone", "head"}
"""Keys of a model config."""


@dataclass(frozen=True, slots=True)
class NamedBase:
    """A base, and what its variants' names begin with; its own name unless the study gives one."""

    field: Field
    file: str
    alias: str | None = None


@dataclass(frozen=True)
class Study:
    """What to generate. `builder` None is what `insert` builds with: whatever is at hand.

    `own` are the user's classes that rows of the bases name. If classes were only read, it has
    those of `attentions` too, also by what these call them.
    """

    bases: tuple[NamedBase, ...]
    attentions: tuple[Attention, ...]
    choices: tuple[Choice, ...]
    swaps: tuple[Swap, ...]
    scales: tuple[Field, ...] = ()
    consumers: str | tuple[str, ...] = "all"
    channels: Channels = "nominal"
    identity_init: bool = False
    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    name: Template = DEFAULT
    baseline: bool = True
    max_variants: int = MOST
    nc: int | None = None
    imgsz: int = 640
    dialect: str | None = None
    builder: Builder | None = None
    own: Mapping[str, OwnMechanism] = dataclasses.field(default_factory=dict)


def load_study(
    path: str | Path, instead: Mapping[str, Field] | None = None, *, run_own: bool = True
) -> Study:
    """The study in this file.

    Args:
        path: the file.
        instead: values that take the place of the file's, by key.
        run_own: whether to import the user's classes that it names, which building needs; their
            files are read and not run otherwise.

    Raises:
        UsageError: it cannot be read, or a key or value of it means nothing; names key and line.
    """
    path = Path(path)
    content = read_fields(path)
    if "bases" not in content.value and _ROWS & content.value.keys():
        raise content.wrong(
            "this is a model config, not a study",
            f"A study names it: `bases: [{in_line(path.name)}]`. Without a study, give it with "
            "--base.",
        )
    fields = {**dict(content.pairs()), **(instead or {})}
    return study_of(fields, content, run_own=run_own)


def study_of(fields: Mapping[str, Field], whole: Field, *, run_own: bool = True) -> Study:
    """The study that these values of `KEYS` make.

    Args:
        fields: the values by key.
        whole: what to blame for what is missing.
        run_own: as for `load_study`.

    Raises:
        UsageError: as `load_study`.
    """
    for key, field in fields.items():
        if key not in KEYS:
            raise field.unknown(KEYS)

    def read(key: str, default: _Default, reader: Callable[[Field], _Value]) -> _Value | _Default:
        # `nc:` with nothing behind it is a key left out, as in most files of this kind.
        given = fields.get(key)
        return default if given is None or given.value is None else reader(given)

    load = load_own if run_own else read_own
    identity_init = read("identity_init", False, Field.boolean)
    max_variants = read("max_variants", MOST, Field.positive)
    attentions = read(
        "modules",
        (),
        lambda field: read_attentions(
            field, field.folder, load, identity=identity_init, most=max_variants
        ),
    )
    own = read("own", {}, lambda field: read_classes(field, field.folder, load))
    if not run_own:
        single = [part for each in attentions for part in each.mechanisms]
        named = ((name, each.own) for each in single for name in (each.module, each.name))
        own = {**own, **{name: found for name, found in named if found}}
    study = Study(
        bases=read("bases", (), _bases),
        attentions=attentions,
        choices=read("places", (), read_choices),
        swaps=read("replace", (), lambda field: read_swaps(field, attentions)),
        scales=read("scales", (), _scales),
        consumers=read("consumers", "all", _consumers),
        channels=read("channels", "nominal", lambda field: _one_of(field, get_args(Channels))),
        identity_init=identity_init,
        include=read("include", (), read_patterns),
        exclude=read("exclude", (), read_patterns),
        name=read("name", DEFAULT, read_template),
        baseline=read("baseline", True, Field.boolean),
        max_variants=max_variants,
        nc=read("nc", None, Field.positive),
        imgsz=read("imgsz", 640, Field.positive),
        dialect=read("dialect", None, lambda field: _one_of(field, NAMES)),
        builder=read("builder", None, lambda field: _one_of(field, get_args(Builder))),
        own=own,
    )
    problem = _missing(study)
    if problem:
        raise whole.wrong(*problem)
    _refuse_idle(study)
    return study


def _refuse_idle(study: Study) -> None:
    """Refuse a module that none of the places is for, and a place that none of the modules is for.

    Raises:
        UsageError: there is one.
    """
    maps = {1: "one map", 2: "two maps"}
    named = {each.inputs for each in study.choices}
    read = {each.inputs for each in study.attentions}
    for each in study.attentions if named else ():
        if each.inputs not in named:
            raise each.field.wrong(
                f"{each.name} reads {maps[each.inputs]}, and no place names so many",
                "E.g. places: [P3, 'inputs 8,4'].",
            )
    for choice in study.choices:
        if choice.inputs not in read:
            raise choice.field.wrong(
                f"names {maps[choice.inputs]}, and no module reads so many",
                "E.g. modules: [SE, CrossAttention].",
            )


def _missing(study: Study) -> tuple[str, str] | None:
    """What the study lacks, and an example of it."""
    if not study.bases:
        return "`bases` is missing", "E.g. bases: [yolov5s.yaml]."
    if study.choices and not study.attentions:
        return "`modules` is missing: nothing to put at the places", "E.g. modules: [SE, CBAM]."
    if not study.choices and not study.swaps:
        return "`places` is missing, and so is `replace`", "E.g. places: [P3, before SPPF]."
    return None


def _bases(field: Field) -> tuple[NamedBase, ...]:
    if isinstance(field.value, dict):
        found = [NamedBase(each, each.text(), alias) for alias, each in field.pairs()]
    else:
        found = [NamedBase(each, each.text()) for each in field.items()]
    if not found:
        raise field.wrong("is empty", "E.g. [yolov5s.yaml].")
    return tuple(found)


def _scales(field: Field) -> tuple[Field, ...]:
    for each in field.items():
        each.text()
    return tuple(field.items())


def _consumers(field: Field) -> str | tuple[str, ...]:
    texts = tuple(each.text() for each in field.items())
    return texts if isinstance(field.value, list) else texts[0]


def _one_of(field: Field, words: tuple[_Value, ...]) -> _Value:
    if field.value not in words:
        raise field.wrong(f"{field.value!r} is none of {', '.join(map(str, words))}")
    return cast("_Value", field.value)
