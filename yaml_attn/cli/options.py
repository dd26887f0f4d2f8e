"""Options that several commands share, and how their text is read."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from yaml_attn.errors import DocumentError, UsageError
from yaml_attn.escaping import for_terminal, json_text

WHAT = "What and where"
ROW = "The new row"
CHECK = "Building"
OUTPUT = "Output"
CI = "In CI"

_BASE = typer.Option(
    "--base",
    "-b",
    metavar="FILE",
    help="The config to start from: a file, or the name of a template or of one of the "
    "installed Ultralytics'.",
    rich_help_panel=WHAT,
)
Base = Annotated[str, _BASE]
OptionalBase = Annotated[str | None, _BASE]
Modules = Annotated[
    list[str] | None,
    typer.Option(
        "--module",
        "-m",
        metavar="NAME",
        help="The attention mechanism; `yaml-attn modules` lists them. May be given several "
        "times: the options behind each speak of it.",
        rich_help_panel=WHAT,
    ),
]
After = Annotated[
    list[str] | None,
    typer.Option(
        "--after",
        metavar="PLACE",
        help="The layers that the attention reads: 8, -2, SPPF, backbone.C3[-1], P3,P4,P5, "
        "detect, stages; `yaml-attn places FILE` lists them.",
        rich_help_panel=WHAT,
    ),
]
Before = Annotated[
    list[str] | None,
    typer.Option(
        "--before",
        metavar="PLACE",
        help="Instead, or also: the layers whose input the attention refines.",
        rich_help_panel=WHAT,
    ),
]
Edge = Annotated[
    list[str] | None,
    typer.Option(
        "--edge",
        metavar="FROM:TO",
        help="Instead, or also: the one connection that it refines, e.g. 4:16.",
        rich_help_panel=WHAT,
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--inputs",
        metavar="REFINED,CONTEXT",
        help="Instead, for a mechanism of two inputs: the layer that it refines and the one that "
        "it looks at, e.g. 8,4.",
        rich_help_panel=WHAT,
    ),
]
Own = Annotated[
    list[str] | None,
    typer.Option(
        "--own",
        metavar="FILE.py:CLASS",
        help="A class of yours that rows name already; or PACKAGE.MODULE:CLASS. Repeatable.",
        rich_help_panel=WHAT,
    ),
]
At = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="PLACE",
        help="The layers: 8, -2, SPPF, backbone.C3, C3[-1], C3[SE][*], stages; `yaml-attn places "
        "FILE` lists what each name means.",
        rich_help_panel=WHAT,
    ),
]
Consumers = Annotated[
    str,
    typer.Option(
        "--consumers",
        metavar="all|next|detect|PLACE",
        help="Which readers of the layer read the attention instead: all of them, the next row "
        "only, the head only, or those at these places of the base, e.g. 9,19.",
        rich_help_panel=WHAT,
    ),
]
Args = Annotated[
    list[str] | None,
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
IdentityInit = Annotated[
    bool,
    typer.Option(
        "--identity-init",
        help="Start as the identity, so that a pretrained network is undisturbed at step 0.",
        rich_help_panel=ROW,
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
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
        "--channels",
        metavar="nominal|c2",
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
OptionalImageSize = Annotated[
    int | None,
    typer.Option(
        "--imgsz",
        min=1,
        metavar="PIXELS",
        help="Image size that shapes and FLOPs are given for; 640 unless given.",
        rich_help_panel=CHECK,
    ),
]
Classes = Annotated[
    int | None,
    typer.Option(
        "--nc",
        min=1,
        metavar="CLASSES",
        help="Number of classes to build with, instead of the file's.",
        rich_help_panel=CHECK,
    ),
]
Dialect = Annotated[
    str | None,
    typer.Option(
        "--dialect",
        metavar="NAME",
        help="What the config is written for, instead of what its content says: yolov3, yolov5, "
        "yolov7, yolov9, yolov10 or ultralytics.",
        rich_help_panel=CHECK,
    ),
]
Scale = Annotated[
    str | None,
    typer.Option(
        "--scale",
        metavar="NAME",
        help="One of the scales that an Ultralytics config holds (n, s, m, l, x), instead of the "
        "one that its name says.",
        rich_help_panel=CHECK,
    ),
]
Repo = Annotated[
    Path | None,
    typer.Option(
        "--repo",
        metavar="FOLDER",
        help="Build with the layers of this checkout (YOLOv3, 5, 7, 9, Ultralytics or a fork), in "
        "a process of its own; nothing is written there.",
        rich_help_panel=CHECK,
    ),
]
Real = Annotated[
    bool,
    typer.Option(
        "--real", help="Run forward and backward at full size too.", rich_help_panel=CHECK
    ),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Let the framework run what the config says, as it does when it trains. Without, a "
        "config that is not plain data is refused.",
        rich_help_panel=CHECK,
    ),
]
NoBuild = Annotated[
    bool,
    typer.Option(
        "--no-build",
        help="Do not build the result with torch; its wiring is proved all the same.",
        rich_help_panel=CHECK,
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File or folder to write, - for stdout; here <base>_<module>.yaml unless given.",
        rich_help_panel=OUTPUT,
    ),
]
InPlace = Annotated[
    bool,
    typer.Option("--in-place", help="Change the base file.", rich_help_panel=OUTPUT),
]
Force = Annotated[
    bool,
    typer.Option("--force", "-f", help="Replace the output file.", rich_help_panel=OUTPUT),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Do everything but write.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print warnings and errors alone.", rich_help_panel=OUTPUT),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON, for machines.", rich_help_panel=OUTPUT),
]


def places(text: str) -> str | Collection[str]:
    """The value of `--consumers`: one of its words, or places."""
    return text if text in {"all", "next", "detect"} else text.split(",")


def edge(text: str) -> tuple[str, str]:
    """The two ends of `--edge FROM:TO`.

    Raises:
        UsageError: it has not two ends.
    """
    source, colon, target = text.partition(":")
    if not (source and colon and target):
        raise UsageError(f"--edge {text} is not FROM:TO", hint="E.g. --edge 4:16")
    return source, target


def arguments(text: str) -> list[Any]:
    """The list that `--args` gives.

    Raises:
        UsageError: it is none.
    """
    value = _value(text, f"--args {text}")
    if not isinstance(value, list):
        raise UsageError(f"--args {text} is no list", hint=f"Write --args '[{text}]'.")
    return value


def assignment(text: str) -> tuple[str, Any]:
    """The name and the value that `--set` gives.

    Raises:
        UsageError: it is not NAME=VALUE, or the value is no YAML.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--set {text} is not NAME=VALUE", hint="E.g. --set ratio=16")
    return name, _value(value, f"--set {text}")


def _value(text: str, option: str) -> Any:
    from yaml_attn.config.syntax import read_yaml  # noqa: PLC0415

    try:
        return read_yaml(text)
    except DocumentError:
        raise UsageError(f"{option} cannot be read as a value") from None


def print_json(content: Any) -> None:
    """Print data for machines: ASCII, keys in the order of the content, nothing but JSON."""
    typer.echo(json_text(content, indent=2))


def say(text: str, *, err: bool = False) -> None:
    """Print text for people as it is, of any number of lines."""
    typer.echo(for_terminal(text), err=err)
