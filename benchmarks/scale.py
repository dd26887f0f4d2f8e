"""What the commands cost as networks and folders grow: seconds, peak memory, and exponents.

    python benchmarks/scale.py            all sizes, some minutes
    python benchmarks/scale.py --quick    small ones, half a minute

Networks of 25 to 25,000 rows and folders of 100 to 10,000 configs are made in a temporary folder.
Each command runs in a process of its own; seconds are CPU time, so that other work on the machine
does not count, and memory is the largest resident set of that process. The exponent is that between
this size and the one before: 1 is linear. What every run pays, whatever its size, is measured by
the smallest size and taken off before.

Like configs are copies of one base, each with another attention in it; unlike ones differ in their
rows. A command that takes longer than `--limit` seconds is stopped, and larger sizes left out.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROWS = (25, 250, 2_500, 25_000)
FILES = (100, 1_000, 10_000)
COMMAND = [sys.executable, "-c", "from yaml_attn.cli import main; main()"]
MODULES = "SE CBAM ECA CoordAtt SimAM GAM NAM ShuffleAttention".split()


class Cost(NamedTuple):
    """What one run took, and how it ended."""

    seconds: float
    megabytes: float
    ended: str


def network(count: int, seed: int = 0) -> list[str]:
    """Rows of a network as deep as wanted: stages of blocks with skips, a neck, a head."""
    draw = random.Random(seed)  # noqa: S311
    rows = ["[-1, 1, Conv, [64, 6, 2, 2]]"]
    while len(rows) < count - 4:
        index, channels = len(rows), draw.choice([64, 128, 256, 512, 1024])
        kind = draw.random()
        if kind < 0.5:
            rows.append(f"[-1, 1, Conv, [{channels}, {draw.choice([1, 3])}, 1]]")
        elif kind < 0.85 or index < 9:
            rows.append(f"[-1, {draw.choice([1, 3, 6, 9])}, C3, [{channels}]]")
        else:
            rows.append(f"[[-1, {index - draw.randrange(2, 9)}], 1, Concat, [1]]")
    rows += ["[-1, 3, C3, [256, False]]"] * 3
    last = len(rows) - 1
    rows.append(f"[[{last - 2}, {last - 1}, {last}], 1, Detect, [nc, anchors]]")
    return rows


def config(rows: list[str]) -> str:
    """The rows as a file, a layer number behind each tenth."""
    lines = ["nc: 80", "depth_multiple: 0.33", "width_multiple: 0.5", "anchors: 3"]
    for index, row in enumerate(rows):
        if index in {0, len(rows) // 2}:
            lines.append("head:" if index else "backbone:")
        lines.append(f"  - {row}" + (f"  # {index}" if index % 10 == 0 else ""))
    return "\n".join([*lines, ""])


def with_attention(rows: list[str], module: str, at: int) -> list[str]:
    """The rows with an attention behind row `at`, the numbers below as they should be."""
    moved = []
    for row in rows:
        start, rest = row.split("], 1,", 1) if row.startswith("[[") else (row, "")
        if rest:
            numbers = [int(each) for each in start[2:].split(",")]
            numbers = [each + (each >= at) for each in numbers]
            row = f"[[{', '.join(map(str, numbers))}], 1,{rest}"  # noqa: PLW2901
        moved.append(row)
    return [*moved[: at + 1], f"[-1, 1, {module}, [64]]", *moved[at + 1 :]]


def files_like(count: int) -> Iterator[str]:
    """One base, and copies of it with one attention each."""
    base = network(25)
    yield config(base)
    for number in range(1, count):
        yield config(with_attention(base, MODULES[number % 8], 1 + number % 20))


def files_unlike(count: int) -> Iterator[str]:
    """Configs that have nothing to do with one another."""
    for number in range(count):
        yield config(network(20 + number % 17, seed=number))


def run(arguments: list[str], folder: Path, limit: int) -> Cost:
    """One process: how long, how much memory, and how it ended."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),  # noqa: PLW1509
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = code = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    ended = "stopped" if code < 0 else {0: "", 1: "findings"}.get(code, f"exit {code}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * unit / 1e6, ended)


def jobs_of_rows(folder: Path, count: int) -> dict[str, list[str]]:
    """The commands for one network, its files written."""
    rows = network(count)
    (folder / f"{count}").mkdir()
    name, edited = f"{count}/net.yaml", f"{count}/edited.yaml"
    (folder / name).write_text(config(rows), encoding="utf-8")
    (folder / edited).write_text(
        config(with_attention(with_attention(rows, "SE", count // 3), "CBAM", count // 2)),
        encoding="utf-8",
    )
    other = f"{count}/other.yaml"
    (folder / other).write_text(config(network(count, seed=1)), encoding="utf-8")
    every = f"{count}/every.yaml"

    def edit(command: str, base: str, *arguments: str, to: str = f"{count}/out.yaml") -> list[str]:
        return [command, "--base", base, *arguments, "--no-build", "--force", "--output", to]

    return {
        "show": ["show", name],
        "check": ["check", name],
        "check, base beside": ["check", edited],
        "diff, two rows added": ["diff", name, edited],
        "diff, unlike": ["diff", name, other],
        "insert": edit("insert", name, "--module", "SE", "--after", "3"),
        "insert after every Conv": edit(
            "insert", name, "--module", "SE", "--after", "Conv[*]", to=every
        ),
        "remove all of these": edit("remove", every, "--at", "SE[*]"),
        "replace every Conv": edit("replace", name, "--at", "Conv[*]", "--module", "GhostConv"),
        "ablate, 4 variants": [
            "ablate", "--base", name, "--modules", "SE,CBAM", "--at", "3,5", "--no-build",
            "--force", "--output", f"{count}/study",
        ],
    }  # fmt: skip


def jobs_of_files(folder: Path, count: int) -> dict[str, list[str]]:
    """The commands for one folder of configs, written."""
    makers: dict[str, Callable[[int], Iterator[str]]] = {"like": files_like, "unlike": files_unlike}
    jobs = {}
    for kind, maker in makers.items():
        there = folder / f"{kind}{count}"
        there.mkdir()
        for number, text in enumerate(maker(count)):
            (there / f"{number:05}.yaml").write_text(text, encoding="utf-8")
        jobs[f"check a folder, {kind}"] = ["check", there.name]
        jobs[f"check one of a folder, {kind}"] = ["check", f"{there.name}/00007.yaml"]
    return jobs


def measure(
    title: str,
    sizes: tuple[int, ...],
    make: Callable[[Path, int], dict[str, list[str]]],
    limit: int,
) -> None:
    """Run and print one table, row by row."""
    print(
        f"\n| {title} | size | seconds | MB | exponent | |\n|---|--:|--:|--:|--:|---|", flush=True
    )
    costs: dict[str, dict[int, Cost]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jobs = {size: make(folder, size) for size in sizes}
        for command in jobs[sizes[0]]:
            done = costs.setdefault(command, {})
            for size in sizes:
                cost = done[size] = run(jobs[size][command], folder, limit)
                print(
                    f"| {command} | {size:,} | {cost.seconds:.1f} | {cost.megabytes:.0f} "
                    f"| {exponent(done, size)} | {cost.ended} |",
                    flush=True,
                )
                if cost.ended == "stopped":
                    break


def exponent(costs: dict[int, Cost], size: int) -> str:
    """How seconds grew from the size before, what the smallest took being paid by each."""
    first, *_ = costs
    before = max((each for each in costs if each < size), default=None)
    if before is None or before == first:
        return ""
    fixed = costs[first].seconds
    grown, was = costs[size].seconds - fixed, costs[before].seconds - fixed
    if was < 0.05 or grown <= 0:
        return ""
    return f"{math.log(grown / was) / math.log(size / before):.2f}"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave the largest sizes out")
    parser.add_argument("--limit", type=int, default=150, help="seconds for one command")
    given = parser.parse_args()
    sizes = ROWS[:3] if given.quick else ROWS, FILES[:2] if given.quick else FILES
    measure("command, by rows", sizes[0], jobs_of_rows, given.limit)
    measure("command, by files", sizes[1], jobs_of_files, given.limit)


if __name__ == "__main__":
    main()
