"""A mechanism's own parameters as the row spells them: by position, after the channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.mechanisms.registry import AnyMechanism, Parameter

_ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "ratio": frozenset("r rd_ratio reduction reduction_rate reduction_ratio".split()),
    "kernel_size": frozenset("k k_size kernel ksize".split()),
    "groups": frozenset("G g group n_groups num_groups".split()),
    "heads": frozenset("head n_heads num_heads".split()),
}
"""A parameter -> what other code calls it."""

_OUTPUT: Final = frozenset(
    "c2 c_out ch_out cout oup out out_c out_ch out_channel out_channels out_dim out_planes".split()
)
"""What people call the channels that a layer gives, where it may give others than it gets."""


def row_arguments(
    mechanism: AnyMechanism, args: Sequence[Any], named: Mapping[str, Any]
) -> list[Any]:
    """The positional arguments that mean `args`, then `named`; defaults fill the gaps.

    Raises:
        UsageError: too many, an unknown name, one given twice or missing, a value of the wrong
            type, or one that a row cannot give.
    """
    parameters = mechanism.parameters
    names = [parameter.name for parameter in parameters]
    placed = [parameter.name for parameter in parameters if not parameter.keyword_only]
    hint = f"Parameters of {mechanism.name}: {', '.join(map(str, parameters)) or 'none'}."
    if len(args) > len(placed):
        given = f"{len(args)} parameters are given, {mechanism.name} takes {len(placed)}"
        raise UsageError(given, hint=f"{hint} The channels are not among them.")
    values = dict(zip(placed, args, strict=False))
    for name, value in named.items():
        if name not in names:
            raise UsageError(
                f"{mechanism.name} has no parameter {name}", hint=hint + _guess(name, names)
            )
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
    _refuse_unwritable(mechanism, values, last, hint)
    return [values.get(each.name, each.default) for each in parameters[: last + 1]]


def _guess(name: str, names: Sequence[str]) -> str:
    """What was perhaps meant by a name that no parameter has."""
    for each in names:
        if name in _ELSEWHERE.get(each, ()):
            return f" It is called {each} here."
    close = get_close_matches(name, names, n=1)
    return f" Did you mean {close[0]}?" if close else ""


def _refuse_unwritable(
    mechanism: AnyMechanism, values: Mapping[str, Any], last: int, hint: str
) -> None:
    """Refuse what the arguments of a row, a list without names, cannot say of a user's class."""
    for at, each in enumerate(mechanism.parameters):
        given = each.name in values
        if each.keyword_only and (given or each.required):
            raise UsageError(
                f"{each.name} of {mechanism.name} can only be given by name, in a row nothing can",
                hint="Put it before the `*` in __init__.",
            )
        if given:
            continue
        if each.required:
            raise UsageError(f"{mechanism.name} needs {each.name}", hint=hint + _way_out(each.name))
        if at < last and not _is_plain(each.default):
            raise UsageError(
                f"{each.name} must be given too: a row cannot say its default {each.default!r}",
                hint=hint,
            )


def _way_out(name: str) -> str:
    """What to do about a parameter of a user's class that has no default."""
    if name in _OUTPUT:
        return (
            " A layer that keeps its channels is told them once, by its first parameter: write "
            f"{name}=None in __init__, and do without it."
        )
    return f" Give it by name ({name}=...), or a default in __init__."


def _is_plain(value: Any) -> bool:
    """Whether YAML can say it."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _fits(value: Any, parameter: Parameter) -> bool:
    """Whether a value may be what the annotation says; unions and lists are left to the build."""
    kinds = {"bool": (bool,), "int": (int,), "float": (int, float), "str": (str,)}
    allowed = kinds.get(parameter.annotation)
    if allowed is None:
        return True
    return isinstance(value, allowed) and (bool in allowed or not isinstance(value, bool))
