"""What hostile files of weights cost the reader: each kind of `tests/weights/hostile.py`, measured.

    python benchmarks/hostile_checkpoints.py                 files of 8 MB
    python benchmarks/hostile_checkpoints.py --size 1000000

Each file is read by a process of its own. Memory is the highest resident set of that process over
what it was before reading (VmHWM, so Linux only), beside the bound of docs/weights.md: the file and
160 MB. Nothing may run: a file that the code in them would leave is looked for.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

READ = """
import sys, time
from yaml_attn.errors import CheckpointError
from yaml_attn.weights import read_checkpoint

def highest():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before, start = highest(), time.perf_counter()
try:
    read_checkpoint(sys.argv[1])
    said = "read"
except CheckpointError as error:
    said = str(error).partition(": ")[2].splitlines()[0]
print((highest() - before) / 1000, time.perf_counter() - start, said)
"""


def main() -> None:
    """Print the table."""
    from weights.hostile import KINDS, MARK, honest  # noqa: PLC0415 (needs the paths above)

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--size", type=int, default=8_000_000, help="bytes of a file, about")
    size = options.parse_args().size
    highest, ran = 0.0, 0
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "x.pt")
        for kind, make in {"honest weights": honest, **KINDS}.items():
            path.write_bytes(make(size))
            command = [sys.executable, "-c", READ, str(path)]
            found = subprocess.run(
                command, cwd=name, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
                check=True,
            )  # fmt: skip
            memory, seconds, said = found.stdout.split(maxsplit=2)
            megabytes = path.stat().st_size / 1e6
            over = float(memory) - megabytes
            highest, ran = max(highest, over), ran + Path(name, MARK).exists()
            print(
                f"{kind:40} {megabytes:6.1f} MB  {float(memory):6.1f} MB  {float(seconds):5.1f} s  "
                f"{said.strip()[:60]}"
            )
    print(
        f"{len(KINDS)} kinds; {ran} ran something; at most {highest:.0f} MB more than the file "
        "(160 are allowed)"
    )
    sys.exit(ran > 0 or highest > 160)


if __name__ == "__main__":
    main()
