"""A user's class read from its file is what it is when it is imported, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from yaml_attn.errors import UnknownModuleError, UsageError
from yaml_attn.mechanisms.arguments import row_arguments
from yaml_attn.mechanisms.custom import load_own, load_rows, read_own

SOURCE = """\
from torch import nn

RATIO = 4


class Plain(nn.Module):
    def __init__(self, channels, ratio: int = 16, *, bias=True):
        super().__init__()


class Named(nn.Module):
    def __init__(self, c1, /, ratio=RATIO, sizes=(3, 5), name: str = "a", *more, **rest):
        super().__init__()


class Inheriting(Plain):
    pass


if True:

    class Inside(nn.Module):
        class Deeper(nn.Module):
            def __init__(self, channels, scale=-0.5, act=None):
                super().__init__()
"""

MARK = "\nimport pathlib\n\npathlib.Path('canary').touch()\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["Plain", "Named", "Inheriting", "Inside.Deeper"])
def test_a_class_is_read_as_it_would_be_imported(name: str, folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE)
    read, loaded = read_own(f"mine.py:{name}"), load_own(f"mine.py:{name}")
    assert read.parameters == loaded.parameters
    assert (read.name, read.signature) == (loaded.name, loaded.signature)


def test_nothing_of_it_runs(folder: Path) -> None:
    (folder / "mine.py").write_text(SOURCE + MARK)
    rows = load_rows(["mine.py:Plain", "./mine.py:Plain"], read_own)
    assert row_arguments(rows["Plain"], (), {"ratio": 8}) == [8]
    with pytest.raises(UsageError):
        row_arguments(rows["Plain"], (), {"ratios": 8})
    assert not (folder / "canary").exists()
    load_own("mine.py:Plain")
    assert (folder / "canary").exists()


def test_a_module_of_a_package_is_found_without_importing_the_package(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = folder / "read_only_package"
    package.mkdir()
    (package / "__init__.py").write_text(MARK)
    (package / "attn.py").write_text(SOURCE + MARK)
    monkeypatch.syspath_prepend(folder)
    assert read_own("read_only_package.attn:Plain").signature.startswith("Plain(channels, ratio")
    assert not (folder / "canary").exists()


def test_a_default_that_is_no_literal_is_told_as_written(folder: Path) -> None:
    text = "class Mine(Base):\n    def __init__(self, channels, act=nn.SiLU(), last=1): ...\n"
    (folder / "mine.py").write_text(text)
    mine = read_own("mine.py:Mine")
    assert mine.signature == "Mine(channels, act=nn.SiLU(), last=1)"
    with pytest.raises(UsageError, match="act must be given too"):
        row_arguments(mine, (), {"last": 2})


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("none.py:Mine", UnknownModuleError),
        ("mine.py:Other", UnknownModuleError),
        ("no_such_package_here.attn:Mine", UnknownModuleError),
        ("mine.py:Elsewhere", UsageError),
        ("mine.py:Nothing", UsageError),
        ("broken.py:Mine", UsageError),
        (".:Mine", UsageError),
    ],
)
def test_what_cannot_be_read_is_said(source: str, error: type[Exception], folder: Path) -> None:
    (folder / "mine.py").write_text(
        "class Elsewhere(other.Base): ...\n"
        "class Loop(Loop): ...\n"
        "class Nothing(Base):\n    def __init__(self): ...\n"
    )
    (folder / "broken.py").write_text("class (:\n")
    with pytest.raises(error):
        read_own(source)
    with pytest.raises(UsageError):
        read_own("mine.py:Loop")
