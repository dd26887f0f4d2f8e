"""The configs that another may have been made from, told among thousands by a glance at their text.

A copy has the joins of its base: rows with other than one input are neither added nor taken out,
and read as many; between two of them it has all of its base's rows, and perhaps more. So files are
sorted by the inputs of their joins, and only the few whose modules are nearest are read as YAML.
"""

from __future__ import annotations

import os
import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from heapq import merge
from itertools import islice
from operator import gt
from pathlib import Path
from typing import Any, NamedTuple

from yaml_attn.dialects.block_attention import host
from yaml_attn.dialects.module_specs import is_known
from yaml_attn.document.diagnosis import SUFFIXES
from yaml_attn.document.document import BOM, network_of
from yaml_attn.errors import ConfigError
from yaml_attn.files import read_config
from yaml_attn.graph.network import Layer, Network

BESIDE = "beside it"

ALIGNED = 6
"""How many of the candidates that look alike are aligned row by row."""

# Nobody has more files that look so much alike; what is beyond is not looked at.
_MOST_LOOKED_AT = 60
_MOST_KINDS = 500
_MOST_KEPT = 500

# A row up to its args, as nearly everybody writes it; what may be one that is written otherwise.
_START = r"\[\s*(-?\d+|\[[-\d,\s]*\])\s*,\s*-?\d+\s*,\s*"
_ROW = re.compile(_START + r"[\"']?([A-Za-z_][\w.]*)[\"']?\s*,\s*\[")
_OTHER_ROW = re.compile(_START + r"[^\s\d\[\]-]")
_COMMENT = re.compile(r"(^|[\s,\]])#.*")
_OTHER_STYLE = re.compile(r"[&*]|^[ \t]*-[ \t]+[^\[\s]", re.MULTILINE)
_KEY = re.compile(r"^[\"']?(\w+)[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True)
class Base:
    """A config that others may have been made from; `origin` says where it was found."""

    path: Path
    origin: str
    network: Network
    settings: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The base as messages name it."""
        return self.path.name

    @property
    def is_official(self) -> bool:
        """Whether it is a template or ultralytics' own, not a file that may have been edited."""
        return self.origin != BESIDE

    @cached_property
    def rows(self) -> str:
        """The rows, for telling apart and finding equal ones."""
        return repr(self.network.rows())


class Outline(NamedTuple):
    """What a copy shares with its base, or most of it.

    `joins` are the numbers of inputs of rows that have other than one, `between` how many rows
    stand above each of them and below the last, `modules` those of all rows.
    """

    joins: tuple[int, ...]
    between: tuple[int, ...]
    modules: tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str]]) -> Outline:
        """The outline of rows, of each its number of inputs and its module."""
        joins, between, modules = [], [0], []
        for inputs, module in rows:
            modules.append(module)
            if inputs == 1:
                between[-1] += 1
            else:
                joins.append(inputs)
                between.append(0)
        return cls(tuple(joins), tuple(between), tuple(modules))

    @classmethod
    def of_layers(cls, layers: Iterable[Layer]) -> Outline:
        """The outline of layers."""
        return cls.of((len(layer.sources), layer.module) for layer in layers)


def glance(text: str) -> Outline | None:
    """The outline of a config's text, without reading it as YAML; None where that is not sure."""
    text = _COMMENT.sub(r"\1", text)
    keys = list(_KEY.finditer(text))
    if [key[1] for key in keys[-2:]] != ["backbone", "head"] or _OTHER_STYLE.search(text):
        return None
    rows = _ROW.findall(text)
    sure = len(rows) == len(_OTHER_ROW.findall(text, keys[-2].end()))
    if not (rows and sure):
        return None
    return Outline.of(
        (source.count(",") + 1 if source[0] == "[" else 1, module) for source, module in rows
    )


class _File(NamedTuple):
    """A file, and where it stands among the others."""

    order: int
    path: Path


