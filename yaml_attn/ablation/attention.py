"""What the variants of a study add: mechanisms with a grid of parameters, blocks with attention.

`modules` is a list of names, or a mapping of names to parameters, in which a list is one variant
for each of its values; an item of the list may be such a mapping too. `SE+CBAM` is one variant
with both, the second reading the first, and says whose its parameters are:

    modules:
      CBAM:
      SE: {ratio: [8, 16, 32]}
      SE+CBAM: {SE.ratio: [8, 16]}
      ./my_attn.py:MyAttention: [{groups: 4}, {groups: 8, bias: true}]

`replace` puts another block in the place of layers, `M` in it being each of the modules:

    replace:
      backbone.C3: ['C3[SE]', C3+CBAM]
      SPPF: SPP

    replace: [backbone.C3 -> C3+M]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from yaml_attn.ablation.fields import Field
from yaml_attn.dialects.composed import HOSTS, parse
from yaml_attn.errors import UsageError
from yaml_attn.modules.arguments import row_arguments
from yaml_attn.modules.identity import PARAMETER as IDENTITY
from yaml_attn.modules.own import OwnMechanism, is_own, load_own, load_rows, refuse_row
from yaml_attn.modules.registry import AnyMechanism, find

Load: TypeAlias = Callable[[str], OwnMechanism]
"""What is made of a user's class by what the study calls it: `load_own` or `read_own`."""

COUNTED: Final = 10**30
"""What is more is not counted to the end."""
_M: Final = re.compile(r"(?<=\[)M(?=\])|(?<=\+)M$")


