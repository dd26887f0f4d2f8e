"""How YOLOv3, YOLOv5, YOLOv7 and YOLOv9 read a row `[from, number, module, args]`.

One parser for the four, as theirs has one origin: the count after depth scaling, the channels after
width scaling, what each constructor gets. What each of them makes of which module is the table in
the file of its name.

A row that names a bundled attention mechanism gets the real channels of the layer it reads,
whatever its first argument says, and keeps them. One that reads two layers, as
`[[6, 4], 1, CAN, [ch, f]]`, has two such arguments, and keeps the channels of the first. One that
names attention inside a block (`C3SE`) is read as its block is; what its args have behind the
block's own are the mechanism's parameters.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

from yaml_attn.dialects.arguments import LONGEST, understand
from yaml_attn.dialects.block_attention import Find, parse
from yaml_attn.dialects.dialect import Channels, ResolvedLayer, Settings
from yaml_attn.dialects.module_specs import strides
from yaml_attn.dialects.scaling import LARGEST, Scale, is_whole
from yaml_attn.errors import BuildError, ConfigError, UnknownModuleError, UsageError
from yaml_attn.graph.network import IMAGE, From, Layer, Network

MOST_REPEATS: Final = 100
"""The largest `number`, before and after depth scaling; published configs stay below 20. Each
repetition is built, so that a slip such as 1000000000 would fill the memory for hours."""

# The variables that are of use are in `Row.variables`.
_LOCALS: Final = frozenset(
    "Path a act args c1 ch_mul d deepcopy j layers m m_ math n_ nn np os save sys t torch".split()
)

Rule: TypeAlias = Callable[["Row"], "Made"]
"""What a parser does with the rows of a module."""


class Made(NamedTuple):
    """What a parser makes of a row.

    `args` is what the constructor gets, `channels` what the parser records. A module that
    `repeats_inside` has no `Sequential` of copies around it.
    """

    args: Sequence[Any]
    channels: Channels
    repeats_inside: bool = False


@dataclass(frozen=True)
class Parser:
    """A framework's `parse_model`.

    `rules` has every module it knows. `another` is the file of some other scale than the usual one,
    where a file is of one scale. `channel_multiple` says whether that key stands in for 8,
    `lenient` whether a string that is no expression stays as it is, where the others fail.
    """

    title: str
    rules: Mapping[str, Rule]
    another: str = ""
    channel_multiple: bool = False
    lenient: bool = False

    @cached_property
    def taken(self) -> frozenset[str]:
        """Names that an argument string would meet there, none of use as an argument."""
        return _LOCALS | self.rules.keys()

    def resolve(
        self,
        network: Network,
        settings: Settings,
        mechanism: Find,
        *,
        nc: int | None = None,
        scale: str | None = None,
    ) -> tuple[ResolvedLayer, ...]:
        """Every layer as the framework would construct it; see `base.Resolve`.

        Raises:
            UsageError: a scale is asked for that the config does not have.
            ConfigError: a setting is missing, or its value is of no use; or there are no layers.
            BuildError: the framework could not construct a row; its layer is named.
        """
        scaling = self.scaling(settings, nc, scale)
        if not network.layers:
            raise ConfigError("the config has no layers")
        resolved: list[ResolvedLayer] = []
        known = strides(network, keeps=self.keeps)
        for index, (layer, stride) in enumerate(zip(network.layers, known, strict=True)):
            row = Row(self, network, layer, index, resolved, scaling)
            resolved.append(row.resolved(mechanism, stride))
        return tuple(resolved)

    def scaling(self, settings: Settings, nc: int | None, scale: str | None) -> Scale:
        """The settings that rows depend on."""
        if scale is not None:
            raise UsageError(
                f"the scale of a {self.title} config is its depth_multiple and width_multiple",
                hint=f"Start from the file of that scale, such as {self.another}.",
            )
        return Scale.read(settings, nc, multiple=self.channel_multiple)

    def keeps(self, name: str) -> bool:  # noqa: ARG002  # other dialects look at it
        """Whether a module that no framework knows keeps the size of its map.

        It is a mechanism's, which do, or `attention` refuses it.
        """
        return True

    def understood(self, text: str, row: Row) -> Any:
        """What an argument string means."""
        if self.lenient and not _is_expression(text):
            return text
        return understand(text, row.variables, self.taken)

    def kind(self, name: str, mechanism: Find) -> str:
        """The module whose rule a row follows: of attention in a block, that block."""
        composed = None if name in self.rules else parse(name, mechanism)
        if composed is None:
            return name
        if not name.isidentifier():
            raise BuildError(
                f"{name} is how the command line spells it",
                hint=f"Here it is {composed.spelling}.",
            )
        if composed.block not in self.rules:
            raise BuildError(
                f"{name} is {composed}, and {composed.block} is no module of {self.title}"
            )
        return composed.block

    def attention(self, name: str, mechanism: Find) -> Rule:
        """The rule of a bundled mechanism; an error that says what else may have been meant."""
        try:
            inputs = mechanism(name).inputs
        except UnknownModuleError as error:
            names = {known.lower(): known for known in sorted(self.rules)}
            close = [names[match] for match in get_close_matches(name.lower(), names)]
            guess = f"Did you mean {', '.join(close)} of {self.title}? " if close else ""
            raise BuildError(
                f"{name} is no module of {self.title}, and {error.message}",
                hint=guess + (error.hint or ""),
            ) from None
        if inputs == 1:
            return lambda row: Made([row.input, *row.args[1:]], row.input)
        return lambda row: Made([*row.pair(), *row.args[2:]], row.inputs[0])


class Row:
    """A row with what the parser knows when it comes to it."""

    def __init__(
        self,
        parser: Parser,
        network: Network,
        layer: Layer,
        index: int,
        earlier: Sequence[ResolvedLayer],
        scale: Scale,
    ) -> None:
        self.parser = parser
        self.layer = layer
        self.name = self.kind = layer.module
        self.index = index
        self.earlier = earlier
        self.scale = scale
        self.network = network
        self.reads = [network.index.get(source.key, IMAGE) for source in layer.sources]
        self.args: list[Any] = []
        self.number = 1

    def resolved(self, mechanism: Find, stride: float | None) -> ResolvedLayer:
        """The layer as the framework would construct it."""
        try:
            self.kind = self.parser.kind(self.name, mechanism)
            rule = self.parser.rules.get(self.kind) or self.parser.attention(self.name, mechanism)
            self.number = self._number()
            self.args = self._args()
            made = rule(self)
        except (BuildError, UnknownModuleError) as error:
            raise BuildError(error.message, layer=self.index, hint=error.hint) from None
        copies = 1 if made.repeats_inside else max(self.number, 1)
        args = tuple(made.args)
        return ResolvedLayer(
            self.index, self.name, self.number, copies, args, made.channels, stride
        )

    @cached_property
    def seen(self) -> list[Channels]:
        """Channels of every layer so far; of the image before the first."""
        return [made.channels for made in self.earlier] or [self.scale.image_channels]

    @cached_property
    def spelled(self) -> From:
        """`from` as it is written."""
        return self.network.spell(self.layer) if self.reads else []

    def given(self, at: int) -> Channels:
        """Channels of the layer with this index, or of the image."""
        return self.scale.image_channels if at == IMAGE else self.earlier[at].channels

    def reader(self, at: int) -> str:
        """A layer that this row reads, in words."""
        return "the image" if at == IMAGE else f"layer {at} ({self.earlier[at].module})"

    @property
    def inputs(self) -> list[int]:
        """Channels of each layer it reads."""
        found = []
        for at in self.reads:
            channels = self.given(at)
            if isinstance(channels, tuple):
                raise BuildError(
                    f"{self.name} reads {self.reader(at)}, which gives several maps",
                    hint="Only CBFuse can read it.",
                )
            found.append(channels)
        return found

    @property
    def input(self) -> int:
        """Channels of the one layer it reads."""
        if self.layer.listed:
            raise BuildError(
                f"{self.name} reads one layer, and its `from` is a list",
                hint="Write the number alone: -1, not [-1].",
            )
        return self.inputs[0]

    def pair(self) -> list[int]:
        """Channels of the two layers that it reads."""
        if not self.layer.listed or len(self.reads) != 2:
            raise BuildError(
                f"{self.name} reads two layers, and its `from` is "
                f"{self.spelled if self.layer.listed else 'a number'}",
                hint="Write the layer that it refines, then the one it looks at, such as [6, 4].",
            )
        self._once("two")
        return self.inputs

    def several(self) -> list[int]:
        """Channels of the layers that it reads."""
        self.need_list()
        return self.inputs

    def need_list(self) -> None:
        """Refuse a `from` that is no list, or an empty one; and a `number` above 1 with it."""
        if not self.layer.listed or not self.reads:
            what = "a number" if self.reads else "an empty list"
            raise BuildError(
                f"{self.name} reads several layers, and its `from` is {what}",
                hint="Write a list, such as [-1, 6].",
            )
        self._once("several")

    def _once(self, many: str) -> None:
        if self.number > 1:
            raise BuildError(f"{self.name} reads {many} layers, so it cannot be repeated")

    def whole(self, position: int, meaning: str) -> int:
        """The whole number above 0 at a position of args."""
        given = self.args[position : position + 1]
        if given and is_whole(given[0]) and given[0] <= LARGEST:
            return int(given[0])
        seen = f"{given[0]!r:.60}" if given else "missing"
        raise BuildError(
            f"args[{position}] of {self.name} is {seen}",
            hint=f"It must be {meaning}, a whole number above 0 and at most {LARGEST}.",
        )

    def _number(self) -> int:
        number = self.layer.number
        if not isinstance(number, int) or isinstance(number, bool):
            raise BuildError(
                f"the number of {self.name} is {number!r}",
                hint="It says how often the module is repeated: a whole number.",
            )
        if number <= MOST_REPEATS:
            scaled = self.scale.number(number)
            if scaled <= MOST_REPEATS:
                return scaled
        raise BuildError(
            f"the number of {self.name} is {number}, with depth_multiple {self.scale.depth:g}",
            hint=f"It says how often the module is repeated: at most {MOST_REPEATS} times, before "
            "and after depth_multiple.",
        )

    def _args(self) -> list[Any]:
        """The args with their strings understood; a mechanism's first one is not looked at."""
        skipped = 0 if self.kind in self.parser.rules else 1
        return [
            self.parser.understood(arg, self) if isinstance(arg, str) and at >= skipped else arg
            for at, arg in enumerate(self.layer.args)
        ]

    @cached_property
    def variables(self) -> Mapping[str, Any]:
        """The variables of the parser that an argument may use, as they are at this row."""
        return {
            **self.scale.variables,
            "ch": self.seen,
            "c2": self.seen[-1],
            "f": self.spelled,
            "i": self.index,
            "n": self.layer.number,
        }


def _is_expression(text: str) -> bool:
    """Whether it is one; what is too long to tell counts as one, for `understand` to refuse."""
    if len(text) > LONGEST:
        return True
    try:
        ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
