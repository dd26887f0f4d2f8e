"""A class of the user's: found, loaded only when a person names it, every mistake a sentence."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from abilities import HALF
from configs import SMALL
from conftest import Run
from torch import nn

from yaml_attn.errors import UnknownModuleError, UsageError
from yaml_attn.mechanisms.arguments import row_arguments
from yaml_attn.mechanisms.custom import entry_point_mechanisms, is_own, load_own
from yaml_attn.mechanisms.custom_import import PREFIX
from yaml_attn.modules import MECHANISMS, find

GOOD = '''
"""Mine."""
from torch import nn

class Gate(nn.Module):
    """Gates each channel
    by its mean.

    Not part of the summary.
    """

    def __init__(self, c1, ratio: int = 16, act="relu", *, bias: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(c1, c1, 1, bias=bias)

    def forward(self, x):
        return x * self.conv(x.mean((2, 3), keepdim=True)).sigmoid()

class Heads(nn.Module):
    def __init__(self, dim, heads, norm=nn.BatchNorm2d, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return x * self.scale

class OnlyByName(nn.Module):
    def __init__(self, dim, *, heads):
        super().__init__()

class TwoWidths(nn.Module):
    def __init__(self, c1, c2, k=3):
        super().__init__()

class Space:
    class Inner(nn.Module):
        def __init__(self, in_channels, *rest, **options):
            super().__init__()

class NoChannels(nn.Module):
    pass

class ByName(nn.Module):
    def __init__(self, *, channels):
        super().__init__()

def helper(channels):
    return None

instance = nn.ReLU()
'''

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file; gives its path."""

    def call(text: str, name: str = "my_attn.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return str(path)

    return call


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    entry_point_mechanisms.cache_clear()
    yield
    entry_point_mechanisms.cache_clear()
    for name in [each for each in sys.modules if each.startswith(("own", PREFIX))]:
        del sys.modules[name]


def names(source: str) -> list[tuple[str, object, str, bool]]:
    parameters = load_own(source).parameters
    return [(each.name, each.default, each.annotation, each.keyword_only) for each in parameters]


# --- a class that is as it should be


def test_a_class_in_a_file_is_known_by_its_signature_and_docstring(write: Write) -> None:
    own = load_own(f"{write(GOOD, 'my_attn.py')}:Gate")
    assert own.name == "Gate"
    assert own.signature == "Gate(c1, ratio=16, act='relu', *, bias=False)"
    assert own.summary == "Gates each channel\nby its mean."
    assert issubclass(own.load(), nn.Module)
    assert own.load()(8).conv.weight.shape == (8, 8, 1, 1)


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"])
def test_parameters_have_the_words_of_their_annotations(write: Write, future: str) -> None:
    path = write(future + dedent(GOOD).replace('"""Mine."""', ""), "my_attn.py")
    assert names(f"{path}:Gate") == [
        ("ratio", 16, "int", False),
        ("act", "relu", "", False),
        ("bias", False, "bool", True),
    ]


def test_parameters_without_a_default_are_required(write: Write) -> None:
    own = load_own(f"{write(GOOD, 'my_attn.py')}:Heads")
    assert own.signature.startswith("Heads(dim, heads, norm=<class ")
    assert [each.required for each in own.parameters] == [True, False, False]
    assert own.summary == ""


def test_a_class_inside_a_class_is_found_and_its_star_arguments_left_out(write: Write) -> None:
    own = load_own(f"{write(GOOD, 'my_attn.py')}:Space.Inner")
    assert own.name == "Inner"
    assert own.signature == "Inner(in_channels)"


def test_the_same_file_gives_the_same_class_and_pickle_finds_it(write: Write) -> None:
    source = f"{write(GOOD, 'my-attn.v2.py')}:Gate"
    cls = load_own(source).load()
    assert load_own(source).load() is cls
    assert type(pickle.loads(pickle.dumps(cls(4)))) is cls  # noqa: S301


def test_a_changed_file_gives_the_new_class_at_once(write: Write) -> None:
    source = f"{write(GOOD, 'my_attn.py')}:Gate"
    old = load_own(source)
    write(GOOD.replace("ratio: int = 16", "ratio: int = 32"), "my_attn.py")
    assert load_own(source).parameters[0].default == 32
    assert old.parameters[0].default == 16
    assert type(pickle.loads(pickle.dumps(old.load()(4)))) is old.load()  # noqa: S301


def test_what_pickle_says_is_found_by_another_process_from_any_folder(
    write: Write, tmp_path: Path
) -> None:
    pickled = pickle.dumps(load_own(f"{write(GOOD, 'my_attn.py')}:Gate").load()(4))
    (tmp_path / "gate.pkl").write_bytes(pickled)
    moved = write(GOOD.replace('act="relu"', 'act="silu"'), "elsewhere/my_attn.py")
    code = (
        "import pickle, sys; from yaml_attn.mechanisms.custom import load_own\n"
        "own = load_own(sys.argv[1]).load()\n"
        "sys.exit(type(pickle.load(open('gate.pkl', 'rb'))) is not own)"
    )
    command = [sys.executable, "-c", code, f"{moved}:Gate"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 0


def test_nothing_is_left_beside_the_file(write: Write, tmp_path: Path) -> None:
    load_own(f"{write(GOOD, 'my_attn.py')}:Gate")
    assert [path.name for path in tmp_path.iterdir()] == ["my_attn.py"]


def test_dataclasses_in_the_file_find_their_module(write: Write) -> None:
    path = write(
        """
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import ClassVar
        from torch import nn

        @dataclass
        class Options:
            known: ClassVar[int] = 1
            ratio: int = 4

        class Gate(nn.Module):
            def __init__(self, c1, ratio=Options().ratio):
                super().__init__()
        """,
        "my_attn.py",
    )
    assert names(f"{path}:Gate") == [("ratio", 4, "", False)]


def test_a_class_in_a_package_is_imported_by_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("", "ownpkg/__init__.py")
    write("from ownpkg.attn import Gate\n", "ownpkg/short.py")
    write(GOOD, "ownpkg/attn.py")
    monkeypatch.syspath_prepend(tmp_path)
    own = load_own("ownpkg.short:Gate")
    assert own.signature.startswith("Gate(c1, ")
    assert own.load() is sys.modules["ownpkg.attn"].Gate


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("pkg.attn:Gate", True),
        ("./my_attn.py:Gate", True),
        ("C:\\work\\my_attn.py:Gate", True),
        ("my_attn.py", True),
        ("SE", False),
        ("C3[SE]", False),
        ("nn.Upsample", False),
    ],
)
def test_a_colon_tells_a_class_of_the_user_s(name: str, own: bool) -> None:
    assert is_own(name) is own


