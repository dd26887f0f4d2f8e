"""Whatever a path, a stream, a folder or a file is: a sentence, and exit code 0, 1 or 2."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from configs import SMALL
from conftest import Result, Run

from yaml_attn.cli import COMMANDS, check, unforeseen

OWN = """\
from torch import nn


class Attn(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x
"""

USES = {
    "insert": (
        "--base {} --module SE --after 0 --no-build --dry-run",
        "--base small.yaml --module SE --after 0 --no-build --dry-run -o {}",
        "--base small.yaml --module {}:Attn --after 0 --no-build --dry-run",
        "--base small.yaml --module SE --after 0 --dry-run --repo {}",
    ),
    "diff": ("{} small.yaml --json", "--base {} --module SE --after 0 --format markdown"),
    "replace": ("--base {} --at 0 --module Conv --no-build --dry-run",),
    "remove": ("--base {} --at 1 --no-build --dry-run --json",),
    "check": ("{}", "{} --format sarif", "{} --format github", "small.yaml --base {}"),
    "show": ("{}", "{} --json"),
    "places": ("{}", "{} --json"),
    "build": ("{} --imgsz 32", "small.yaml --repo {}"),
    "modules": ("{}", "{}:Attn"),
    "export": ("{}", "SE -o {}"),
    "apply": ("--repo {} --config small.yaml --dry-run", "--repo {} --undo"),
    "yolo": ("train model={}", "--own {}:Attn train model=small.yaml"),
    "weights": (
        "--weights {} --base small.yaml --config small.yaml -o moved.pt",
        "--weights weights.pt --base {} --config small.yaml -o moved.pt",
        "--weights weights.pt --base small.yaml --config small.yaml -o {}",
    ),
    "ablate": (
        "{} -o out --dry-run",
        "--base {} --modules SE --at 0 -o out --dry-run --no-build",
        "--base small.yaml --modules SE --at 0 -o {} --dry-run --no-build",
    ),
}
"""Every way in which a command is given a path."""

LOCKED = "locked/small.yaml"
NAMES = {
    "missing": "missing.yaml",
    "a folder": "folder.yaml",
    "of too many bytes": f"{'é' * 130}.yaml",
    "a path that is too long": "/".join(["a" * 200] * 25) + ".yaml",
    "a loop of links": "loop.yaml",
    "in a loop": "loop.yaml/small.yaml",
    "in a file": "small.yaml/small.yaml",
    "a link to nothing": "dangling.yaml",
    "in a folder that is locked": LOCKED,
    "not UTF-8": os.fsdecode(b"caf\xe9.yaml"),
    "a command of a workflow": "a\n::error::b\x1b]8;;x\x07[red]c.yaml",
    "empty": "",
    "a blank": " ",
    "a dash": "-",
    "a bracket": "[",
    "a home of nobody's": "~nobody/small.yaml",
}

SETTINGS = (
    [f"depth_multiple: {value}" for value in (".nan", ".inf", "-1", "1e300", "'1'", "true", "[1]")]
    + [f"width_multiple: {value}" for value in (".nan", ".inf", "0", "{a: 1}", "2020-01-01")]
    + [f"nc: {value}" for value in ("-1", "99999999999", "'80'", "true", ".nan", "!!binary aGk=")]
    + [f"anchors: {value}" for value in ("[[.nan, 1]]", "[[[1]]]", "{a: 1}", "9999999999")]
    + [f"scales: {value}" for value in ("{n: {n: 1}}", "{n: [[1], 1, 1]}", "{n: .nan}", "[1]")]
    + [f"activation: {value}" for value in ("[1]", "1", "'__import__(1)'", "2020-01-01")]
)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "dangling.yaml").symlink_to("nothing")
    for name in ("not UTF-8", "a command of a workflow"):
        (tmp_path / NAMES[name]).write_text(SMALL)
    locked = tmp_path / "locked"
    locked.mkdir()
    (tmp_path / LOCKED).write_text(SMALL)
    locked.chmod(0)
    yield tmp_path
    locked.chmod(0o755)


def sound(result: Result) -> bool:
    """Whether a run ended as one that knew what it met."""
    assert result.code in {0, 1, 2}
    assert "bug in yaml-attn" not in result.err
    assert "cannot be used (" not in result.err  # nothing but the last resort says so
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", result.out + result.err)
    assert "\n::error::b" not in result.out + result.err
    return result.code == 0 or "error" in result.err + result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_no_path_is_a_traceback(
    run: Run, command: str, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.stat
    if os.geteuid() == 0:  # root may enter a locked folder

        def locked(path: object, *args: object, **how: object) -> object:
            if str(path).endswith(LOCKED):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *args, **how)  # type: ignore[call-overload]

        monkeypatch.setattr(os, "stat", locked)
    assert hostile.is_dir()
    for words in USES[command]:
        for name in NAMES.values():
            args = [word.replace("{}", name) for word in words.split()]
            assert sound(run(command, *args)), args


def test_a_folder_that_is_locked_is_said_to_be_so(hostile: Path) -> None:
    code = "from yaml_attn.cli import main; main()"
    shutil.copytree(hostile, hostile / "own", symlinks=True, ignore=lambda *_: ["locked"])
    if os.geteuid() == 0:
        # Python's own files may be root's alone: what is needed is imported before.
        code = (
            "import os, sys; from yaml_attn.cli import main; argv = sys.argv\n"
            "sys.argv = ['', 'show', 'small.yaml']; main(); sys.argv = argv\n"
            "os.seteuid(65534); main()"
        )
        for folder in (hostile, *list(hostile.parents)[:2]):
            folder.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-c", code, "show", LOCKED],
        cwd=hostile,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.startswith(f"error: {LOCKED}: cannot be read (")


@pytest.mark.parametrize("line", SETTINGS)
def test_no_setting_is_a_traceback(run: Run, line: str, tmp_path: Path) -> None:
    key = line.partition(":")[0]
    kept = [each for each in SMALL.splitlines() if not each.startswith(f"{key}:")]
    (tmp_path / "odd.yaml").write_text("\n".join([line, *kept, ""]))
    edit = "--base odd.yaml --module SE --after 0"
    for words in (
        "build odd.yaml --json",
        "show odd.yaml --json --build",
        "check odd.yaml --format sarif",
        f"insert {edit} --dry-run --json",
        f"insert {edit} --no-build --dry-run",
        "ablate --base odd.yaml --modules SE --at 0 -o out --dry-run --json",
    ):
        result = run(*words.split())
        assert sound(result), words
        if result.code == 0 and "json" in words:
            json.loads(result.out, parse_constant=pytest.fail)


ARGS = {
    "2020-01-01": "2020-01-01",
    "2020-01-01 10:00:00": "2020-01-01T10:00:00",
    "!!binary aGVsbG8=": "aGVsbG8=",
    "!!set {b, a}": ["a", "b"],
    "{1: 2, null: 3, 1.5: 4, 2020-01-01: 5, true: 6}": {
        "1": 6, "null": 3, "1.5": 4, "2020-01-01": 5,
    },
    "-.inf": "-.inf",
    ".nan": ".nan",
    "!!omap [a: 1]": [["a", 1]],
}  # fmt: skip


@pytest.mark.parametrize("written", ARGS)
def test_every_value_of_yaml_has_a_form_in_json(run: Run, written: str, tmp_path: Path) -> None:
    text = SMALL.replace("Concat, [1]", f"Concat, [{written}]")
    (tmp_path / "odd.yaml").write_text(text)
    result = run("show", "odd.yaml", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out, parse_constant=pytest.fail)["layers"][5]["args"][0]
    assert found == ARGS[written]
    for words in ("diff odd.yaml small.yaml --json", "check odd.yaml --json", "places odd.yaml"):
        (tmp_path / "small.yaml").write_text(SMALL)
        assert sound(run(*words.split()))
    edit = run("insert", "--base", "odd.yaml", *"--module SE --after 0 --no-build --json".split())
    assert edit.code == 0, edit.err


@pytest.mark.parametrize("depth", [70, 400, 2_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_what_is_nested_too_deeply_is_no_config(
    run: Run, depth: int, brackets: str, tmp_path: Path
) -> None:
    opened = "[" if brackets == "[]" else "{a: "
    deep = opened * depth + "1" + brackets[1] * depth
    (tmp_path / "deep.yaml").write_text(SMALL.replace("Concat, [1]", f"Concat, [{deep}]"))
    (tmp_path / "study.yaml").write_text(f"bases: deep.yaml\nmodules: {deep}\n")
    (tmp_path / "small.yaml").write_text(SMALL)
    for words in (
        "show deep.yaml --json",
        "check deep.yaml",
        "build deep.yaml",
        "diff deep.yaml small.yaml",
        "insert --base deep.yaml --module SE --after 0",
        "ablate study.yaml -o out --dry-run",
    ):
        result = run(*words.split())
        assert result.code in {1, 2}, words
        assert "nested too deeply" in result.out + result.err or depth > 1_000
        assert sound(result)
    edit = ["insert", "--base", "small.yaml", "--module", "SE", "--after", 0, "--args", deep]
    assert sound(run(*edit))


MANIFESTS = [
    "[" * 100_000,
    '{"schema": 1e999}',
    '{"schema": "1"',
    '{"schema": 1, "variants": 1, "files": [], "left": []}',
    '{"schema": 1, "variants": [1], "files": [], "left": []}',
    *(
        f'{{"schema": 1, "files": [], "left": [], "variants": [{{"file": "{name}", "sha256": 0}}]}}'
        for name in ("a\\u0000b", "\\ud800", "..", "a/b")
    ),
]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_a_manifest_that_is_none_is_refused(run: Run, manifest: str, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(manifest)
    args = "--base small.yaml --modules SE --at 0 -o out --no-build".split()
    result = run("ablate", *args, "--prune")
    assert result.code == 2
    assert "manifest" in result.err
    assert sound(result)
    assert run("ablate", *args, "--force").code == 0


@pytest.mark.parametrize("line", ["nc: 1e999", "nc: .inf", "imgsz: .nan", 'own: "a\\0.py:A"'])
@pytest.mark.parametrize("base", ["small.yaml", '"a\\0b"', '"a\\ud800"', "{small.yaml: .inf}"])
def test_no_study_is_a_traceback(run: Run, line: str, base: str, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    study = f"bases: {base}\nmodules: SE\nplaces: 0\n{line}\n"
    (tmp_path / "study.yaml").write_text(study)
    assert sound(run("ablate", "study.yaml", "-o", "out", "--no-build"))


def test_the_handler_of_mistakes_makes_none(run: Run) -> None:
    result = run("check", "--nosuch", *[f"{number:030}.yaml" for number in range(30)])
    assert (result.code, "--nosuch" in result.err) == (2, True)


def test_a_setting_of_pyproject_that_is_none_is_no_traceback(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    for text in ("tool = 1", "a = " + "[" * 5_000, f"a = {'9' * 5_000}", "[tool]\nyaml-attn = 1"):
        (tmp_path / "pyproject.toml").write_text(text)
        assert sound(run("check", "small.yaml"))


def shell(line: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of shell, in which `yaml-attn` is ours."""
    python = f"'{sys.executable}' -c 'from yaml_attn.cli import main; main()'"
    return subprocess.run(
        ["bash", "-c", line.replace("yaml-attn", python)],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", ["modules", "check small.yaml --json", "--help"])
def test_what_cannot_be_printed_is_an_error(words: str, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    for stream in (">/dev/full", ">&-"):
        result = shell(f"yaml-attn {words} {stream}", tmp_path)
        assert result.returncode == 1
        assert re.fullmatch(r"error: standard output cannot be written \(.+\)\n", result.stderr)
    assert shell(f"yaml-attn {words} 2>&- </dev/null", tmp_path).returncode == 0
    assert shell(f"yaml-attn {words} --nosuch 2>/dev/full", tmp_path).returncode in {1, 2}


def test_who_stops_reading_is_told_nothing(tmp_path: Path) -> None:
    result = shell(
        "set -o pipefail; yaml-attn modules | head -c 1; exit ${PIPESTATUS[0]}", tmp_path
    )
    assert result.stderr == ""
    assert result.returncode in {0, 1}


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    for words in ("check .", "insert --base yolov5s --module SE --after 8 --no-build"):
        result = shell(f"mkdir gone; cd gone; rmdir ../gone; yaml-attn {words}", tmp_path)
        assert result.returncode in {1, 2}
        assert result.stderr.startswith("error: ")
        assert "is not there any more" in result.stderr or "folder" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("a\nb\x1b[31m"), "unforeseen ValueError in check.py, line "),
        (MemoryError(), "there is not enough memory"),
        (RecursionError("deep"), "something in the files is nested too deeply"),
        (PermissionError(13, "Permission denied", "a\nb"), "a␊b cannot be used"),
    ],
)
def test_what_nobody_foresaw_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(check, "_style", fails)
    result = run("check", "x.yaml")
    assert result.code == 1
    assert result.err.startswith(f"error: {said}")
    assert result.err.count("\n") == 1
    assert ("bug in yaml-attn" in result.err) is isinstance(error, ValueError)


