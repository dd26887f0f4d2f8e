from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from ablation.studies import SCALED, Names, Read, Write
from configs import SMALL

from yaml_attn.ablation import expand, load_study


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a study beside the small bases, and give its file."""
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "yolov8.yaml").write_text(SCALED)

    def call(text: str) -> Path:
        path = tmp_path / "study.yaml"
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return call


@pytest.fixture
def read(write: Write) -> Read:
    """The study that a text means."""
    return lambda text: load_study(write(text))


@pytest.fixture
def names(read: Read) -> Names:
    """The names of the variants that a study means."""
    return lambda text: [each.name for each in expand(read(text)).variants]
