"""What a command costs, as whole processes: medians, and ratios to the imports it cannot avoid.

    python benchmarks/startup.py [--runs 15]

The runs are interleaved, so that a machine that slows down slows all of them. Claims: `diff` and
`insert --no-build` take at most 2.5 times the import of typer, ruamel.yaml and rich.table, and
`--help` 1.5 times;
`insert` with the build at most 1.25 times `import torch` plus 0.3 s. Seconds are wall clock.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

EDIT = ["--base", "yolov5s.yaml", "--module", "SE", "--after", "8"]
COMMAND = [str(Path(sys.executable).with_name("yaml-attn"))]
JOBS = {
    "import typer, ruamel.yaml, rich.table": [
        sys.executable, "-c", "import typer, ruamel.yaml, rich.table",
    ],
    "yaml-attn diff": [*COMMAND, "diff", *EDIT],
    "yaml-attn insert --no-build": [*COMMAND, "insert", *EDIT, "--no-build", "--force"],
    "yaml-attn --help": [*COMMAND, "--help"],
    "import torch": [sys.executable, "-c", "import torch"],
    "yaml-attn insert": [*COMMAND, "insert", *EDIT, "--force"],
}  # fmt: skip


def seconds(command: list[str], folder: str) -> float:
    """Wall-clock time of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Run all jobs in turn and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in JOBS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(runs + 1):
            for name, command in JOBS.items():
                taken = seconds(command, folder)
                if turn:  # the first turn warms the disk
                    times[name].append(taken)
    medians = {name: median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{value:7.3f} s  {name}")
    imports = medians["import typer, ruamel.yaml, rich.table"]
    for name in ("yaml-attn diff", "yaml-attn insert --no-build"):
        print(f"{medians[name] / imports:7.2f} x  {name} / imports (at most 2.5)")
    print(
        f"{medians['yaml-attn --help'] / imports:7.2f} x  yaml-attn --help / imports (at most 1.5)"
    )
    torch = medians["import torch"]
    allowed = 1.25 * torch + 0.3
    print(
        f"{medians['yaml-attn insert'] / torch:7.2f} x  yaml-attn insert / import torch "
        f"(at most {allowed / torch:.2f}, which is 1.25 and 0.3 s)"
    )


if __name__ == "__main__":
    main()
