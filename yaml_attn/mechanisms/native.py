"""Attention that a stock framework has already: rows without any code of ours.

Ultralytics resolves `torchvision.ops.X` in a row (8.3.100 and newer), so a config with

    [-1, 1, torchvision.ops.SqueezeExcitation, [c2, 16]]

trains, resumes and exports wherever it is installed. `c2` is what its parser makes the channels of
the row above, so such a row must stand directly behind the layer that it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from inspect import Parameter as Argument
from typing import TYPE_CHECKING, Final

from yaml_attn.errors import BuildError
from yaml_attn.mechanisms.mechanism import Parameter

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class NativeMechanism:
    """A class of another library that a row names by its import path.

    `title`, `venue`, `year` and `arxiv` are those of its paper.
    """

    name: str
    title: str
    venue: str
    year: int
    arxiv: str
    parameters: tuple[Parameter, ...]
    inputs: int = 1

    @property
    def signature(self) -> str:
        """The row's arguments: `torchvision.ops.SqueezeExcitation(c2, squeeze_channels)`."""
        return f"{self.name}({', '.join(['c2', *map(str, self.parameters)])})"

    def load(self) -> type[nn.Module]:
        """The class itself. Imports torch.

        Raises:
            BuildError: its library is not installed.
        """
        module, _, attribute = self.name.rpartition(".")
        try:
            found: type[nn.Module] = getattr(import_module(module), attribute)
        except ImportError as error:
            raise BuildError(f"{self.name} cannot be imported: {error}") from None
        return found


NATIVE: Final[Mapping[str, NativeMechanism]] = {
    each.name: each
    for each in [
        NativeMechanism(
            name="torchvision.ops.SqueezeExcitation",
            title="Squeeze-and-Excitation Networks",
            venue="CVPR",
            year=2018,
            arxiv="1709.01507",
            # A number and no ratio: the real channels at each scale, divided by 16 in the paper.
            parameters=(Parameter("squeeze_channels", Argument.empty, "int"),),
        )
    ]
}
"""Row name -> what is known of it."""
