"""What must hold for any bytes as a config: read, shown, edited, checked, repaired, by API and CLI.

`keep` raises AssertionError, or whatever escaped, where a promise is broken. Files are judged by
PyYAML alone, both of its loaders, and references by the frameworks' own rule, written out here.
"""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest import mock
from zlib import crc32

import yaml

from yaml_attn.api import Config
from yaml_attn.checks.fix import repair
from yaml_attn.checks.run import Checker
from yaml_attn.cli import main
from yaml_attn.core.edits import Insert, Remove, Replace, Request
from yaml_attn.document.document import Document
from yaml_attn.errors import InternalError, YamlAttnError

NEW = "Fuzzed"
"""The module name of every row that an edit adds or puts in the place of another."""

SECONDS = 1.0
"""What one step may take, in CPU time."""

LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]
CHECKER = Checker.of()


class Plain(NamedTuple):
    """A config as PyYAML reads it."""

    backbone: list[list[Any]]
    head: list[list[Any]]
    settings: dict[str, Any]

    @property
    def rows(self) -> list[list[Any]]:
        return [*self.backbone, *self.head]


def keep(data: bytes, folder: Path, *, commands: bool | None = None) -> str:
    """Everything that must hold; says how far the file led: unreadable, misread, read, edited.

    `commands` says whether the command line is tried too, which takes ten times as long; unless
    given it is for one file in twenty.
    """
    path = folder / "base.yaml"
    path.write_bytes(data)
    random = Random(crc32(data))  # noqa: S311 (any choice will do, if it is the same again)
    _in_time(lambda: _checked(data, path))
    if commands is None:
        commands = random.random() < 0.05
    try:
        document = _in_time(lambda: Document.parse(data, path))
    except InternalError:
        raise
    except YamlAttnError:
        if commands:
            _in_time(lambda: _commands(data, path, random))
        return "unreadable"
    _as_pyyaml_reads(document)
    try:
        config = Config(document, document.network)
    except YamlAttnError:
        return "misread"
    _in_time(lambda: _looked_at(config))
    made = [_in_time(lambda: _edited(config, random)) for _ in range(2)]
    if commands:
        _in_time(lambda: _commands(data, path, random))
    return "edited" if any(made) else "read"


def _in_time(step: Callable[[], Any]) -> Any:
    start = time.process_time()
    try:
        return step()
    finally:
        seconds = time.process_time() - start
        assert seconds < SECONDS, f"{seconds:.2f} s"


def read(text: str, loader: Any) -> Plain | None:
    """The config in a text; None where this loader refuses it."""
    try:
        values = yaml.load(text, loader)  # noqa: S506 (safe loaders)
    except Exception:  # noqa: BLE001 (PyYAML's constructors raise anything at a wrong tag)
        return None
    if not isinstance(values, dict) or not {"backbone", "head"} <= values.keys():
        return None
    return Plain(values.pop("backbone"), values.pop("head"), values)


def _as_pyyaml_reads(document: Document) -> None:
    for loader in LOADERS:
        plain = read(document.text, loader)
        if plain:
            assert repr([list(row.values) for row in document.rows]) == repr(plain.rows)
            assert repr(document.settings) == repr(plain.settings)


def _looked_at(config: Config) -> None:
    """Everything that only looks; a file that nobody edits is written back as it was."""
    assert config.data == config.document.data
    assert all(change.state == "same" for change in config.changes)
    assert not config.diff().text
    assert config.dialect
    assert len(config.numbers) == len(config.network)
    for place in config.places:
        assert place.keys


def _edited(config: Config, random: Random) -> bool:
    """One random edit, if one is possible; what it wrote is judged."""
    if any(layer.module == NEW for layer in config.network.layers):
        return False
    requests = _requests(config, random)
    try:
        edited = config.edit(*requests)
        text = edited.text
    except InternalError:
        raise
    except YamlAttnError:
        return False
    assert edited.diff().new
    assert len(edited.inserted) == sum(isinstance(each, Insert) for each in requests)
    assert isinstance(edited.side_effects, tuple)
    gone = {each.at for each in requests if isinstance(each, Remove)}
    swapped = {each.at for each in requests if isinstance(each, Replace)}
    right(config.text, text, gone=gone, swapped=swapped)
    Document.parse(edited.data)
    return True


def _requests(config: Config, random: Random) -> list[Request]:
    size = len(config.network)
    at = random.randrange(size)
    channels: Any = random.choice(["c2", "nominal"])
    consumers = random.choice(["all", "all", "next", "detect"])

    def after(at: int) -> Insert:
        return Insert("SE", after=at, name=NEW, channels=channels, consumers=consumers)

    kind = random.randrange(7)
    if kind == 0:
        return [Replace(at, NEW, [8, None, "a b"])]
    if kind == 1:
        return [Remove(at)]
    if kind == 2:
        return [Insert("SE", before=at, name=NEW, channels=channels, consumers=consumers)]
    if kind == 3:
        readers = config.network.consumers(at) or (at,)
        return [Insert("SE", edge=(at, random.choice(readers)), name=NEW, channels="nominal")]
    if kind == 4:
        other = random.randrange(size)
        return [after(at), after(other)]
    return [after(at)]


