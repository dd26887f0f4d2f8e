"""What must hold for any file, and the files for which it once did not."""

from __future__ import annotations

from pathlib import Path

import pytest
from promises import keep

FOUND = sorted((Path(__file__).parent / "data" / "fuzz").iterdir())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_fuzzing_found_is_mended(path: Path, tmp_path: Path) -> None:
    keep(path.read_bytes(), tmp_path, commands=True)
