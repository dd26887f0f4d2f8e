"""Kill -9 at random moments: every file stays whole, old or new, and the next run tidies up.

    python benchmarks/kills.py [--runs 500] [--seed 0]

The runs are shared out among the jobs; one that ends before it is killed is not counted. One half
is killed at any moment from the start of the process to its usual end, the other half just when
files begin to change, where a careless writer would be caught. After each, every file must be as it
was, or as the finished job leaves it (a manifest of a study, which tells how far it has come: valid
JSON). Then the same command runs once more, undisturbed: the folder must hold what the job leaves
that runs once or twice, and no temporary file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest import mock

from yaml_attn.api import load
from yaml_attn.cli import main as command

BASE = load("yolov5s.yaml").data
STUDY = ["ablate", "-b", "base.yaml", "--at", "stages,detect", "-o", "study", "--no-build"]
EDIT = ["insert", "--base", "base.yaml", "--module", "SE", "--after", "8", "--no-build"]
COMMAND = str(Path(sys.executable).with_name("yaml-attn"))

Files = dict[str, bytes]
"""The files of a folder, by name."""


@dataclass(frozen=True)
class Job:
    """A command, the files that it finds, and the command that makes files before it, if any."""

    args: list[str]
    files: Files = field(default_factory=lambda: {"base.yaml": BASE})
    before: list[str] | None = None


def jobs() -> dict[str, Job]:
    """The commands that write."""
    inserted = load("yolov5s.yaml").insert("SE", after=8).text
    forgotten = inserted.replace("[[-1, 15], 1, Concat", "[[-1, 14], 1, Concat")
    if forgotten == inserted:
        raise RuntimeError("the template has changed: which number is forgotten here?")
    return {
        "insert": Job([*EDIT, "-o", "new.yaml", "--force"]),
        "insert --in-place": Job([*EDIT, "--in-place"]),
        "check --fix": Job(
            ["check", "copy.yaml", "--fix", "--base", "base.yaml"],
            {"base.yaml": BASE, "copy.yaml": forgotten.encode()},
        ),
        "ablate": Job([*STUDY, "-m", "SE,ECA,SimAM"]),
        "ablate again": Job([*STUDY, "-m", "SE,CBAM"], before=[*STUDY, "-m", "SE,ECA"]),
    }


def main() -> None:
    """Run, kill, look, run again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = Random(options.seed)  # noqa: S311
    broken = 0
    for number, (name, job) in enumerate(jobs().items()):
        runs = len(range(number, options.runs, len(jobs())))
        outcomes = Trial(job, random).kill(runs)
        broken += outcomes.pop("BROKEN", 0)
        print(f"{name}: {runs} runs killed: ", end="")
        print(", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())), flush=True)
    sys.exit(f"{broken} runs broke a promise" if broken else 0)


class Trial:
    """One job, run to its end for comparison, then killed again and again."""

    def __init__(self, job: Job, random: Random) -> None:
        self.job = job
        self.random = random
        with self._folder() as folder:
            self.old = read(folder)
            seconds: list[float] = []
            states: list[Files] = []
            for _ in range(2):
                start = time.perf_counter()
                subprocess.run([COMMAND, *job.args], cwd=folder, capture_output=True, check=True)
                seconds.append(time.perf_counter() - start)
                states.append(read(folder))
        self.new, self.again = states
        self.seconds = min(seconds)
        self.changed = [name for name in self.new if self.new[name] != self.old.get(name)]

    def kill(self, runs: int) -> Counter[str]:
        """What became of so many killed runs."""
        outcomes: Counter[str] = Counter()
        number = 0
        while number < runs:
            with self._folder() as folder:
                if self._ended(folder, aimed=number % 2 == 1):
                    continue  # it was faster than usual, or the moment too late
                number += 1
                found = read(folder)
                for problem in self._problems(found, folder):
                    print(f"{' '.join(self.job.args)}: {problem}")
                    outcomes["BROKEN"] += 1
                temporary = any(name not in self.old | self.new for name in found)
                outcomes[
                    "while a file was written (its temporary file was left)" if temporary
                    else "before a file was changed" if found == self.old
                    else "when all was written" if found == self.new
                    else "between two files"
                ] += 1  # fmt: skip
        return outcomes

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self._reset(folder)
            yield folder

    def _reset(self, folder: Path) -> None:
        for name, data in self.job.files.items():
            (folder / name).write_bytes(data)
        if self.job.before:
            run(folder, self.job.before)

    def _ended(self, folder: Path, *, aimed: bool) -> bool:
        """Whether the command ended before it was killed."""
        start = time.perf_counter()
        process = subprocess.Popen(
            [COMMAND, *self.job.args],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if aimed:
            changes, seen = self.random.randint(1, len(self.changed)), listing(folder)
            while changes and process.poll() is None:
                now = listing(folder)
                changes -= now != seen
                seen = now
            time.sleep(self.random.choice([0, self.random.uniform(0, 0.003)]))
        else:
            moment = self.random.uniform(0, 1.1 * self.seconds)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, start + moment - time.perf_counter()))
        finished = process.poll() is not None
        process.kill()
        process.wait()
        return finished

    def _is_whole(self, name: str, data: bytes) -> bool:
        return data in {self.old.get(name), self.new.get(name)}

    def _problems(self, found: Files, folder: Path) -> list[str]:
        """What is wrong in the folder, and after the next run."""
        wrong = []
        for name, data in found.items():
            if Path(name).name.startswith("manifest") and name.endswith(".json"):
                json.loads(data)
            elif name in self.old | self.new and not self._is_whole(name, data):
                wrong.append(f"{name} is neither old nor new: {len(data)} bytes")
        wrong += [f"{name} is gone" for name in self.old if name not in found]
        run(folder, self.job.args)
        after = read(folder)
        if after not in (self.new, self.again):
            odd = {name for name in {*after, *self.new} if after.get(name) != self.new.get(name)}
            wrong.append(f"after the next run these are not as they should be: {sorted(odd)}")
        return wrong


def read(folder: Path) -> Files:
    """All files of a folder, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def listing(folder: Path) -> set[tuple[str, int]]:
    """The names in a folder and its subfolders, with what tells one file of a name from another."""
    found = set()
    for entry in os.scandir(folder):
        found.add((entry.name, entry.inode()))
        if entry.is_dir():
            found |= {(inner.name, inner.inode()) for inner in os.scandir(entry)}
    return found


def run(folder: Path, args: list[str]) -> None:
    """The command in this process, which is faster and writes the same."""
    here = Path.cwd()
    os.chdir(folder)
    with (
        mock.patch.object(sys, "argv", [COMMAND, *args]),
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())),
        contextlib.redirect_stderr(io.TextIOWrapper(io.BytesIO())) as said,
    ):
        try:
            command()
        except SystemExit as stop:
            if stop.code:
                said.seek(0)
                raise RuntimeError(said.read()) from None
        finally:
            os.chdir(here)


if __name__ == "__main__":
    main()
