"""A study killed at any moment and started again ends with the bytes of an undisturbed run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ablation.studies import Write
from conftest import Run

BEFORE = "bases: small.yaml\nmodules: [SE, ECA]\nplaces: [1, 2]\n"
# One config goes, one comes, and two are written anew under the names that they have.
AFTER = (
    "bases: small.yaml\nmodules: {SE: {ratio: 4}}\nplaces: [1, 2, 3]\nname: '{base}_SE_{place}'\n"
)
COMMAND = ("ablate", "study.yaml", "-o", "configs", "--no-build", "--prune", "--quiet")

# Dies like from a power cut, at the n-th thing that it does to the folder.
DYING = """\
import os, signal, sys

left = int(sys.argv.pop(1))
HOW = {"open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename"}

def count(event, args):
    global left
    if event in HOW and "configs" in str(args[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
from yaml_attn.cli import main
try:
    main()
finally:
    print(-left)
"""


def content(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.iterdir()}


def die(at: int, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", DYING, str(at), *COMMAND]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("again", [False, True], ids=["first run", "another study before"])
def test_killed_at_random_points_it_ends_the_same(
    run: Run, write: Write, tmp_path: Path, again: bool
) -> None:
    configs, earlier = tmp_path / "configs", tmp_path / "earlier"
    if again:
        write(BEFORE)
        assert run(*COMMAND).code == 0
        configs.rename(earlier)

    def start() -> None:
        shutil.rmtree(configs, ignore_errors=True)
        if earlier.exists():
            shutil.copytree(earlier, configs)

    write(AFTER)
    start()
    undisturbed = die(0, tmp_path)
    steps, expected = int(undisturbed.stdout), content(configs)
    assert steps > 30
    points = random.Random(8).sample(range(1, steps + 1), 5)  # noqa: S311 (fails again if it fails)
    for at in points:
        start()
        assert die(at, tmp_path).returncode == -signal.SIGKILL, at
        result = run(*COMMAND)
        assert (result.code, result.err) == (0, ""), at
        assert content(configs) == expected, at
