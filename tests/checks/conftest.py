from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from yaml_attn.checks.base_match import Library
from yaml_attn.checks.finding import Finding
from yaml_attn.checks.run import Checker
from yaml_attn.checks.selection import Selection

Find: TypeAlias = Callable[..., list[Finding]]


class NoBase(Library):
    """Compares with nothing, whatever lies beside the file."""

    def match(self, *_: object) -> None:
        return None


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """What the checks find in a text: alone, or against the text of a base."""

    def found(text: str | bytes, base: str | None = None, select: str = "") -> list[Finding]:
        path = tmp_path / "checked.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        selection = Selection.of([select] if select else [])
        checker = Checker(NoBase(), selection)
        if base is not None:
            other = tmp_path / "base.yaml"
            other.write_text(base, encoding="utf-8")
            checker = Checker.of(other, selection)
        report = checker.check(path)
        return list(report.findings) if report else []

    return found
