"""What each bundled mechanism costs in training, as ratios to Conv3x3(C, C) + BatchNorm + SiLU.

    python benchmarks/modules.py                                      all mechanisms
    python benchmarks/modules.py SE SK --size 512@20 --rounds 9       two, at one size
    python benchmarks/modules.py --markdown docs/modules-benchmark.md

Time: CPU time of one forward and backward pass on one thread, float32. A round runs the
convolution and then every mechanism once; the ratio is taken inside the round, and the median of
the rounds is reported, so that a busy machine slows both sides of it alike.

Memory: how far the largest resident set of a fresh process (ru_maxrss) rises in its first such
pass, above the weights, the input and the output's gradient. That is what the operating system
gives, scratch buffers of the kernels included, which torch's own counters do not see. Unix only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from yaml_attn.modules import MECHANISMS, find

REFERENCE = "Conv3x3 + BN + SiLU"


@dataclass(frozen=True)
class Size:
    """A batch of square maps: `512@20` is 512 channels of 20x20."""

    channels: int
    side: int
    batch: int = 8

    @classmethod
    def parse(cls, text: str) -> Size:
        """Of `512@20`. Raises ValueError if it is not so written."""
        channels, side = text.split("@")
        return cls(int(channels), int(side))

    def __str__(self) -> str:
        return f"{self.channels}@{self.side}"

    def tensor(self) -> Tensor:
        """A random batch of this size."""
        return torch.randn(self.batch, self.channels, self.side, self.side)


SIZES = (Size(128, 80), Size(256, 40), Size(512, 20))


@dataclass(frozen=True)
class Cost:
    """Of one layer at one size: parameters, seconds and bytes; the last two as ratios too."""

    parameters: int
    seconds: float
    time_ratio: float
    memory: int
    memory_ratio: float


class LookingAtItself(nn.Module):
    """A layer of two inputs whose context is the map that it refines."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Refine the map by itself."""
        y: torch.Tensor = self.layer([x, x])
        return y


def make(name: str, channels: int) -> nn.Module:
    """The mechanism of this name with its defaults, or the reference."""
    if name == REFERENCE:
        conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.SiLU())
    mechanism = MECHANISMS[name]
    if mechanism.inputs == 1:
        return mechanism.load()(channels)
    return LookingAtItself(mechanism.load()(channels, channels))


def train(layer: nn.Module, x: Tensor, gradient: Tensor) -> None:
    """One forward and backward pass, the input's gradient included, as inside a network."""
    layer.zero_grad()
    layer(x.detach().requires_grad_()).backward(gradient)


def rounds_of_seconds(
    layers: Mapping[str, nn.Module], size: Size, rounds: int
) -> dict[str, list[float]]:
    """The CPU seconds of every layer in every round; a first round is not counted."""
    torch.set_num_threads(1)
    x, gradient = size.tensor(), size.tensor()
    seconds: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(rounds + 1):
        for name, layer in layers.items():
            start = time.process_time()
            train(layer, x, gradient)
            seconds[name].append(time.process_time() - start)
    return {name: values[1:] for name, values in seconds.items()}


def _peak(name: str, size: Size) -> int:
    """The bytes that this process's peak rises by; to be called once in a process."""
    torch.set_num_threads(1)
    layer, x, gradient = make(name, size.channels), size.tensor(), size.tensor()
    # Loads code and builds kernels, which are no cost of the layer's.
    train(layer, x[:1, :, :4, :4].contiguous(), gradient[:1, :, :4, :4].contiguous())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train(layer, x, gradient)
    rise = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return rise * (1 if sys.platform == "darwin" else 1024)


def peaks(names: Sequence[str], size: Size) -> dict[str, int]:
    """The peak memory of each layer in bytes, each in a process of its own."""
    # Else glibc keeps freed maps for later, as many as it likes, and they count as resident.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    with context.Pool(1, maxtasksperchild=1) as pool:
        found = pool.starmap(_peak, [(name, size) for name in names], chunksize=1)
    return dict(zip(names, found, strict=True))


def measure(names: Sequence[str], size: Size, rounds: int) -> dict[str, Cost]:
    """What the mechanisms cost at this size, and the reference before them."""
    layers = {name: make(name, size.channels) for name in (REFERENCE, *names)}
    memory = peaks(list(layers), size)
    seconds = rounds_of_seconds(layers, size, rounds)
    return {
        name: Cost(
            parameters=sum(parameter.numel() for parameter in layer.parameters()),
            seconds=statistics.median(seconds[name]),
            time_ratio=statistics.median(
                own / reference
                for own, reference in zip(seconds[name], seconds[REFERENCE], strict=True)
            ),
            memory=memory[name],
            memory_ratio=memory[name] / memory[REFERENCE],
        )
        for name, layer in layers.items()
    }


def table(costs: Mapping[Size, Mapping[str, Cost]]) -> str:
    """The ratios as a Markdown table, whose columns are aligned."""
    widest = max(costs, key=lambda size: size.channels)
    rows = [
        [
            "mechanism",
            f"parameters at {widest.channels}",
            *(f"time {size}" for size in costs),
            *(f"memory {size}" for size in costs),
        ]
    ]
    for name, cost in costs[widest].items():
        here = [costs[size][name] for size in costs]
        if name == REFERENCE:
            cells = [f"1 ({cost.seconds * 1000:.0f} ms)" for cost in here]
            cells += [f"1 ({cost.memory / 2**20:.0f} MiB)" for cost in here]
        else:
            cells = [f"{cost.time_ratio:.2f}" for cost in here]
            cells += [f"{cost.memory_ratio:.2f}" for cost in here]
        rows.append([name, f"{cost.parameters:,}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    lines = []
    for first, *numbers in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(costs: Mapping[Size, Mapping[str, Cost]], rounds: int) -> str:
    """The table with its heading and how it was measured, for the documentation."""
    what, _, time_and_memory = (__doc__ or "").partition("\n\n")
    how = time_and_memory[time_and_memory.index("Time:") :].strip()
    batch = next(iter(costs)).batch
    machine = f"torch {torch.__version__}, Python {platform.python_version()}, {platform.machine()}"
    return (
        f"# Cost of the modules\n\n{what}\n\n"
        f"Batch {batch}, median of {rounds} rounds; {machine}. `128@80` is 128 channels of 80x80.\n"
        f"Written by `python benchmarks/modules.py --markdown FILE`.\n\n{table(costs)}\n\n{how}\n"
    )


def main() -> None:
    """Measure what the command line names, print the table, write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="mechanisms or aliases; all if none is named")
    parser.add_argument("--size", action="append", type=Size.parse, help="as 512@20; repeatable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page here")
    options = parser.parse_args()

    names = [find(name).name for name in options.names] or list(MECHANISMS)
    costs = {size: measure(names, size, options.rounds) for size in options.size or SIZES}
    print(table(costs))
    if options.markdown:
        options.markdown.write_text(page(costs, options.rounds), encoding="utf-8")


if __name__ == "__main__":
    main()
