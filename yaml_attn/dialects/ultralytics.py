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
from typing import Any, Final

from yaml_attn.dialects.arguments import LONGEST, shorten
from yaml_attn.dialects.block_attention import Find, host
from yaml_attn.dialects.dialect import Dialect, Settings
from yaml_attn.dialects.parser import Parser, Row
from yaml_attn.dialects.ultralytics_rules import RULES
from yaml_attn.dialects.ultralytics_scaling import Scaling
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import Network

NEW_HEAD: Final = frozenset(["A2C2f", "C2fCIB", "C3k2"])
"""Modules of which one is enough for Detect to be built in its newer form."""

_TORCH: Final = re.compile(r"(nn|torchvision\.ops)\.[A-Za-z]\w*")

_TASKS: Final = (
    ("classify", "classify"),
    ("detect", "detect"),
    ("semanticsegment", "semantic"),
    ("segment", "segment"),
    ("pose", "pose"),
    ("obb", "obb"),
    ("depth", "depth"),
)
"""What the module is called, or contains -> the task; `guess_model_task`, the first that fits."""

# Variables of the parser that are no use as an argument.
_LOCALS: Final = frozenset(
    "act args ast base_modules block c1 cm d default_act hidden_channels j layers legacy m m_ n_"
    " repeat_modules restricted save scales t verbose".split()
)


class _Parser(Parser):
    def scaling(self, settings: Settings, nc: int | None, scale: str | None) -> Scaling:
        """The settings that rows depend on, at one of the config's scales."""
        return Scaling.at(settings, scale, nc)

    def keeps(self, name: str) -> bool:
        """Whether a module that no framework knows keeps the size of its map.

        It is a mechanism's, which do, or a layer of torch, which need not.
        """
        return not name.startswith(("nn.", "torchvision."))

    def kind(self, name: str, mechanism: Find) -> str:
        """The module whose rule a row follows: of a layer of torch, that of any other."""
        if name not in self.rules and _TORCH.fullmatch(name):
            return "nn.Identity"
        return super().kind(name, mechanism)

    def understood(self, text: str, row: Row) -> Any:
        """What an argument string means."""
        if text in row.variables:
            return row.variables[text]
        if text in _LOCALS:
            raise BuildError(
                f"{text!r} in args is a variable of the parser in {self.title}, no string"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as of an unknown escape
                return ast.literal_eval(text if len(text) <= LONGEST else "")
        except ValueError:
            return text
        except (SyntaxError, TypeError, RecursionError, MemoryError):
            raise BuildError(
                f"{self.title} fails on {shorten(text)} in args",
                hint="It parses every string there, which must be a name or a literal of Python.",
            ) from None


def legacy_head(network: Network) -> bool:
    """Whether Detect and the heads built on it are made in their legacy form.

    They are unless the network has one of `NEW_HEAD`, also with attention inside. Putting the first
    such row in, or taking the last one out, changes the weights of the head.
    """
    return not any((host(layer.module) or layer.module) in NEW_HEAD for layer in network.layers)


def task_of(head: str) -> str:
    """What the framework trains a network for whose last row has this module: "detect", ..."""
    name = head.lower()
    return next((task for part, task in _TASKS if part in name), "detect")


_PARSER: Final = _Parser("Ultralytics", RULES)
resolve: Final = _PARSER.resolve

DIALECT: Final = Dialect("ultralytics", _PARSER.title, resolve, builder="ultralytics")
YOLOV10: Final = Dialect("yolov10", "YOLOv10", resolve, builder="ultralytics")
