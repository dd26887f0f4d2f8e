"""Options that several commands share, and how their text is read."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from yaml_attn.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from yaml_attn.api import Config

WHAT = "What and where"
ROW = "The new row"
CHECK = "Building"
OUTPUT = "Output"

_BASE = typer.Option(
    "--base",
    "-b",
    help="The config to start from: a file, or a template's name.",
    rich_help_panel=WHAT,
)
_MODULE = typer.Option(
    "--module",
    "-m",
    help="The attention mechanism; `yaml-attn modules` lists them.",
    rich_help_panel=WHAT,
)
Base = Annotated[str, _BASE]
Module = Annotated[str, _MODULE]
OptionalBase = Annotated[str | None, _BASE]
OptionalModule = Annotated[str | None, _MODULE]
After = Annotated[
    int | None,
    typer.Option(help="Index of the layer that the attention reads.", rich_help_panel=WHAT),
]
Before = Annotated[
    int | None,
    typer.Option(
        help="Instead: index of the layer whose input the attention refines.",
        rich_help_panel=WHAT,
    ),
]
Consumers = Annotated[
    str,
    typer.Option(
        metavar="all|next|LIST",
        help="Which readers of the layer read the attention instead: all of them, the next row "
        "only, or those with these indexes (of the base), e.g. 9,19.",
        rich_help_panel=WHAT,
    ),
]
Args = Annotated[
    str | None,
    typer.Option(
        "--args",
        metavar="LIST",
        help="The mechanism's own parameters in order, without the channels, e.g. '[16]'.",
        rich_help_panel=ROW,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="One of the mechanism's own parameters by name, e.g. ratio=16; repeatable.",
        rich_help_panel=ROW,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        help="Module name in the row, when your framework calls it differently.",
        rich_help_panel=ROW,
    ),
]


class ChannelArgument(str, Enum):
    """What the first argument of the row says."""

    nominal = "nominal"
    c2 = "c2"


Channels = Annotated[
    ChannelArgument,
    typer.Option(
        help="First argument of the row: the unscaled number of channels, as tutorials write it, "
        "or `c2`, which every stock framework resolves to the real number.",
        rich_help_panel=ROW,
    ),
]
ImageSize = Annotated[
    int,
    typer.Option(
        "--imgsz",
        min=1,
        metavar="PIXELS",
        help="Image size that shapes and FLOPs are given for.",
        rich_help_panel=CHECK,
    ),
]
Classes = Annotated[
    int | None,
    typer.Option(
        "--nc",
        min=1,
        help="Number of classes to build with, instead of the file's.",
        rich_help_panel=CHECK,
    ),
]
Real = Annotated[
    bool,
    typer.Option(
        "--real", help="Run forward and backward at full size too.", rich_help_panel=CHECK
    ),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON, for machines.", rich_help_panel=OUTPUT),
]


@dataclass(frozen=True, slots=True)
class Edit:
    """The options of `insert` and `diff` that say what to insert, as they were given."""

    base: str
    module: str
    after: int | None
    before: int | None
    consumers: str
    args: str | None
    set: list[str] | None
    name: str | None
    channels: ChannelArgument

    def apply(self) -> Config:
        """The edited config.

        Raises:
            YamlAttnError: what `api.load` and `Config.insert` raise, or an unreadable option.
        """
        from yaml_attn.api import load  # noqa: PLC0415

        return load(self.base).insert(
            self.module,
            after=self.after,
            before=self.before,
            args=_list(self.args),
            parameters=_assignments(self.set or []),
            consumers=_consumers(self.consumers),
            name=self.name,
            channels=self.channels.value,
        )


def _consumers(text: str) -> Literal["all", "next"] | Collection[int]:
    if text == "all":
        return "all"
    if text == "next":
        return "next"
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--consumers {text} is neither all, next nor a list of indexes such as 9,19"
        ) from None


def _list(text: str | None) -> list[Any]:
    if text is None:
        return []
    value = _value(text, f"--args {text}")
    if not isinstance(value, list):
        raise UsageError(f"--args {text} is no list", hint=f"Write --args '[{text}]'.")
    return value


def _assignments(texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {text} is not NAME=VALUE", hint="E.g. --set ratio=16")
        if name in found:
            raise UsageError(f"--set {name} is given twice")
        found[name] = _value(value, f"--set {text}")
    return found


def _value(text: str, option: str) -> Any:
    from yaml_attn.config.syntax import read_yaml  # noqa: PLC0415

    try:
        return read_yaml(text)
    except DocumentError:
        raise UsageError(f"{option} cannot be read as a value") from None


def output_name(config: Config) -> str:
    """The name of the file that an edited config is written to unless one is given."""
    stem = config.path.stem if config.path else "config"
    modules = dict.fromkeys(layer.module for layer in config.inserted)
    return "_".join([stem, *modules]) + ".yaml"


def print_json(content: Any) -> None:
    """Print data for machines: ASCII, keys in the order of the content."""
    typer.echo(json.dumps(content, indent=2))
