"""The pages in docs/ are what the code says, and their examples run."""

from __future__ import annotations

import doctest
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import yaml_attn

DOCS = Path(__file__).parent.parent / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", generator().PAGES)
def test_a_generated_page_is_current(page: str) -> None:
    written = generator().PAGES[page]()
    assert (DOCS / page).read_text(encoding="utf-8") == written, "run python docs/generate.py"


def test_the_examples_of_the_api_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The page shows the package's docstring, fenced; the docstring is what doctest can read.
    result = doctest.testmod(yaml_attn)
    assert result.attempted > 5
    assert result.failed == 0
