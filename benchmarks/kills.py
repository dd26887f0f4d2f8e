"""Kill -9 at random moments, and many edits at once: nothing is lost, and the next run tidies up.

    python benchmarks/kills.py [--runs 500] [--edits 200] [--seed 0]

The edits: so many processes insert a layer into one file in place, as many at a time as --at-once
says; those that say that they did it must all be found in the file, and the others must say that
they did not. Then `check --fix` repairs a folder of 300 configs while somebody saves every tenth
of them with a line more, each at a random moment: no such line may be gone, and every other file is
repaired.

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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest import mock

from yaml_attn.api import load
from yaml_attn.cli import main as command

BASE = load("yolov5s.yaml").data
STUDY = ["ablate", "-b", "base.yaml", "--at", "stages,detect", "-o", "study", "--no-build"]
EDIT = ["insert", "--base", "base.yaml", "--module", "SE", "--after", "8", "--no-build"]
COMMAND = [sys.executable, "-m", "yaml_attn"]
FIXED = 300
"""Configs that are repaired while some are saved."""

Files = dict[str, bytes]
"""The files of a folder, by name."""


@dataclass(frozen=True)
class Job:
    """A command, the files that it finds, and the command that makes files before it, if any."""

    args: list[str]
    files: Files = field(default_factory=lambda: {"base.yaml": BASE})
    before: list[str] | None = None


def mistaken() -> bytes:
    """A config with an attention layer behind which one number was forgotten."""
    inserted = load("yolov5s.yaml").insert("SE", after=8).text
    forgotten = inserted.replace("[[-1, 15], 1, Concat", "[[-1, 14], 1, Concat")
    if forgotten == inserted:
        raise RuntimeError("the template has changed: which number is forgotten here?")
    return forgotten.encode()


def jobs() -> dict[str, Job]:
    """The commands that write."""
    return {
        "insert": Job([*EDIT, "-o", "new.yaml", "--force"]),
        "insert --in-place": Job([*EDIT, "--in-place"]),
        "check --fix": Job(
            ["check", "copy.yaml", "--fix", "--base", "base.yaml"],
            {"base.yaml": BASE, "copy.yaml": mistaken()},
        ),
        "ablate": Job([*STUDY, "-m", "SE,ECA,SimAM"]),
        "ablate again": Job([*STUDY, "-m", "SE,CBAM"], before=[*STUDY, "-m", "SE,ECA"]),
    }


def main() -> None:
    """Run, kill, look, run again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random = Random(options.seed)  # noqa: S311
    broken = edit_one_file(options.edits, options.at_once)
    broken += save_while_fixing(random)
    for number, (name, job) in enumerate(jobs().items()):
        runs = len(range(number, options.runs, len(jobs())))
        outcomes = Trial(job, random).kill(runs)
        broken += outcomes.pop("BROKEN", 0)
        print(f"{name}: {runs} runs killed: ", end="")
        print(", ".join(f"{n} {what}" for what, n in sorted(outcomes.items())), flush=True)
    sys.exit(f"{broken} promises were broken" if broken else 0)


def edit_one_file(edits: int, at_once: int) -> int:
    """Insert a layer by many processes at once; how many edits are gone or were not told of."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name, "base.yaml")
        file.write_bytes(BASE)

        def edit(_: int) -> subprocess.CompletedProcess[str]:
            command = [*COMMAND, *EDIT, "--in-place", "--quiet"]
            return subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)

        with ThreadPoolExecutor(at_once) as pool:
            ended = list(pool.map(edit, range(edits)))
        done = sum(each.returncode == 0 for each in ended)
        refused = sum("since it was read" in each.stderr for each in ended if each.returncode)
        there = file.read_text().count("SE, [1024]]")
        rest = sorted(each.name for each in Path(name).iterdir() if each != file)
        print(
            f"{edits} edits, {at_once} at a time: {done} done, of which {there} are in the file; "
        )
        print(f"{refused} refused; beside the file: {rest or 'nothing'}", flush=True)
        return abs(done - there) + edits - done - refused + len(rest)


def save_while_fixing(random: Random) -> int:
    """Save some configs while all are repaired; how many edits are gone, or repairs missing."""
    mistakes, fixed = mistaken(), load("yolov5s.yaml").insert("SE", after=8).data
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.yaml").write_bytes(BASE)
        configs = [folder / f"{number}.yaml" for number in range(FIXED)]
        for path in configs:
            path.write_bytes(mistakes)
        check = [*COMMAND, "check", ".", "--fix", "--quiet", "--base", "base.yaml"]
        start = time.perf_counter()
        subprocess.run([*check, "--dry-run"], cwd=folder, capture_output=True, check=False)
        seconds = time.perf_counter() - start
        saved = configs[::10]
        moments = sorted((random.uniform(0, 1.5 * seconds), path) for path in saved)
        start = time.perf_counter()
        process = subprocess.Popen(check, cwd=folder, stderr=subprocess.PIPE, text=True)
        for moment, path in moments:
            time.sleep(max(0.0, start + moment - time.perf_counter()))
            new = path.with_suffix(".new")  # as editors do
            new.write_bytes(path.read_bytes() + b"# by hand\n")
            new.replace(path)
        said = process.communicate()[1]
        gone = [path for path in saved if not path.read_bytes().endswith(b"# by hand\n")]
        missing = [path for path in configs if path not in saved and path.read_bytes() != fixed]
        refused = said.count("since it was read")
        print(
            f"{len(saved)} of {FIXED} configs saved during `check --fix`: {len(gone)} edits gone, "
        )
        print(
            f"{refused} repairs refused, {len(missing)} of the other files not repaired", flush=True
        )
        return len(gone) + len(missing)


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
                subprocess.run([*COMMAND, *job.args], cwd=folder, capture_output=True, check=True)
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
            [*COMMAND, *self.job.args],
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
        mock.patch.object(sys, "argv", ["yaml-attn", *args]),
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
