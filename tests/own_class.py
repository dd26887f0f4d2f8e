"""A user's file with a class of theirs, as people write them: channels first, a helper beside."""

from __future__ import annotations

from pathlib import Path

OWN = '''\
"""Mine."""

from torch import nn

__all__ = ["Mine"]


class Gate(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 1)

    def forward(self, x):
        return self.conv(x.mean((2, 3), keepdim=True)).sigmoid()


class Mine(nn.Module):
    """A gate for each channel."""

    def __init__(self, channels, scale: float = 1.0):
        super().__init__()
        self.gate = Gate(channels)
        self.scale = scale

    def forward(self, x):
        return x * self.gate(x) * self.scale
'''


def parameters(channels: int) -> int:
    """How many a Mine has."""
    return channels * channels + channels


def write_own(folder: Path, name: str = "mine.py", text: str = OWN) -> str:
    """Write the file; gives the name of its class from anywhere."""
    (folder / name).write_text(text)
    return f"{folder / name}:Mine"
