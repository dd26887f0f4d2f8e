"""Layers in a row, each reading what its `from` says: the network as a torch module."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from yaml_attn.dialects.dialect import Dialect, ResolvedLayer
from yaml_attn.graph.network import IMAGE, Network

Call = Callable[[int, nn.Module, Any], Any]
"""How one layer is run: (index, layer, its input) -> its output."""


class Model(nn.Module):
    """The network that a config describes.

    Its state dict has the keys of the framework's own model: `model.{index}.…`.

    Attributes:
        model: the layers.
        resolved: what each was constructed from.
        reads: for each layer, the index that it reads, or a list of them; -1 is the image.
        save: what the framework calls so: the indexes that `from` names other than by -1, sorted.
        image_channels: channels of the image.
        dialect: the name of the dialect that its rows were read in.
        title: what people call that.
    """

    def __init__(
        self,
        network: Network,
        layers: Sequence[nn.Module],
        resolved: tuple[ResolvedLayer, ...],
        image_channels: int,
        dialect: Dialect,
    ) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.resolved = resolved
        self.image_channels = image_channels
        self.dialect = dialect.name
        self.title = dialect.title
        self.reads: list[int | list[int]] = []
        self.save: list[int] = []
        for index, layer in enumerate(network.layers):
            reads = [network.index.get(source.key, IMAGE) for source in layer.sources]
            named = [
                target
                for target, source in zip(reads, layer.sources, strict=True)
                if not (source.relative and target == index - 1)
            ]
            self.save.extend(named)
            self.reads.append(reads if layer.listed else reads[0])
        self.save.sort()

    def forward(self, image: Tensor, call: Call | None = None) -> Any:
        """The output of the last layer; `call` runs each layer if it is given."""
        kept: dict[int, Any] = {IMAGE: image}
        output: Any = image
        for index, (layer, reads) in enumerate(zip(self.model, self.reads, strict=True)):
            given = [kept[at] for at in reads] if isinstance(reads, list) else kept[reads]
            output = layer(given) if call is None else call(index, layer, given)
            kept[index] = output
            if index - 1 not in self.save:
                kept.pop(index - 1)
        return output
