"""What `insert` and `diff` are asked to insert: `--module A ... --module B ...` as requests.

With several modules, the options behind each `--module` speak of it; so the order on the command
line matters, which `InOrder` keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from yaml_attn.cli import options
from yaml_attn.cli.helping import Command
from yaml_attn.errors import UsageError

if TYPE_CHECKING:
    from yaml_attn.core.edits import Insert

_ORDER = "yaml_attn.order"


class InOrder(Command):
    """A command that knows in which order its options were given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as always, and note the order."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        ctx.meta[_ORDER] = [parameter.name for parameter in order]
        return super().parse_args(ctx, args)


@dataclass
class _Group:
    """One `--module` with the options that speak of it."""

    module: str = ""
    after: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    edge: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    args: list[str] = field(default_factory=list)
    set_: list[str] = field(default_factory=list)


def requests(
    ctx: typer.Context,
    *,
    consumers: str,
    name: str | None,
    channels: options.ChannelArgument,
    identity_init: bool,
) -> list[Insert]:
    """The insertions that a command line asks for.

    Raises:
        UsageError: an option cannot be read, or it is not clear which module it speaks of.
    """
    from yaml_attn.core.edits import Insert  # noqa: PLC0415

    groups = _groups(ctx)
    if name and len(groups) > 1:
        raise UsageError("--name is for one module, and several are given")
    found = []
    for group in groups:
        named = dict(_assignments(group.set_))
        if identity_init:
            named["identity_init"] = True
        if len(group.args) > 1:
            raise UsageError(f"--args is given twice for {group.module}")
        places: list[dict[str, Any]] = [
            *({"after": text} for text in group.after),
            *({"before": text} for text in group.before),
            *({"edge": options.edge(text)} for text in group.edge),
            *({"inputs": tuple(text.split(","))} for text in group.inputs),
        ]
        found += [
            Insert(
                group.module,
                args=options.arguments(group.args[0]) if group.args else (),
                parameters=named,
                consumers=options.places(consumers),
                name=name,
                channels=channels.value,
                **place,
            )
            # Without a place the request itself says what is missing.
            for place in places or [{}]
        ]
    return found


def _groups(ctx: typer.Context) -> list[_Group]:
    values = {key: iter(value or ()) for key, value in ctx.params.items() if _repeats(value)}
    modules = ctx.params.get("module") or ()
    groups = [_Group()]
    for option in ctx.meta[_ORDER]:
        if option not in _Group.__dataclass_fields__:
            continue
        value = next(values[option])
        if option != "module":
            getattr(groups[-1], option).append(value)
        elif groups[-1].module and len(modules) > 1:
            groups.append(_Group(module=value))
        else:
            groups[-1].module = value
    return groups


def _repeats(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _assignments(texts: Sequence[str]) -> list[tuple[str, Any]]:
    found = [options.assignment(text) for text in texts]
    names = [name for name, _ in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UsageError(f"--set {twice} is given twice")
    return found
