"""What the variants of a study add: mechanisms with a grid of parameters, blocks with attention.

`modules` is a list of names, or a mapping of names to parameters, in which a list is one variant
for each of its values; an item of the list may be such a mapping too:

    modules:
      CBAM:
      SE: {ratio: [8, 16, 32]}
      ./my_attn.py:MyAttention: [{groups: 4}, {groups: 8, bias: true}]

`replace` puts another block in the place of layers, `M` in it being each of the modules:

    replace:
      backbone.C3: ['C3[SE]', C3+CBAM]
      SPPF: SPP

    replace: [backbone.C3 -> C3+M]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeAlias

from yaml_attn.ablation.fields import Field
from yaml_attn.dialects.composed import parse
from yaml_attn.errors import UsageError
from yaml_attn.modules.arguments import row_arguments
from yaml_attn.modules.own import OwnMechanism, is_own, load_own, load_rows, refuse_row
from yaml_attn.modules.registry import AnyMechanism, find

Load: TypeAlias = Callable[[str], OwnMechanism]
"""What is made of a user's class by what the study calls it: `load_own` or `read_own`."""

_M: Final = re.compile(r"(?<=\[)M(?=\])|(?<=\+)M$")


@dataclass(frozen=True, slots=True)
class Attention:
    """A mechanism with its parameters, those that are not its defaults.

    `written` is what the study calls it, `module` what an insertion does, `name` its own; `own` is
    the class, if it is one of the user's.
    `settings` are these, and the defaults of those that the study varies.
    """

    field: Field
    written: str
    module: str
    name: str
    inputs: int
    parameters: Mapping[str, Any]
    settings: Mapping[str, Any]
    own: OwnMechanism | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Another block in the place of layers: `at` as `replace --at` takes it, `block` as written."""

    field: Field
    at: str
    block: str


def read_attentions(
    field: Field, folder: Path | None, load: Load = load_own
) -> tuple[Attention, ...]:
    """What `modules` says.

    Args:
        field: the value of the key.
        folder: where files of the user's own classes are looked for.
        load: loads these, or only reads them.

    Raises:
        UsageError: no such module or parameter, or a value that the parameter cannot have.
    """
    found = tuple(
        attention
        for item in field.items()
        for name, grid in (item.pairs() if isinstance(item.value, dict) else [(item.text(), None)])
        for attention in _attentions(
            name, grid or item, _grid(grid) if grid else [{}], folder, load
        )
    )
    if not found:
        raise field.wrong("is empty", "E.g. [SE, CBAM]; `yaml-attn modules` lists them.")
    modules: dict[str, str] = {}
    for each in found:
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


def _attentions(
    written: str,
    field: Field,
    grid: Iterable[Mapping[str, Any]],
    folder: Path | None,
    load: Load,
) -> Iterator[Attention]:
    module = _located(written, folder)
    try:
        mechanism = _find(module, load)
    except UsageError as error:
        if "," in written:
            error.hint = f"Several are a list: [{written}]."
        raise field.within(error) from None
    for parameters in grid:
        try:
            row_arguments(mechanism, (), parameters)
        except UsageError as error:
            raise field.within(error) from None
        yield Attention(
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


def _grid(field: Field) -> Iterator[dict[str, Any]]:
    """Every combination of parameters: the last one written varies first."""
    if field.value is None:
        yield {}
        return
    for each in field.items():
        values = {name: [item.value for item in value.items()] for name, value in each.pairs()}
        for name, value in each.pairs():
            if not values[name]:
                raise value.wrong("is empty")
        for chosen in product(*values.values()):
            yield dict(zip(values, chosen, strict=True))


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
    held = [each.name for each in attentions if each.inputs == 1 and not is_own(each.module)]
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
