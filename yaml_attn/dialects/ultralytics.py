"""Ultralytics, from YOLOv3 in its form to YOLO26 and RT-DETR: every task, every scale.

Rows are read as those of the frameworks in `rows.py`, with three differences. A string in args is a
variable of the parser or a literal, and nothing more is made of it: `nc` and `None` are understood,
`nn.SiLU()` stays a string. A config holds several scales, with a limit for the channels at each.
Layers of torch (`nn.X`, `torchvision.ops.X`) may be named freely: they get their args as they are,
and the parser takes their channels to be their input's.

THU-MIG's YOLOv10 is a copy of Ultralytics 8.1.34 with modules that 8.2 took over; all its configs
are read alike.

Facts: `parse_model` in `nn/tasks.py`, 8.0.200 to 8.4.190.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from typing import Any, Final

from yaml_attn.config.network import Layer, Network
from yaml_attn.dialects.arguments import LONGEST, shorten
from yaml_attn.dialects.base import Dialect, ResolvedLayer, Settings
from yaml_attn.dialects.composed import Find, host
from yaml_attn.dialects.rows import Parser, Row
from yaml_attn.dialects.strides import strides
from yaml_attn.dialects.ultralytics_rules import RULES
from yaml_attn.dialects.ultralytics_scaling import Scaling
from yaml_attn.errors import BuildError, ConfigError

MODULES: Final = frozenset(RULES)
"""Every module name of this dialect, but for the layers of torch and torchvision."""

NEW_HEAD: Final = frozenset(["A2C2f", "C2fCIB", "C3k2"])
"""Modules of which one is enough for Detect to be built in its newer form."""

_TORCH: Final = re.compile(r"(nn|torchvision\.ops)\.[A-Za-z]\w*")

# Variables of the parser that are no use as an argument.
_LOCALS: Final = frozenset(
    "act args ast base_modules block c1 cm d default_act hidden_channels j layers legacy m m_ n_"
    " repeat_modules restricted save scales t verbose".split()
)


class _Parser(Parser):
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
            UsageError: the config has scales, and this is none of them.
            ConfigError: a setting is missing, or its value is of no use; or there are no layers.
            BuildError: the framework could not construct a row; its layer is named.
        """
        scaling = Scaling.at(settings, scale, nc)
        if not network.layers:
            raise ConfigError("the config has no layers")
        # A name that no framework has is a mechanism's here, or is refused below.
        known = strides(network, keeps=lambda name: not name.startswith(("nn.", "torchvision.")))
        resolved: list[ResolvedLayer] = []
        for index, (layer, stride) in enumerate(zip(network.layers, known, strict=True)):
            row = _Row(self, network, layer, index, resolved, scaling)
            resolved.append(row.resolved(mechanism, stride))
        return tuple(resolved)

    def kind(self, name: str, mechanism: Find) -> str:
        """The module whose rule a row follows: of a layer of torch, that of any other."""
        if name not in self.rules and _TORCH.fullmatch(name):
            return "nn.Identity"
        return super().kind(name, mechanism)


class _Row(Row):
    def __init__(
        self,
        parser: Parser,
        network: Network,
        layer: Layer,
        index: int,
        earlier: Sequence[ResolvedLayer],
        scaling: Scaling,
    ) -> None:
        super().__init__(parser, network, layer, index, earlier, scaling)
        self.names = {
            "nc": scaling.nc,
            "scale": scaling.name,
            "depth": scaling.depth,
            "width": scaling.width,
            "max_channels": scaling.max_channels,
            "reg_max": scaling.reg_max,
            "end2end": scaling.end2end,
            "kpt_shape": scaling.kpt_shape,
            "ch": self.seen,
            "c2": self.seen[-1],
            "f": self.spelled,
            "i": index,
            "n": layer.number,
        }

    def _args(self) -> list[Any]:
        """The args with their strings understood; a mechanism's first one is not looked at."""
        skipped = 0 if self.kind in self.parser.rules else 1
        return [
            self._understood(arg) if isinstance(arg, str) and at >= skipped else arg
            for at, arg in enumerate(self.layer.args)
        ]

    def _understood(self, text: str) -> Any:
        if text in self.names:
            return self.names[text]
        if text in _LOCALS:
            raise BuildError(
                f"{text!r} in args is a variable of the parser in {self.parser.title}, no string"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as of an unknown escape
                return ast.literal_eval(text if len(text) <= LONGEST else "")
        except ValueError:
            return text
        except (SyntaxError, TypeError, RecursionError, MemoryError):
            raise BuildError(
                f"{self.parser.title} fails on {shorten(text)} in args",
                hint="It parses every string there, which must be a name or a literal of Python.",
            ) from None


def legacy_head(network: Network) -> bool:
    """Whether Detect and the heads built on it are made in their legacy form.

    They are unless the network has one of `NEW_HEAD`, also with attention inside. Putting the first
    such row in, or taking the last one out, changes the weights of the head.
    """
    return not any((host(layer.module) or layer.module) in NEW_HEAD for layer in network.layers)


_PARSER: Final = _Parser("Ultralytics", RULES, "yolov8s.yaml")
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("ultralytics", _PARSER.title, resolve, builder="ultralytics")
YOLOV10: Final = Dialect("yolov10", "YOLOv10", resolve, builder="ultralytics")
