"""What a variant of an ablation study costs: yolov5s with 10 mechanisms at 100 placements each.

    python benchmarks/ablate.py                    every figure of ours
    python benchmarks/ablate.py --ultralytics      and the framework's, which must be installed here

A variant is edited, written as text, proved (read anew and compared), and validated: shapes,
strides, parameters and FLOPs of every layer. One process and one thread; the base is read once.
Claims: at least 200 variants a second after start-up, and each variant at least 20 times as fast as
`ultralytics.nn.tasks.DetectionModel` builds it; memory stays flat. The framework builds a sample
of the same rows, in rounds: all ten mechanisms at a place by ours, then by the framework, and the
ratio of both, so that a busy machine slows both sides alike. Its heads have no anchors: `Detect` is
`[nc]` there. It reports no FLOPs, ours does.

Seconds are wall clock, with CPU time beside it; memory is the largest resident set (ru_maxrss, so
Unix only).
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from collections.abc import Callable, Iterable
from itertools import combinations, product
from statistics import median
from typing import Any, NamedTuple, TypeVar

import torch
import yaml

import yaml_attn
from yaml_attn import Config, Insert
from yaml_attn.building.cache import Memo
from yaml_attn.building.report import BuildReport

BASE = "yolov5s.yaml"
MODULES = (
    "SE CBAM ECA CoordAtt SimAM GAMAttention ShuffleAttention NAMAttention SKAttention"
    " EfficientAttention"
).split()
SELECTORS = (
    "P3,P4,P5 stages stages,detect backbone.C3 head.C3 backbone.Conv head.Conv head.Concat"
).split()
PLACES = 100

Result = TypeVar("Result")


class Seconds(NamedTuple):
    """How long something took: by the clock on the wall, and of the processor's time."""

    wall: float
    cpu: float


def placements(base: Config) -> list[str]:
    """A hundred places: after each layer, what the selectors mean, and pairs of layers."""
    singles = [str(index) for index in range(len(base.network) - 1)]
    pairs = [",".join(pair) for pair in combinations(singles, 2)]
    wanted = PLACES - len(singles) - len(SELECTORS)
    return [*singles, *SELECTORS, *pairs[:: len(pairs) // wanted][:wanted]]


def variant(base: Config, module: str, place: str, memo: Memo) -> tuple[str, BuildReport]:
    """One config of the study: its text, proved, and what it builds."""
    config = base.edit(Insert(module, after=place))
    return config.text, config.build(memo=memo)


def timed(job: Callable[..., Result], *args: Any) -> tuple[Result, Seconds]:
    """What a call gives, and how long it takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = job(*args)
    return result, Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def total(times: Iterable[Seconds]) -> Seconds:
    """How long several calls took together."""
    return Seconds(*map(sum, zip(*times, strict=True)))


def peak() -> float:
    """The largest resident set so far, in MiB."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found / 2 ** (20 if sys.platform == "darwin" else 10)


def study_of(base: Config) -> list[tuple[str, str]]:
    """The mechanism and the place of every variant.

    Each place with one mechanism after the other: the largest maps, and the peak, come early.
    """
    return [(module, place) for place, module in product(placements(base), MODULES)]


def run(base: Config, memo: Memo) -> None:
    """Make the whole study and print what it took."""
    times, peaks, texts = [], [], set()
    for module, place in study_of(base):
        (text, report), taken = timed(variant, base, module, place, memo)
        if not report.flops or not report.parameters:
            raise SystemExit(f"{module} after {place} was not validated")
        texts.add(text)
        times.append(taken)
        peaks.append(peak())
    count = len(texts)
    wall, cpu = total(times)
    middle = Seconds(*map(median, zip(*times, strict=True)))
    print(f"{count} variants of {BASE} in {wall:.2f} s, {cpu:.2f} s of CPU time")
    print(f"{count / wall:8.0f}   variants/s (at least 200); {count / cpu:.0f} by CPU time")
    print(f"{middle.wall * 1e3:8.2f}   ms a variant, median; {middle.cpu * 1e3:.2f} of CPU time")
    print(
        f"{peaks[-1] - peaks[99]:8.1f}   MiB between the peaks after variant 100 "
        f"({peaks[99]:.0f} MiB) and after variant {count}"
    )


def without_anchors(text: str) -> dict[str, Any]:
    """A config as the framework takes it."""
    config: dict[str, Any] = yaml.safe_load(text)
    config["head"][-1][3] = ["nc"]
    return config


def compare(base: Config, memo: Memo, rounds: int) -> None:
    """Build variants with the framework and make them with ours, in turn; print the ratio."""
    from ultralytics.nn.tasks import DetectionModel  # noqa: PLC0415 (not every run needs it)

    yaml_attn.register_ultralytics()
    study, size = study_of(base), len(MODULES)
    times = []
    for place in range(0, PLACES, PLACES // (rounds + 1)):
        group = study[place * size : (place + 1) * size]
        gc.collect()  # neither side clears away what the other left
        made = [timed(variant, base, *each, memo) for each in group]
        gc.collect()
        configs = [without_anchors(text) for (text, _), _ in made]
        built = [timed(DetectionModel, config, 3, None, False)[1] for config in configs]
        times.append((total(taken for _, taken in made), total(built)))
    times = times[1 : rounds + 1]  # the first round loads code
    ours, theirs = (median(each.wall for each in side) / size for side in zip(*times, strict=True))
    ratio = median(theirs.wall / ours.wall for ours, theirs in times)
    ratio_cpu = median(theirs.cpu / ours.cpu for ours, theirs in times)
    print(f"{theirs * 1e3:8.1f}   ms for DetectionModel, in {rounds} rounds of {size} variants")
    print(f"{ours * 1e3:8.2f}   ms for ours, in the same rounds")
    print(f"{ratio:8.0f} x DetectionModel / ours (at least 20); {ratio_cpu:.0f} by CPU time")


def main() -> None:
    """Make the study; compare a sample with the framework where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ultralytics", action="store_true", help="build some with it too")
    parser.add_argument("--rounds", type=int, default=9, help="how many; 9 unless given")
    options = parser.parse_args()

    torch.set_num_threads(1)
    base, memo = yaml_attn.load(BASE), Memo()
    base.build(memo=memo)
    run(base, memo)
    if options.ultralytics:
        compare(base, memo, options.rounds)


if __name__ == "__main__":
    main()