@dataclass(frozen=True, slots=True)
class Attention:
    """A mechanism with its parameters, those that are not its defaults; or several in a row.

    `written` is what the study calls it, `module` what an insertion does, `name` its own; `own` is
    the class, if it is one of the user's.
    `settings` are these, and the defaults of those that the study varies. `parts` are the
    mechanisms of SE+CBAM, whose parameters are called SE.ratio.
    """

    field: Field
    written: str
    module: str
    name: str
    inputs: int
    parameters: Mapping[str, Any]
    settings: Mapping[str, Any]
    own: OwnMechanism | None = None
    parts: tuple[Attention, ...] = ()

    @property
    def mechanisms(self) -> tuple[Attention, ...]:
        """What stands at each place, one after the other."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class Swap:
    """Another block in the place of layers: `at` as `replace --at` takes it, `block` as written."""

    field: Field
    at: str
    block: str


def read_attentions(
    field: Field,
    folder: Path | None,
    load: Load = load_own,
    *,
    identity: bool = False,
    most: int | None = None,
) -> tuple[Attention, ...]:
    """What `modules` says.

    Args:
        field: the value of the key.
        folder: where files of the user's own classes are looked for.
        load: loads these, or only reads them.
        identity: whether all start as the identity that can, and are not told otherwise.
        most: how many combinations of parameters there may be.

    Raises:
        UsageError: no such module or parameter, a value that the parameter cannot have, or too
            many combinations.
    """
    named = [
        (name, grid or item, list(_grids(grid)) if grid else [{}])
        for item in field.items()
        for name, grid in (item.pairs() if isinstance(item.value, dict) else [(item.text(), None)])
    ]
    # Counted before one is made: few lines may mean more than a memory holds.
    count = sum(prod(map(len, lists.values())) for _, _, grids in named for lists in grids)
    if most is not None and count > most:
        raise field.wrong(*too_many(count, most, "combinations of modules and parameters"))
    reading = _Reading(folder, load, identity)
    found = tuple(
        _attention(name, blamed, dict(zip(lists, values, strict=True)), reading)
        for name, blamed, grids in named
        for lists in grids
        for values in product(*lists.values())  # the last one written varies first
    )
    if not found:
        raise field.wrong("is empty", "E.g. [SE, CBAM]; `yaml-attn modules` lists them.")
    modules: dict[str, str] = {}
    for each in (one for attention in found for one in attention.mechanisms):
        other = modules.setdefault(each.name, each.module)
        if other != each.module and (is_own(other) or is_own(each.module)):
            raise each.field.wrong(
                f"the rows of two classes would say {each.name}", "Give one of them another name."
            )
    return _told_apart(found)


def _told_apart(found: Sequence[Attention]) -> tuple[Attention, ...]:
    """Each with those of its settings alone that are no defaults, or that the study varies."""
    values: dict[tuple[str, str], set[str]] = {}
    for each in found:
        for name, value in each.settings.items():
            values.setdefault((each.name, name), set()).add(repr(value))
    return tuple(
        replace(
            each,
            settings={
                name: value
                for name, value in each.settings.items()
                if name in each.parameters or len(values[each.name, name]) > 1
            },
        )
        for each in found
    )


class _Reading(NamedTuple):
    """What holds for all modules of a study; see `read_attentions`."""

    folder: Path | None
    load: Load
    identity: bool


def too_many(count: int, most: int, what: str) -> tuple[str, str]:
    """What is wrong with so many of something, and what to do."""
    counted = f"{count:,}" if count <= COUNTED else f"more than 10^{len(str(COUNTED)) - 1}"
    hint = (
        "Ask for fewer (shorter lists, `up_to`), or for as many: --max-variants N, "
        "`max_variants: N` in a study file."
    )
    return f"{counted} {what}, and {most:,} is the most", hint


def _attention(
    written: str, field: Field, given: Mapping[str, Any], reading: _Reading
) -> Attention:
    """A module of the study with one choice of its parameters."""
    names = _in_a_row(written, field)
    if len(names) == 1:
        return _single(written, field, given, reading)
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, value in given.items():
        whose, _, name = key.rpartition(".")
        if whose not in own:
            raise field.wrong(
                f"{key} does not say whose parameter it is", f"E.g. {names[0]}.{name}: {value}."
            )
        own[whose][name] = value
    parts = tuple(_single(name, field, own[name], reading) for name in names)
    several = next((each for each in parts if each.inputs > 1), None)
    if several:
        raise field.wrong(
            f"{several.name} reads {several.inputs} maps, and one of several in a row reads one",
            "Make it a module by itself.",
        )
    return Attention(
        field,
        written,
        written,
        "+".join(each.name for each in parts),
        1,
        {f"{each.name}.{key}": value for each in parts for key, value in each.parameters.items()},
        {f"{each.name}.{key}": value for each in parts for key, value in each.settings.items()},
        parts=parts,
    )


def _in_a_row(written: str, field: Field) -> list[str]:
    """The names in `SE+CBAM`; a plus in the path of a file joins nothing."""
    names: list[str] = []
    for part in written.split("+"):
        if names and re.search(r"[/\\]", names[-1]) and not is_own(names[-1]):
            names[-1] += f"+{part}"
        else:
            names.append(part)
    names = [name.strip() for name in names]
    if not all(names):
        raise field.wrong(f"{written} lacks a module beside the +", "E.g. SE+CBAM.")
    if any("@" in name and not is_own(name) for name in names):
        raise field.wrong(
            f"{written} names places, which have a key of their own",
            "`modules: [SE+CBAM]` puts both at each of `places`. For SE at one place and CBAM at "
            "another: yaml-attn insert --module SE --after P3 --module CBAM --after P5",
        )
    # C3+SE is attention behind a block, which is no module.
    return [written] if names[0] in HOSTS else names


def _single(written: str, field: Field, given: Mapping[str, Any], reading: _Reading) -> Attention:
    module = _located(written, reading.folder)
    try:
        mechanism = _find(module, reading.load)
    except UsageError as error:
        if "," in written:
            error.hint = f"Several are a list: [{written}]."
        raise field.within(error) from None
    parameters = dict(given)
    if reading.identity and any(each.name == IDENTITY for each in mechanism.parameters):
        parameters.setdefault(IDENTITY, True)
    try:
        row_arguments(mechanism, (), parameters)
    except UsageError as error:
        raise field.within(error) from None
    return Attention(
        field,
        written,
        module,
        mechanism.name,
        mechanism.inputs,
        _without_defaults(mechanism, parameters),
        {each.name: parameters.get(each.name, each.default) for each in mechanism.parameters},
        mechanism if isinstance(mechanism, OwnMechanism) and is_own(module) else None,
    )


def read_classes(
    field: Field, folder: Path | None, load: Load = load_own
) -> Mapping[str, OwnMechanism]:
    """What `own` says: classes of the user's that rows of the bases name already, by that name.

    Raises:
        UsageError: there is no such class, or its rows could mean something else.
    """
    try:
        return load_rows((_located(each.text(), folder) for each in field.items()), load)
    except UsageError as error:
        raise field.within(error) from None


def _located(name: str, folder: Path | None) -> str:
    """What a name means from here: a class in a file beside the study has the study's folder."""
    place, colon, attribute = name.rpartition(":")
    if folder is None or not place.endswith(".py") or Path(place).is_absolute():
        return name
    return f"{(folder / place).as_posix()}{colon}{attribute}"