@dataclass(eq=False)
class _Kind:
    """The files with the same outline."""

    outline: Outline
    files: list[_File] = field(default_factory=list)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each module occurs."""
        return Counter(self.outline.modules)

    def unlike(self, outline: Outline, counts: Mapping[str, int]) -> int | None:
        """How many rows of either have none of the same module in the other; None if too many.

        A base has no row that its copies lack; half of its modules may have been renamed.
        """
        if any(map(gt, self.outline.between, outline.between)):
            return None
        rows, size = len(self.outline.modules), len(outline.modules)
        same = sum(min(count, counts.get(name, 0)) for name, count in self.counts.items())
        return None if 2 * (rows - same) > rows else rows + size - 2 * same


class Candidates:
    """Files that others may have been made from; what cannot be read as a config is none."""

    def __init__(self, files: Iterable[Path], origin: str) -> None:
        self._origin = origin
        self._kinds: dict[Outline, _Kind] = {}
        self._read_last: OrderedDict[Path, Base | None] = OrderedDict()
        for order, path in enumerate(files):
            self._add(_File(order, path))
        self._by_joins: dict[tuple[int, ...], list[_Kind]] = {}
        # The longest first: they have the fewest rows less than a copy.
        for outline in sorted(self._kinds, key=lambda each: -len(each.modules)):
            self._by_joins.setdefault(outline.joins, []).append(self._kinds[outline])

    @classmethod
    def beside(cls, folder: Path) -> Candidates:
        """The configs of a folder, those aside whose name is no text."""
        names: list[str] = []
        with suppress(OSError), os.scandir(folder) as entries:
            names += (each.name for each in entries if each.name.endswith(SUFFIXES))
        return cls((folder / name for name in sorted(names) if _is_text(name)), BESIDE)

    def near(self, network: Network, fits: Callable[[Base], bool]) -> list[Base]:
        """Those most alike, by their modules: as many as are aligned, and what may equal them.

        Args:
            network: of which they may be the base.
            fits: whether a base may be one at all.
        """
        found: list[Base] = []
        rows: set[str] = set()
        kinds: set[_Kind] = set()
        for _, file, kind in islice(self._nearest(network), _MOST_LOOKED_AT):
            if len(rows) >= ALIGNED and kind not in kinds:
                continue
            base = self._read(file.path)
            if base and fits(base):
                found.append(base)
                rows.add(base.rows)
                kinds.add(kind)
        return found

    def _nearest(self, network: Network) -> Iterator[tuple[int, _File, _Kind]]:
        """Files by how many rows are unlike, then in their own order."""
        outline = Outline.of_layers(network.layers)
        counts = Counter(outline.modules)
        kinds = ((kind.unlike(outline, counts), kind) for kind in self._alike(network, outline))
        return merge(*(_ranked(kind, unlike) for unlike, kind in kinds if unlike is not None))

    def _alike(self, network: Network, outline: Outline) -> Iterable[_Kind]:
        """The kinds with the same joins; of very many, those as long and those with its rows."""
        kinds = self._by_joins.get(outline.joins, [])
        if len(kinds) <= _MOST_KINDS:
            return kinds
        known = (each for each in network.layers if len(each.sources) != 1 or is_known(each.module))
        renamed = (each if is_known(each) else host(each) or each for each in outline.modules)
        likely = [outline, Outline.of_layers(known), outline._replace(modules=tuple(renamed))]
        sure = [self._kinds[each] for each in dict.fromkeys(likely) if each in self._kinds]
        fitting = (kind for kind in kinds if len(kind.outline.modules) <= len(network))
        return dict.fromkeys([*sure, *islice(fitting, _MOST_KINDS)])

    def _add(self, file: _File) -> None:
        """Take a file in if it is a config, by a glance or else by reading it."""
        with suppress(ConfigError, UnicodeDecodeError):
            text = _text(file.path)
            if not ("backbone" in text and "head" in text):
                return
            outline = glance(text)
            if outline is None:
                base = self._read(file.path)
                outline = Outline.of_layers(base.network.layers) if base else None
            if outline and self._may_be(outline.modules):
                self._kinds.setdefault(outline, _Kind(outline)).files.append(file)

    def _may_be(self, modules: Iterable[str]) -> bool:
        """Whether all modules are a framework's own: a file beside that was changed is no base."""
        return self._origin != BESIDE or all(map(is_known, modules))

    def _read(self, path: Path) -> Base | None:
        """The base that a file is, if it is one; those asked for last are kept."""
        known = self._read_last
        if path not in known:
            known[path] = self._base(path)
        known.move_to_end(path)
        if len(known) > _MOST_KEPT:
            known.popitem(last=False)
        return known[path]

    def _base(self, path: Path) -> Base | None:
        """A base by PyYAML alone, a tenth of the time that rows with positions take."""
        with suppress(ConfigError, UnicodeDecodeError):
            network, settings = network_of(_text(path))
            if self._may_be(layer.module for layer in network.layers):
                return Base(path, self._origin, network, settings)
        return None


def _ranked(kind: _Kind, unlike: int) -> Iterator[tuple[int, _File, _Kind]]:
    return ((unlike, file, kind) for file in kind.files)


def _text(path: Path) -> str:
    return read_config(path).decode("utf-8").removeprefix(BOM)


def _is_text(name: str) -> bool:
    """Whether a file's name can be printed: not every sequence of bytes is UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
