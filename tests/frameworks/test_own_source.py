"""A user's file as a section of a written one: found again as it was, and never in the way."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_class import OWN, write_own

from yaml_attn.errors import InternalError, OutputError, UsageError
from yaml_attn.frameworks import own_source
from yaml_attn.frameworks.own_source import OwnSection, merged, own_sections, read_sections
from yaml_attn.frameworks.python_source import meaning
from yaml_attn.frameworks.standalone import bundled, standalone
from yaml_attn.modules.own import load_own


def section(folder: Path, text: str = OWN, name: str = "mine.py") -> OwnSection:
    [found] = own_sections([load_own(write_own(folder, name, text))])
    return found


def test_a_section_is_read_as_it_was_written(tmp_path: Path) -> None:
    tricky = (
        OWN + '\n\nHEAD = """\n# -------------------- a.py: B (1 lines) --------------------\n"""'
    )
    found = [section(tmp_path, tricky), section(tmp_path, "X = 1\n\n" + OWN, "other.py")]
    found[1] = OwnSection("other.py", ("Other",), "class Other:\n    pass\x0c")
    text = standalone(bundled(["SE"]), own=found)
    assert read_sections(text) == found
    assert "__all__" not in found[0].text


def test_a_file_given_again_takes_its_place_with_all_that_was_wanted_of_it(tmp_path: Path) -> None:
    mine = section(tmp_path)
    newer = OwnSection("mine.py", ("Gate",), mine.text + "\n# newer")
    other = OwnSection("other.py", ("Other",), "class Other: ...")
    assert merged([mine, other], [newer]) == [
        other,
        OwnSection("mine.py", ("Mine", "Gate"), newer.text),
    ]
    gone = OwnSection("mine.py", ("Another",), "class Another: ...")
    assert merged([mine], [gone]) == [mine, gone]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("class SE: ...\n", "SE"),
        ("hidden_width = 8\n", "hidden_width"),
        ("import math as nn\n", "nn"),
        ("Tensor = None\n", "Tensor"),
        ("from math import sqrt as SE\n", "SE"),
        ("YAML_ATTN_MODULES = 1\n", "YAML_ATTN_MODULES"),
    ],
)
def test_what_would_change_the_rest_of_the_file_is_refused(text: str, name: str) -> None:
    own = OwnSection("mine.py", ("Mine",), f"{text}class Mine: ...")
    with pytest.raises(UsageError, match=f"mine.py defines {name}, which the file to write has"):
        standalone(bundled(["SE"]), own=[own])


def test_a_class_in_another_one_is_refused(tmp_path: Path) -> None:
    inside = OWN.replace(
        "class Gate(nn.Module):",
        "class Space:\n    class Inner(nn.Module):\n"
        "        def __init__(self, c): ...\n\n\nclass Gate(nn.Module):",
    )
    source = write_own(tmp_path, text=inside).removesuffix("Mine") + "Space.Inner"
    with pytest.raises(UsageError, match="Inner does not stand at the top level"):
        own_sections([load_own(source)])


def test_what_was_edited_until_it_is_none_is_told() -> None:
    text = OwnSection("mine.py", ("Mine",), "class Mine: ...\nx = 1").written
    for broken in (text.replace("class Mine", "class ("), text.replace("Mine: .", "Yours: .")):
        with pytest.raises(OutputError, match=r"what was mine\.py in the file of mechanisms"):
            read_sections(broken)


# --- what is written does what the file does

_ODD = ["\x0c", "\x0b", "\x1c", "\x1d", "\x85", "\u2028", "\u2029", "\xa0", "\t", "é", "注", "😀"]
_NAMES = st.from_regex(r"[K-Zé注][k-z0-9]{0,3}", fullmatch=True)
_TEXTS = st.lists(st.sampled_from([*_ODD, "a", " ", "#", ";", r"\\"]), max_size=6).map("".join)
_VALUES = st.one_of(
    st.integers(0, 99).map(str),
    _TEXTS.map(lambda text: f'"{text}"'),
    _TEXTS.map(lambda text: f'"""{text}\n{text}"""'),
    _TEXTS.map(lambda text: f"[\n  1,  # {text}\n]"),
)
_SIMPLE = st.one_of(
    st.tuples(_NAMES, _VALUES).map(" = ".join),
    st.sampled_from(["import math", "pass", '__all__ = ["K"]', "__all__: list[str] = [\n]"]),
    _TEXTS.map(lambda text: f'__all__ += ["{text}"]'),
)
_LINES = st.one_of(
    st.tuples(
        st.lists(_SIMPLE, min_size=1, max_size=3),
        st.sampled_from(["; ", ";", " ;\x0c", "; \\\n", " \\\n ;"]),
        st.sampled_from(["", ";", "  # é ", " ; # end"]),
        st.sampled_from(["", "\x0c"]),
    ).map(lambda each: each[3] + each[1].join(each[0]) + each[2]),
    _TEXTS.map(lambda text: f"# {text}"),
    st.tuples(_NAMES, _TEXTS).map(
        lambda each: f'@staticmethod\n\x0cdef {each[0]}():\n\x0c    return "{each[1]}"'
    ),
    st.sampled_from(["", "\x0c", "\t", "if True:\n\tpass"]),
)