def right(old: str, new: str, *, gone: Collection[int] = (), swapped: Collection[int] = ()) -> None:
    """Judge a written text: the edits are in it, and nothing else has changed.

    `gone` and `swapped` are the rows that were removed and replaced, in the old numbering.
    """
    judged = False
    for loader in LOADERS:
        before, after = read(old, loader), read(new, loader)
        if before is None:
            continue
        judged = True
        assert after is not None, "what could be read can be read no more"
        assert repr(after.settings) == repr(before.settings)
        _same_rows(before, after, gone, swapped)
    assert judged
    if not gone and not swapped:
        # Numbers masked, the old text is the new one with some characters left out.
        characters = iter(re.sub(r"-?\d+", "0", new))
        assert all(character in characters for character in re.sub(r"-?\d+", "0", old))


def _same_rows(
    before: Plain, after: Plain, gone: Collection[int], swapped: Collection[int]
) -> None:
    size = len(before.backbone)
    new = {at for at, row in enumerate(after.rows) if row[2] == NEW and not (swapped or gone)}
    old_sections = [at < size for at in range(len(before.rows)) if at not in gone]
    size = len(after.backbone)
    assert [at < size for at in range(len(after.rows)) if at not in new] == old_sections
    kept = [row for at, row in enumerate(before.rows) if at not in gone]
    found = [row for at, row in enumerate(after.rows) if at not in new]
    for at, (row, other) in enumerate(zip(kept, found, strict=True)):
        if at in swapped:
            assert other[2] == NEW
        else:
            assert repr(row[1:]) == repr(other[1:])
        assert _signs(row[0]) == _signs(other[0])
    assert wiring(before.rows, gone) == wiring(after.rows, new)
    for at in new:
        assert any(at in reads for reads in _reads(after.rows)), "nobody reads the new layer"


def _signs(source: Any) -> Any:
    return [each < 0 for each in source] if isinstance(source, list) else source < 0


def _reads(rows: Sequence[Sequence[Any]]) -> list[list[int]]:
    sources = [row[0] if isinstance(row[0], list) else [row[0]] for row in rows]
    return [[at + x if x < 0 else x for x in each] for at, each in enumerate(sources)]


def wiring(rows: Sequence[Sequence[Any]], without: Collection[int]) -> list[list[int]]:
    """What each row reads where these rows are taken out: their readers read what they read."""
    reads = _reads(rows)
    kept = [at for at in range(len(rows)) if at not in without]
    index = {-1: -1, **{at: number for number, at in enumerate(kept)}}

    def through(at: int) -> int:
        while at in without:
            at = reads[at][0]
        return index[at]

    return [[through(each) for each in reads[at]] for at in kept]


def _checked(data: bytes, path: Path) -> None:
    report = CHECKER.check(path)
    if report is None:
        return
    for finding in report.findings:
        assert finding.text
        assert finding.place.line >= 1
        assert finding.place.column >= 1
    repaired = repair(CHECKER, report).after.document
    if report.document and repaired:
        _only_numbers(report.document.text, repaired.text)
        assert Document.parse(repaired.data).rows == repaired.rows
    elif report.document is None:
        assert report.failed or b"ignore" in data
    assert path.read_bytes() == data


def _only_numbers(old: str, new: str) -> None:
    """Judge a repaired text: nothing but numbers of rows and of comments has changed."""
    assert re.sub(r"-?\d[\d_]*", "0", old) == re.sub(r"-?\d[\d_]*", "0", new)
    for loader in LOADERS:
        before, after = read(old, loader), read(new, loader)
        if before:
            assert after
            assert repr(before.settings) == repr(after.settings)
            pairs = zip(before.rows, after.rows, strict=True)
            assert all(repr(row[2:]) == repr(other[2:]) for row, other in pairs)


def _commands(data: bytes, path: Path, random: Random) -> None:
    """The same by the command line: the exit codes, and what was written."""
    out = path.with_name("out.yaml")
    at = random.randrange(12)
    edit = ["--base", path, "--module", "SE", "--name", NEW, "--after", at]
    edit += ["--channels", random.choice(["c2", "nominal"])]
    run("show", path, *random.choice([[], ["--json"]]))
    run("places", path, *random.choice([[], ["--json"]]))
    run("diff", *edit)
    with suppress(FileNotFoundError):
        out.unlink()
    done = run("insert", *edit, "--no-build", "-o", out)
    assert (done == 0) == out.exists()
    if done == 0:
        right(_text(data), _text(out.read_bytes()))
        assert run("insert", *edit, "--no-build", "-o", out) == 2
        assert run("diff", path, out) == 0
        assert run("insert", *edit, "--no-build", "--in-place") == 0
        assert path.read_bytes() == out.read_bytes()
        assert run("remove", "--base", path, "--at", f"{NEW}", "--no-build", "-o", "-") in {0, 2}
    run("check", path, "--format", random.choice(["text", "json", "sarif", "github", "rich"]))
    before = path.read_bytes()
    run("check", path, "--fix")
    if path.read_bytes() != before:
        _only_numbers(_text(before), _text(path.read_bytes()))
    assert not [each for each in path.parent.iterdir() if each.suffix == ".yaml-attn"]


def _text(data: bytes) -> str:
    return data.decode().removeprefix("\ufeff")


def run(*args: object) -> int:
    """The exit code of `yaml-attn ARGS`; what it prints is thrown away, but must be no bug."""
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2)]
    with (
        mock.patch.object(sys, "argv", ["yaml-attn", *map(str, args)]),
        mock.patch.object(sys, "stdout", streams[0]),
        mock.patch.object(sys, "stderr", streams[1]),
    ):
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    for stream in streams:
        stream.flush()
    said = streams[1].buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert code in {0, 1, 2}, said
    assert "bug in yaml-attn" not in said, said
    assert "Traceback" not in said, said
    assert code != 2 or "rror" in said, said
    return code