def _find(module: str, load: Load) -> AnyMechanism:
    if is_own(module):
        mechanism = load(module)
        refuse_row(mechanism.name)
        return mechanism
    composed = parse(module, find)
    if composed:
        raise UsageError(
            f"{module} is a block with attention, which takes the place of a block",
            hint=f"E.g. replace: {{{composed.block}: '{composed}'}}.",
        )
    return find(module)


def _grids(field: Field) -> Iterator[dict[str, list[Any]]]:
    """The values of each parameter, every combination of which is meant; of each grid of a list."""
    if field.value is None:
        yield {}
        return
    for each in field.items():
        values = {name: [item.value for item in value.items()] for name, value in each.pairs()}
        for name, value in each.pairs():
            if not values[name]:
                raise value.wrong("is empty")
        yield values


def _without_defaults(mechanism: AnyMechanism, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that change something, in the order of the signature."""
    defaults = {each.name: each.default for each in mechanism.parameters}
    return {
        name: parameters[name]
        for name, default in defaults.items()
        if name in parameters and repr(parameters[name]) != repr(default)
    }


def read_swaps(field: Field, attentions: Sequence[Attention]) -> tuple[Swap, ...]:
    """What `replace` says.

    Args:
        field: the value of the key.
        attentions: what `M` stands for; those alone that a block can hold.

    Raises:
        UsageError: no such mechanism, or a block that cannot hold one.
    """
    if isinstance(field.value, dict):
        pairs = [(each, at, each.text()) for at, value in field.pairs() for each in value.items()]
    else:
        pairs = [(each, *_arrow(each)) for each in field.items()]
    if not pairs:
        raise field.wrong("is empty", "E.g. {C3: C3+SE}.")
    held = [
        each.name
        for each in attentions
        if each.inputs == 1 and not each.parts and not is_own(each.module)
    ]
    return tuple(
        Swap(each, at.strip(), block)
        for each, at, pattern in pairs
        for block in _blocks(each, pattern, held)
    )


def _arrow(field: Field) -> tuple[str, str]:
    at, arrow, block = field.text().partition("->")
    if not (at.strip() and arrow and block.strip()):
        raise field.wrong(f"{field.text()} is no replacement", "E.g. C3 -> C3[M].")
    return at, block.strip()


def _blocks(field: Field, pattern: str, held: Sequence[str]) -> Iterator[str]:
    """The blocks that a pattern stands for: itself, or one for each mechanism in the place of M."""
    found = [pattern]
    if pattern == "M" or _M.search(pattern):
        if pattern == "M":
            raise field.wrong("M alone is no block", "Write C3[M], or C3+M for behind it.")
        if not held:
            raise field.wrong(
                "M stands for every bundled one of `modules` that reads one map, and there is none"
            )
        found = [_M.sub(name, pattern) for name in dict.fromkeys(held)]
    for block in found:
        try:
            parse(block, find)
        except UsageError as error:
            raise field.within(error) from None
        yield block
