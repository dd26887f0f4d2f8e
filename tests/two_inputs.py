"""Layers that read two maps, made to read one, so that one contract holds for all."""

from __future__ import annotations

from torch import Tensor, nn

from yaml_attn.mechanisms.mechanism import Mechanism


class WithContext(nn.Module):
    """The context is made of what is refined: of another width and height, from the same image."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer([x, x.repeat(1, 2, 2, 1)[:, 1:]])
        return y


def reading_one(mechanism: Mechanism, channels: int, **options: object) -> nn.Module:
    """The layer, or one around it that hands it a context."""
    if mechanism.inputs == 1:
        return mechanism.load()(channels, **options)
    return WithContext(mechanism.load()(channels, 2 * channels - 1, **options))
