"""The edit of `models/yolo.py`: four lines at places found in the tree, every other byte kept."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from frameworks.lookalikes import parser_source

from yaml_attn.frameworks.parser_edit import (
    UnrecognisedError,
    is_applied,
    with_edit,
    without_edit,
)

SIBLINGS = {"common", "experimental", "yolo", "__init__"}
SOURCE = parser_source()

IMPORT = "from models.yaml_attn_modules import *\n"
BRANCH = """\
        elif m in YAML_ATTN_MODULES:
            c1 = [ch[x] for x in ([f] if isinstance(f, int) else f)]
            c2, args = c1[0], [*c1, *args[len(c1):]]
"""


def applied(source: str) -> str:
    return with_edit(source.encode(), SIBLINGS).decode()


def test_four_lines_are_added_and_nothing_else() -> None:
    edited = applied(SOURCE)
    before, after = edited.split(IMPORT)
    assert before.endswith("import Sum  # the last one from a file beside\n")
    head, tail = after.split(BRANCH)
    assert head.endswith("# what follows keeps its channels\n")
    assert tail.startswith("        else:  # not a convolution\n")
    assert before + head + tail == SOURCE


FORKS: dict[str, Callable[[str], str]] = {
    "other names": lambda text: re.sub(
        r"\b(f|n|m|args|ch|c2)\b",
        lambda found: {"f": "src", "n": "times", "m": "module", "args": "a_", "ch": "chs"}.get(
            found[0], "out"
        ),
        text,
    ),
    "a longer chain": lambda text: text.replace(
        "            elif m is Concat:".removeprefix("    "),
        "".join(
            f"        elif m is Conv and n == {at}:\n            c2 = {at}\n" for at in range(2, 40)
        )
        + "        elif m is Concat:",
    ),
    "a tree of its own in a branch": lambda text: text.replace(
        "            args = [ch[f]]\n",
        "            if n > 1:\n                args = [ch[f]]\n            else:\n"
        "                args = [ch[f]]\n",
    ),
    "tabs": lambda text: text.replace("    ", "\t"),
    "relative imports": lambda text: text.replace("from models.", "from ."),
    "another package": lambda text: text.replace("from models.", "from detector.models."),
    "imports later on": lambda text: text.replace(
        "from torch import nn\n", "from torch import nn\nfrom models.common import Conv\n"
    ),
    "an import of several lines": lambda text: text.replace(
        "import Sum  # the last one from a file beside", "import (\n    Sum,\n)"
    ),
    "the index of an old version": lambda text: text.replace(
        "            c2 = ch[f]\n\n", "            c2 = ch[f if f < 0 else f + 1]\n\n"
    ),
    "one line for the fallback": lambda text: text.replace(
        "        else:  # not a convolution\n            c2 = ch[f]\n", "        else: c2 = ch[f]\n"
    ),
    "comments in Chinese": lambda text: text.replace("# input", "# 输入").replace("#", "# 注意"),
    "keywords that other branches fill": lambda text: text.replace(
        "m(*args)", "m(*args, **named)"
    ).replace("        if m in [Conv]:\n", "        named = {}\n        if m in [Conv]:\n"),
    "annotated": lambda text: text.replace(
        "def parse_model(d, ch):", "def parse_model(d: dict, ch: list) -> tuple:"
    ),
}


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no BOM", "BOM"])
def test_a_fork_of_another_spelling_gets_them_and_back(fork: str, end: str, mark: bytes) -> None:
    text = FORKS[fork](SOURCE)
    assert text != SOURCE
    source = mark + text.replace("\n", end).encode()
    edited = with_edit(source, SIBLINGS)
    compile(edited, "yolo.py", "exec")
    assert is_applied(edited)
    assert not is_applied(source)
    assert without_edit(edited) == source
    assert edited.count(b"\r\n") == (edited.count(b"\n") if end == "\r\n" else 0)


def test_the_lines_use_the_files_own_names() -> None:
    edited = applied(FORKS["other names"](SOURCE))
    assert "elif module in YAML_ATTN_MODULES:" in edited
    assert "c1 = [chs[x] for x in ([src] if isinstance(src, int) else src)]" in edited
    assert "out, a_ = c1[0], [*c1, *a_[len(c1):]]" in edited
    old = applied(FORKS["the index of an old version"](SOURCE))
    assert "c1 = [ch[x if x < 0 else x + 1] for x in" in old
    for fork, line in (
        ("relative imports", "from .yaml_attn_modules import *"),
        ("another package", "from detector.models.yaml_attn_modules import *"),
    ):
        assert line in applied(FORKS[fork](SOURCE)).splitlines()


def test_a_file_that_is_not_utf_8_keeps_its_bytes() -> None:
    text = "# -*- coding: gbk -*-\n" + FORKS["comments in Chinese"](SOURCE)
    source = text.encode("gbk")
    edited = with_edit(source, SIBLINGS)
    assert without_edit(edited) == source
    assert IMPORT in edited.decode("gbk")


REFUSED: dict[str, tuple[Callable[[str], str], str]] = {
    "no Python": (lambda text: text + "def (", "is no Python"),
    "no parse_model": (lambda text: text.replace("parse_model", "parse"), "no parse_model"),
    "a loop of other rows": (
        lambda text: text.replace("(f, n, m, args)", "(f, m, args)"),
        "no parse",
    ),
    "no fallback": (
        lambda text: text.replace(
            "        else:  # not a convolution\n            c2 = ch[f]\n", ""
        ),
        "no parse_model",
    ),
    "a fallback that computes": (
        lambda text: text.replace("            c2 = ch[f]\n\n", "            c2 = ch[f] * 2\n\n"),
        "no parse_model",
    ),
    "a fallback that does more": (
        lambda text: text.replace(
            "            c2 = ch[f]\n\n", "            c2 = ch[f]\n            n = 1\n\n"
        ),
        "no parse_model",
    ),
    "layers made elsewhere": (lambda text: text.replace("m(*args)", "make(m, args)"), "no parse"),
    "keywords of its own": (lambda text: text.replace("m(*args)", "m(*args, **named)"), "no parse"),
    "keywords that are never empty": (
        lambda text: text.replace("m(*args)", "m(*args, **named)").replace(
            "        if m in [Conv]:\n",
            "        named = {}\n        named = d\n        if m in [Conv]:\n",
        ),
        "no parse",
    ),
    "channels kept elsewhere": (lambda text: text.replace("ch.append(c2)", "keep(c2)"), "no parse"),
    "a table instead of the chain": (
        lambda text: re.sub(
            r"        if m in \[Conv\].*?c2 = ch\[f\]\n\n",
            "        c2, args = TABLE[m](ch, f, args)\n\n",
            text,
            flags=re.DOTALL,
        ),
        "no parse_model",
    ),
    "imports from no file beside": (
        lambda text: text.replace("from models.", "from elsewhere.layers_"),
        "imports nothing from the files beside it",
    ),
    "an import that shares its line": (
        lambda text: text.replace("from models.common import *\n", "").replace(
            "import Sum  # the last one from a file beside", "import Sum; import os"
        ),
        "imports nothing from the files beside it",
    ),
}


@pytest.mark.parametrize("fork", REFUSED)
def test_what_is_not_recognised_is_refused_and_says_what_was_looked_for(fork: str) -> None:
    change, message = REFUSED[fork]
    assert change(SOURCE) != SOURCE
    with pytest.raises(UnrecognisedError, match=message) as caught:
        applied(change(SOURCE))
    if message != "is no Python":
        assert "ch.append(c2)" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("c2, args = c1[0]", "c2, args = c1[-1]"),
        lambda text: text.replace(BRANCH, ""),
        lambda text: text.replace(IMPORT, ""),
        lambda text: text.replace(IMPORT, IMPORT + IMPORT),
        lambda text: text.replace("modules import *", "modules import SE"),
    ],
)
def test_lines_that_were_edited_by_hand_are_named_and_not_touched(
    change: Callable[[str], str],
) -> None:
    edited = change(applied(SOURCE)).encode()
    with pytest.raises(UnrecognisedError, match=r"not as it writes them \(lines \d+"):
        is_applied(edited)
    with pytest.raises(UnrecognisedError, match="by hand"):
        without_edit(edited)


def test_the_lines_come_out_of_a_file_that_was_edited_elsewhere_since() -> None:
    later = "        elif m is Sum:\n            c2 = ch[f[0]]\n"
    edited = applied(SOURCE).replace(BRANCH, BRANCH + later)
    wanted = SOURCE.replace("        else:  # not", later + "        else:  # not")
    assert without_edit(edited.encode()).decode() == wanted


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("        else:  # not", "\x0c        else:  # \u2028\x1c not"),
        lambda text: text.replace("# the last one", "\x0c# \u2028\x85"),
        lambda text: "\x0c\n# \x0b\x1c\u2028\n" + text,
        lambda text: f"# coding: gb18030\n{text.replace('# what', '# 注 what')}",
        lambda text: f"\ufeff{text}",
        lambda text: text.replace("\n", "\r"),
    ],
)
def test_characters_that_end_a_line_elsewhere_end_none_here(change: Callable[[str], str]) -> None:
    source = change(SOURCE).encode("gb18030" if "gb18030" in change(SOURCE) else "utf-8")
    edited = with_edit(source, SIBLINGS)
    assert len(edited) > len(source)
    assert without_edit(edited) == source
    compile(edited, "yolo.py", "exec")


def test_lines_that_would_mean_something_else_in_the_file_are_refused() -> None:
    # A name of a file in another encoding would be written in UTF-8.
    source = "# coding: latin-1\n" + re.sub(r"\bc2\b", "ç", SOURCE)
    with pytest.raises(UnrecognisedError, match="would not be the same program"):
        with_edit(source.encode("latin-1"), SIBLINGS)
