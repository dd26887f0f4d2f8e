"""Hostile files of weights are refused or inert, in the memory that docs/weights.md says."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from weights.hostile import KINDS, MARK, honest

from yaml_attn.errors import CheckpointError
from yaml_attn.weights import read_checkpoint, state, unpickle
from yaml_attn.weights import safetensors as safetensors_file

SIZE = 60_000
OBJECTS = 1_000_000


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_and_no_memory_is_taken(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The bounds and the files are a hundredth of the real ones; their proportion is not.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unpickle, "LARGEST", OBJECTS)
    monkeypatch.setattr(state, "MOST_TENSORS", OBJECTS // 2000)
    monkeypatch.setattr(state, "MOST_MODULES", OBJECTS // 1000)
    monkeypatch.setattr(safetensors_file, "LARGEST_HEADER", OBJECTS // 50)
    data = KINDS[kind](SIZE)
    Path("x.pt").write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint("x.pt")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not Path(MARK).exists()
    assert len(str(caught.value)) < 500
    assert peak < 2 * len(data) + 1.2 * OBJECTS


def test_bytes_of_an_honest_file_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(honest(8_000_000))
    tracemalloc.start()
    read_checkpoint(tmp_path / "x.pt")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9_000_000
