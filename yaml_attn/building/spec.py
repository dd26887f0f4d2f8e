"""What a framework is asked to make of a config, and how messages speak of it. No torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from yaml_attn.dialects.dialect import depth_of, scaled_number
from yaml_attn.dialects.scaling import is_whole
from yaml_attn.document.document import Document
from yaml_attn.errors import ConfigError
from yaml_attn.graph.network import SECTIONS

if TYPE_CHECKING:
    from torch import nn


class Row(NamedTuple):
    """A row's module, as the config names it, and how often it is repeated after depth scaling."""

    module: str
    number: int


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """How a framework makes its model of a config.

    `make` does it, `rows` are the config's, `channels` the image's; `framework` is what people call
    it, `names` are those that its parser knows.
    """

    make: Callable[[], nn.Module]
    rows: Sequence[Row]
    channels: int
    framework: str
    names: Collection[str]

    def name(self, at: int) -> str:
        """A layer as messages name it."""
        return f"layer {at} ({self.rows[at].module})" if at >= 0 else "the image"


def rows_of(document: Document, scale: str | None = None) -> tuple[Row, ...]:
    """The rows of a config, repeated as at this scale.

    Raises:
        WiringError: a `from` is out of range or points forward.
    """
    depth = depth_of(document.settings, scale)
    return tuple(
        Row(layer.module, scaled_number(layer.number, depth)) for layer in document.network.layers
    )


def plain(document: Document, nc: int | None = None) -> dict[str, Any]:
    """A config as the plain data that a framework reads from the file; it may change them.

    `nc` stands in for the config's own number of classes.

    Raises:
        ConfigError: there is no number of classes.
    """
    classes = nc or document.settings.get("nc")
    if not is_whole(classes):
        what = f"nc is {classes!r}" if "nc" in document.settings else "the key nc is missing"
        raise ConfigError(what, hint="It must be the number of classes, above 0.")
    rows = {
        section: [row.values for row in document.rows if row.section == section]
        for section in SECTIONS
    }
    return copy.deepcopy({**document.settings, "nc": classes, **rows})


def class_names(module: Any) -> tuple[str, ...]:
    """The classes that a Python module has; its rows can name these."""
    return tuple(name for name, value in vars(module).items() if isinstance(value, type))