@settings(max_examples=200)
@given(
    st.sampled_from(["", "# coding: utf-8\n", "\n# -*- coding: gb18030 -*-\n"]),
    st.sampled_from(["", '"""é\u2028注"""', '"""é\x0c注"""; ']),
    st.sampled_from(["", "from __future__ import annotations"]),
    st.lists(_LINES, max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_any_file_means_in_the_written_one_what_it_means_by_itself(
    tmp_path_factory: Any, cookie: str, doc: str, future: str, lines: list[str], end: str, bom: bool
) -> None:
    glue = "" if doc.endswith("; ") and future else "\n"
    text = f"{cookie}{doc}{glue}{future}\n" + "\n".join([*lines, "class Mine: é = 1", ""])
    encoding = "gb18030" if "gb" in cookie else "utf-8"
    if cookie and end == "\r":
        end = "\n"  # Python looks for a cookie by other line ends
    data = text.replace("\n", end).encode(encoding)
    if bom and encoding == "utf-8":
        data = b"\xef\xbb\xbf" + data
    path = tmp_path_factory.getbasetemp() / "any.py"
    path.write_bytes(data)
    wanted = [each for each in ast.parse(data).body if not _is_said(each)]
    found = own_source._section(path, ["Mine"])
    written = standalone(bundled(["SE"]), own=[found])
    assert read_sections(written) == [found]
    body = ast.parse(written.encode()).body
    at = next(at for at, each in enumerate(body) if meaning([each]) == meaning([body[-1]]))
    assert meaning(body[:at])[-len(meaning(wanted)) :] == meaning(wanted)


def _is_said(node: ast.stmt) -> bool:
    """Whether the written file says it at its top already."""
    text = ast.unparse(node)
    return text.startswith(("__all__", "from __future__"))


@pytest.mark.parametrize(
    "name",
    ["my\nattn.py", "my\rattn.py", "my\u2028attn.py", "注意力.py", 'my"""attn.py', "a b: c.py"],
)
def test_a_file_of_any_name_is_written_and_found_again(tmp_path: Path, name: str) -> None:
    found = section(tmp_path, name=name)
    text = standalone((), own=[found])
    compile(text, "attention.py", "exec")
    assert read_sections(text) == [found]
    assert found.file.isprintable()
    assert (found.file == name) == name.isprintable()


def test_a_class_of_any_name_is_found_again(tmp_path: Path) -> None:
    text = OWN.replace("Mine", "Mine·℘")
    source = write_own(tmp_path, text=text) + "·℘"
    [found] = own_sections([load_own(source)])
    assert read_sections(standalone((), own=[found])) == [found]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("__all__ =", "K = __all__ ="), "uses __all__"),
        (lambda text: text + "\n__all__.append('Conv')\n", "uses __all__"),
        (lambda text: text + "\nif True:\n    SE, K = 1, 2\n", "defines SE"),
        (lambda text: text + "\nfor SE in ():\n    pass\n", "defines SE"),
        (lambda text: text + "\nMine.__module__ = 'nowhere'\n", "stands in no file"),
    ],
)
def test_what_cannot_be_a_part_of_the_file_is_refused(
    tmp_path: Path, change: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        standalone(bundled(["SE"]), own=[section(tmp_path, change(OWN))])


def test_a_file_that_is_no_python_by_now_is_refused(tmp_path: Path) -> None:
    own = load_own(write_own(tmp_path))
    for data in (b"class Mine(", b"# coding: nothing\n", b"\xff", b"x = 1\0"):
        (tmp_path / "mine.py").write_bytes(data)
        with pytest.raises(UsageError, match="is no Python that can be read"):
            own_sections([own])


@pytest.mark.parametrize("cut", ["K = 1", "class ("])
def test_what_came_out_as_another_program_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    monkeypatch.setattr(own_source, "without", lambda text, _: text + cut)
    with pytest.raises(InternalError, match="another program"):
        section(tmp_path)
    text = "from __future__ import annotations\nclass Mine: ..."  # by itself it could stand there
    with pytest.raises(InternalError, match="put together from"):
        standalone((), own=[OwnSection("mine.py", ("Mine",), text)])