def test_the_trace_is_shown_on_demand(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    line = "yaml-attn show missing.yaml"
    assert "Traceback" not in shell(line, tmp_path, **{unforeseen.DEBUG: ""}).stderr
    found = shell(line, tmp_path, **{unforeseen.DEBUG: "1"})
    assert found.returncode == 2
    assert "Traceback" in found.stderr
    assert found.stderr.count("error: missing.yaml") == 1


@pytest.mark.parametrize("name", ["bom.py", "latin.py"])
def test_a_class_in_any_encoding_of_python_is_read(run: Run, name: str, tmp_path: Path) -> None:
    documented = OWN.replace("Module):", 'Module):\n    """Café."""\n')
    data = {
        "bom.py": b"\xef\xbb\xbf" + documented.encode(),
        "latin.py": f"# -*- coding: latin-1 -*-\n{documented}".encode("latin-1"),
    }[name]
    (tmp_path / name).write_bytes(data)
    result = run("modules", f"{name}:Attn")
    assert result.code == 0, result.err
    assert "Café." in result.out
    assert run("export", f"{name}:Attn", "-o", "out.py").code == 0
    assert "Café." in (tmp_path / "out.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["class Attn(:", "\0", "# coding: nosuch\n", "é = '\udcff'", "1/0"]
)
def test_a_class_that_cannot_be_read_is_said_with_its_file(
    run: Run, text: str, tmp_path: Path
) -> None:
    (tmp_path / "attn.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    for words in ("modules attn.py:Attn", "export attn.py:Attn"):
        result = run(*words.split())
        assert result.code == 2
        assert result.err.startswith("error: attn.py")


def test_texts_are_there_where_python_drops_docstrings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "plain.py").write_text('class Plain:\n    """Scales."""\n\n\nclass Bare: ...\n')
    lines = ["--help", "insert --help", "check --explain YA101", "modules CBAM"]
    lines.append("check small.yaml --format sarif")
    code = (
        "import contextlib, sys, plain\n"
        "from yaml_attn.cli import main\n"
        "from yaml_attn.docstrings import docstring\n"
        f"for line in {lines}:\n"
        "    sys.argv = ['yaml-attn', *line.split()]\n"
        "    with contextlib.suppress(SystemExit): main()\n"
        "print(docstring(plain.Plain), docstring(plain.Bare))"
    )
    found = subprocess.run(
        [sys.executable, "-OO", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = "".join(run(*line.split()).out for line in lines)
    assert found.stdout == f"{expected}Scales. \n"
