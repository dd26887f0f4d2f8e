"""Fixtures that the tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from yaml_attn.cli import main
from yaml_attn.frameworks.runtime import build as build_ultralytics

# Before torch is imported, here or in a process that a test starts: two workers with a thread for
# each core wait for one another, and the suite takes several times as long on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is slow, and the properties hold all the same.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


class Result(NamedTuple):
    """What one run of the command gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run `yaml-attn ARGS` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["yaml-attn", *map(str, args)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Result(code, out, err)

    return call


@pytest.fixture
def without_ultralytics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be as where Ultralytics is not installed."""
    monkeypatch.setattr(build_ultralytics, "available", lambda: False)
