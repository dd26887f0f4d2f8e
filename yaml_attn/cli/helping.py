"""Help as plain text of 80 columns, options in the groups of their `rich_help_panel`.

Typer's own grouped help imports a markdown parser: more than everything else at a start together.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

# Some releases of typer bring a click of their own: its classes are not to be had by their names.
ClickUsageError: Final[type[Exception]] = typer.BadParameter.mro()[1]
ClickException: Final[type[Exception]] = typer.BadParameter.mro()[2]

OTHERS = "Options"

_ORDER = (
    "Arguments",
    "What and where",
    "Which checks",
    "The new row",
    "A class of yours",
    "Weights",
    "Building",
    "Output",
    "In CI",
    OTHERS,
)

WORDS = "yaml_attn.words"
"""Where a context keeps what stood on the command line."""


def _keep_examples(text: str | None) -> str | None:
    """The help text, its examples marked as not to be wrapped."""
    return text and re.sub(r"^(?=Examples?:)", "\b\n", text, flags=re.MULTILINE)


class Command(TyperCommand):
    """A command whose help shows its options in groups."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)

    def make_context(
        self, info_name: Any, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Parse as always, and keep the words for what is said of a mistake."""
        if parent is not None:
            parent.meta[WORDS] = list(args)  # its children have the same
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse as always, and refuse in our own words what is left over."""
        passed_on, ctx.allow_extra_args = ctx.allow_extra_args, True
        super().parse_args(ctx, args)
        if ctx.args and not passed_on and not ctx.resilient_parsing:
            several = "s" if len(ctx.args) > 1 else ""
            problem = f"unexpected argument{several}: {' '.join(map(str, ctx.args))}"
            raise ClickUsageError(problem, ctx=ctx)  # type: ignore[call-arg]
        rest: list[str] = ctx.args
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line; not every click puts braces around what is required."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then each group of options."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            kind = "Arguments" if parameter.param_type_name == "argument" else OTHERS
            panel = getattr(parameter, "rich_help_panel", None) or kind
            # Some releases of typer name the type of an argument too.
            groups.setdefault(panel, []).append((re.sub(r" <\w+>", "", record[0]), record[1]))
        for name in sorted(groups, key=_ORDER.index):
            with formatter.section(name):
                formatter.write_dl(groups[name], col_max=24)


class Group(TyperGroup):
    """All commands; each with the first sentence of its help, whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.help = _keep_examples(self.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command as always, and say in our own words that there is none."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and name.isidentifier():
            close = get_close_matches(name, self.list_commands(ctx), 1)
            guess = f"; did you mean {close[0]}?" if close else ""
            raise ClickUsageError(f"no such command '{name}'{guess}", ctx=ctx)  # type: ignore[call-arg]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a line or two for each command."""
        found = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        rows = [(each.name, (each.help or "").partition("\n\n")[0]) for each in found if each]
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join(text.split())) for name, text in rows])