# --- mistakes


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("Missing", "there is no Missing in .*my_attn.py", "Modules in it: Gate, Heads, Only"),
        ("Gat", "there is no Gat in .*my_attn.py", "Did you mean Gate"),
        ("helper", "my_attn.py:helper is a function, no torch.nn.Module", "inherits"),
        ("instance", "my_attn.py:instance is a ReLU, no torch.nn.Module", "inherits"),
        ("Space", "my_attn.py:Space is a class, but no torch.nn.Module", "inherits"),
        ("NoChannels", "does not take the number of channels", "first parameter"),
        ("ByName", "does not take the number of channels", "first parameter"),
    ],
)
def test_what_is_no_layer_is_refused(write: Write, name: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_own(f"{write(GOOD, 'my_attn.py')}:{name}")
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\nclass Gate(:\n", 2, "SyntaxError: invalid syntax"),
        ("x = 1\n\ny = z\n", 3, "NameError: name 'z' is not defined"),
        ("def f():\n    raise SystemExit(3)\nf()\n", 2, "SystemExit: 3"),
        ("import torch\ntorch.zeros(2).view(3)\n", 2, "RuntimeError: shape"),
        ("raise ValueError('one\\ntwo')\n", 1, "ValueError: one$"),
    ],
)
def test_a_file_that_fails_is_told_with_its_line(
    write: Write, text: str, line: int, message: str
) -> None:
    path = write(text, "broken.py")
    before = set(sys.modules)
    with pytest.raises(UsageError, match=f"cannot be imported: {message}") as caught:
        load_own(f"{path}:Gate")
    assert caught.value.where == f"{path}:{line}"
    assert not [name for name in set(sys.modules) - before if "broken" in name]
    write(GOOD, "broken.py")
    assert load_own(f"{path}:Gate").name == "Gate"


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "attn.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    with pytest.raises(UsageError, match="cannot be imported: SyntaxError"):
        load_own(f"{path}:Gate")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(UsageError, match=r"folder\.py: cannot be read"):
        load_own(f"{tmp_path / 'folder.py'}:Gate")


