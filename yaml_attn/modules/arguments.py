"""A mechanism's own parameters as the row spells them: by position, after the channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from yaml_attn.errors import UsageError
from yaml_attn.modules.registry import Mechanism, Parameter


def row_arguments(
    mechanism: Mechanism, args: Sequence[Any], named: Mapping[str, Any]
) -> list[Any]:
    """The positional arguments that mean `args`, then `named`; defaults fill the gaps.

    Raises:
        UsageError: too many, an unknown name, one given twice, or a value of the wrong type.
    """
    parameters = mechanism.parameters
    names = [parameter.name for parameter in parameters]
    listing = ", ".join(f"{each.name}={each.default!r}" for each in parameters) or "none"
    hint = f"Parameters of {mechanism.name}: {listing}."
    if len(args) > len(parameters):
        given = f"{len(args)} parameters are given, {mechanism.name} takes {len(parameters)}"
        raise UsageError(given, hint=f"{hint} The channels are not among them.")
    values = dict(zip(names, args, strict=False))
    for name, value in named.items():
        if name not in names:
            close = get_close_matches(name, names, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            raise UsageError(f"{mechanism.name} has no parameter {name}", hint=hint + guess)
        if name in values:
            raise UsageError(f"{name} is given twice, by position and by name", hint=hint)
        values[name] = value
    for parameter in parameters:
        if parameter.name in values and not _fits(values[parameter.name], parameter):
            raise UsageError(
                f"{parameter.name}={values[parameter.name]!r} is no {parameter.annotation}",
                hint=hint,
            )
    last = max((names.index(name) for name in values), default=-1)
    return [values.get(each.name, each.default) for each in parameters[: last + 1]]


def _fits(value: Any, parameter: Parameter) -> bool:
    """Whether a value may be what the annotation says; unions and lists are left to the build."""
    kinds = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}
    allowed = kinds.get(parameter.annotation)
    if allowed is None:
        return True
    return isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))