def test_a_missing_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("nope.py", "C:\\work\\nope.py"):
        with pytest.raises(UnknownModuleError, match="no such file") as caught:
            load_own(f"{path}:Gate")
        assert (caught.value.where, caught.value.hint) == (
            path,
            f"It is looked for from {tmp_path}.",
        )


@pytest.mark.parametrize("name", ["x.py", "os:", ":Gate", "C:\\my.py", "a.py:1", "a.py:G."])
def test_a_name_without_a_class_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="names no class") as caught:
        load_own(name)
    assert caught.value.hint == "Write FILE.py:CLASS or PACKAGE.MODULE:CLASS."


@pytest.mark.parametrize("name", ["./x:Gate", ".x:Gate", "a b:Gate", "a/b:Gate", "https://x:Gate"])
def test_what_is_no_file_and_no_module_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is neither a module nor a file"):
        load_own(name)


def test_a_module_that_is_not_there_is_told_with_where_python_looks(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    with pytest.raises(UnknownModuleError, match="No module named 'ownpkg'") as caught:
        load_own("ownpkg.attn:Gate")
    assert caught.value.hint == "The current folder is not on Python's path."
    write(GOOD, "ownpkg/attn.py")
    with pytest.raises(UnknownModuleError, match="No module named 'ownpkg'") as caught:
        load_own("ownpkg.attn:Gate")
    assert f"set PYTHONPATH={tmp_path}, or name the file itself" in (caught.value.hint or "")
    monkeypatch.syspath_prepend("")
    with pytest.raises(UnknownModuleError, match=r"No module named 'ownpkg\.atn'") as caught:
        load_own("ownpkg.atn:Gate")
    assert caught.value.hint == "The current folder is on Python's path."


def test_what_a_file_or_a_module_fails_to_import_is_told(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("import os\nimport neighbour_of_mine\n", "my_attn.py")
    write("", "neighbour_of_mine.py")
    with pytest.raises(UsageError, match="No module named 'neighbour_of_mine'") as caught:
        load_own(f"{path}:Gate")
    assert caught.value.line == 2
    assert f"set PYTHONPATH={tmp_path}." in (caught.value.hint or "")
    write("import nowhere_at_all\n", "ownmod.py")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="ownmod cannot be imported: ModuleNotF") as caught:
        load_own("ownmod:Gate")
    assert not isinstance(caught.value, UnknownModuleError)


# --- in a row


def test_a_row_gives_what_the_signature_asks_for(write: Write) -> None:
    path = write(GOOD, "my_attn.py")
    assert row_arguments(load_own(f"{path}:Gate"), [8], {"act": "silu"}) == [8, "silu"]
    assert row_arguments(load_own(f"{path}:Heads"), [], {"heads": 4}) == [4]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("Heads", {}, r"Heads needs heads\n.* Give it by name \(heads=\.\.\.\), or a default"),
        ("TwoWidths", {}, r"TwoWidths needs c2\n.*: write c2=None in __init__"),
        ("Heads", {"heads": 4, "scale": 2.0}, "norm must be given too: a row cannot say its def"),
        ("Gate", {"bias": True}, "bias of Gate can only be given by name"),
        ("OnlyByName", {}, "heads of OnlyByName can only be given by name"),
        ("Gate", {"ratio": "x"}, "ratio='x' is no int"),
        ("Gate", {"ratios": 4}, "Gate has no parameter ratios"),
    ],
)
def test_what_a_row_cannot_give_is_refused(
    write: Write, name: str, given: dict[str, object], message: str
) -> None:
    own = load_own(f"{write(GOOD, 'my_attn.py')}:{name}")
    with pytest.raises(UsageError, match=message):
        row_arguments(own, [], given)


# --- never from a config


def test_a_config_cannot_name_code_to_run(run: Run, write: Write, tmp_path: Path) -> None:
    loud = write(
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n", "loud.py"
    )
    for name in (f"{loud}:Gate", "loud:Gate", "loud.py", "loud"):
        with pytest.raises(UnknownModuleError):
            find(name)
        (tmp_path / "evil.yaml").write_text(SMALL.replace("1, C3, [16]]", f"1, '{name}', [16]]", 1))
        assert run("build", "evil.yaml").code == 1
    assert not Path(loud).with_suffix(".ran").exists()
    with pytest.raises(UnknownModuleError):  # named by a person, it does run
        load_own(f"{loud}:Gate")
    assert Path(loud).with_suffix(".ran").exists()


# --- what installed packages offer


@pytest.fixture
def install(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A package with a module `attn` of its own, offering these names, installed in a folder."""
    monkeypatch.syspath_prepend(tmp_path)

    def call(package: str, **offered: str) -> None:
        lines = [f"{name} = {value}" for name, value in offered.items()]
        info = f"{package}-1.0.dist-info"
        write("\n".join(["[yaml_attn.modules]", *lines, ""]), f"{info}/entry_points.txt")
        write(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", f"{info}/METADATA")
        write(GOOD, f"{package}_attn.py")
        entry_point_mechanisms.cache_clear()

    return call


def test_what_a_package_offers_is_found_in_any_spelling_and_loaded_late(
    install: Callable[..., None],
) -> None:
    install("ownone", Own_Gate="ownone_attn:Gate [extra]", OwnInner="ownone_attn:Space.Inner")
    own = find("own-gate")
    assert (own.name, own.source, own.package) == ("Own_Gate", "ownone_attn:Gate", "ownone")
    assert "ownone_attn" not in sys.modules
    assert own.signature == "Own_Gate(c1, ratio=16, act='relu', *, bias=False)"
    assert own.load() is sys.modules["ownone_attn"].Gate
    assert find("OwnInner").load() is sys.modules["ownone_attn"].Space.Inner


def test_a_bundled_name_always_wins_and_no_package_is_looked_at(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    install("ownone", SE="ownone_attn:Gate", SELayer="ownone_attn:Gate")
    assert find("SE") is find("SELayer") is MECHANISMS["SE"]

    def fail(**_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("importlib.metadata.entry_points", fail)
    entry_point_mechanisms.cache_clear()
    assert find("SE") is MECHANISMS["SE"]


def test_a_name_that_two_packages_offer_is_refused_naming_both(
    install: Callable[..., None],
) -> None:
    install("ownone", OwnGate="ownone_attn:Gate")
    install("owntwo", Own_Gate="owntwo_attn:Gate")
    expected = r"OwnGate is offered by ownone \(ownone_attn:Gate\) and owntwo \(owntwo_attn:Gate\)"
    with pytest.raises(UnknownModuleError, match=expected) as caught:
        find("OwnGate")
    assert "PACKAGE.MODULE:CLASS" in (caught.value.hint or "")


def test_an_unknown_name_is_compared_with_what_packages_offer(
    install: Callable[..., None],
) -> None:
    install("ownone", Zigzaggy="ownone_attn:Gate")
    with pytest.raises(UnknownModuleError) as caught:
        find("Zigzag")
    assert "Did you mean Zigzaggy" in (caught.value.hint or "")


def test_a_broken_offer_says_what_is_broken_when_it_is_used(install: Callable[..., None]) -> None:
    install("ownone", Nothing="ownone_attn", Absent="ownone_attn:Nope", Gone="ownzero:Gate")
    with pytest.raises(UsageError, match="ownone_attn names no class"):
        find("Nothing").load()
    with pytest.raises(UnknownModuleError, match="there is no Nope in ownone_attn"):
        find("Absent").load()
    with pytest.raises(UnknownModuleError, match="ownzero cannot be imported"):
        find("Gone").load()


def test_modules_lists_what_packages_offer_without_importing_it(
    run: Run, install: Callable[..., None]
) -> None:
    install("ownone", OwnGate="ownone_attn:Gate", SE="ownone_attn:Gate")
    lines = [line for line in run("modules").out.splitlines() if "of package" in line]
    assert [line.split() for line in lines] == [
        ["OwnGate", "ownone_attn:Gate", "of", "package", "ownone"],
        "SE ownone_attn:Gate of package ownone; hidden by the bundled one of this name".split(),
    ]
    assert json.loads(run("modules", "--json").out)[-2] == {
        "name": "OwnGate",
        "source": "ownone_attn:Gate",
        "package": "ownone",
    }
    assert "ownone_attn" not in sys.modules


# --- `yaml-attn modules FILE:CLASS`


def test_modules_shows_a_class_and_what_it_keeps(run: Run, write: Write) -> None:
    write(GOOD, "my_attn.py")
    result = run("modules", "./my_attn.py:Gate")
    assert result.code == 0
    assert result.out.startswith("Gate(c1, ratio=16, act='relu', *, bias=False)\n\nGates each chan")
    assert "\nok  keeps the shape   " in result.out
    assert result.out.count("\nok  ") == 20 - (not HALF)
    found = json.loads(run("modules", "./my_attn.py:Gate", "--json").out)
    assert found["signature"].startswith("Gate(c1, ")
    assert {each["name"]: each["passed"] for each in found["checks"]}["keeps the shape"] is True


def test_modules_takes_the_parameters_that_a_class_needs(run: Run, write: Write) -> None:
    write(GOOD, "my_attn.py")
    missing = run("modules", "my_attn.py:Heads")
    assert missing.code == 2
    assert missing.err.startswith("error: Heads needs heads\nParameters of Heads: heads, norm=")
    assert run("modules", "my_attn.py:Heads", "--set", "heads=4").code == 0
    assert run("modules", "SE", "--set", "ratio=4").code == 2


def test_insert_names_the_command_that_lists_the_promises(
    run: Run, write: Write, tmp_path: Path
) -> None:
    write(GOOD, "my_attn.py")
    (tmp_path / "small.yaml").write_text(SMALL)
    result = run(
        *("insert", "--base", "small.yaml", "--module", "./my_attn.py:Heads", "--after", 2),
        *("--set", "heads=4"),
    )
    named = "(`yaml-attn modules ./my_attn.py:Heads --set=heads=4` lists them)"
    assert f"Heads keeps 20 of 20 promises of a layer {named}.\n" in result.out
    assert run("modules", "./my_attn.py:Heads", "--set=heads=4").code == 0


def test_modules_exits_with_1_for_a_class_that_is_of_no_use(run: Run, write: Write) -> None:
    write(GOOD.replace("return x * self.scale", "return x[:, ::2]"), "my_attn.py")
    result = run("modules", "my_attn.py:Heads", "--set", "heads=4")
    assert result.code == 1
    assert "\nFAILS  keeps the shape  2x64x6x5 becomes 2x32x6x5\n" in result.out


def test_a_file_without_torch_has_no_layer_and_imports_none(write: Write) -> None:
    path = write("class Gate:\n    pass\n", "plain.py")
    code = f"""
import sys
from yaml_attn.mechanisms.custom import load_own
try:
    load_own({f"{path}:Gate"!r})
except Exception as error:
    assert error.message.endswith("plain.py:Gate is a class, but no torch.nn.Module")
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_bundled_names_cost_neither_torch_nor_a_search_of_packages() -> None:
    code = """
import sys
from yaml_attn.modules import find
from yaml_attn.mechanisms import custom as own
from yaml_attn.mechanisms.arguments import row_arguments
assert row_arguments(find("SE"), [8], {}) == [8]
costly = {"torch", "importlib.metadata", "yaml_attn.mechanisms.custom_import"}
assert costly.isdisjoint(sys.modules), costly.intersection(sys.modules)
own.entry_point_mechanisms()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
