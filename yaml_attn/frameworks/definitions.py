"""The source of `yaml_attn/modules` as definitions: where each stands and what it uses."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from yaml_attn.errors import InternalError
from yaml_attn.modules.registry import MECHANISMS

PARTS: Final = "_parts"
IN_BLOCKS: Final = "attentive"
_PACKAGE: Final = "yaml_attn.modules"


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that a file imports from elsewhere; without `name` it is the module itself."""

    module: str
    name: str
    alias: str

    @property
    def spelling(self) -> str:
        """As it stands behind `import`."""
        return self.name if self.alias == self.name else f"{self.name} as {self.alias}"


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, function or constant: its nodes (a docstring may follow it) and its lines."""

    name: str
    nodes: tuple[ast.stmt, ...]
    start: int
    end: int

    def names(self) -> Iterator[ast.Name]:
        """Every name in it."""
        for node in self.nodes:
            yield from (each for each in ast.walk(node) if isinstance(each, ast.Name))


@dataclass(frozen=True)
class Source:
    """One file of `yaml_attn/modules`, read but not imported."""

    file: str
    lines: tuple[str, ...]
    tree: ast.Module

    @cached_property
    def docstring(self) -> str:
        """Of the module."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def definitions(self) -> tuple[Definition, ...]:
        """In the order of the file."""
        found: list[Definition] = []
        for node in self.tree.body[1:]:
            if isinstance(node, ast.Import | ast.ImportFrom):
                continue
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and found:
                last = found.pop()
                nodes = (*last.nodes, node)
                found.append(Definition(last.name, nodes, last.start, node.end_lineno or 0))
            else:
                found.append(self._definition(node))
        return tuple(found)

    def uses(self, name: str) -> Iterator[tuple[str, str]]:
        """The definitions that one uses, here and in the other files, as (file, name)."""
        own = {each.name for each in self.definitions}
        definition = next(each for each in self.definitions if each.name == name)
        for used in dict.fromkeys(each.id for each in definition.names()):
            if used in own:
                yield self.file, used
            elif used in self._from_ours:
                yield self._from_ours[used]

    def imported(self, definition: Definition) -> Iterator[Imported]:
        """What a definition uses of other packages."""
        for used in dict.fromkeys(each.id for each in definition.names()):
            if used in self._from_elsewhere:
                yield self._from_elsewhere[used]

    def text(self, definition: Definition) -> str:
        """The definition's lines; a name that another file defines too gets the file's behind it.

        It does so whichever mechanisms are asked for: checkpoints name classes.
        """
        lines = list(self.lines[definition.start - 1 : definition.end])
        clashing = _clashing()
        if definition.name in clashing and not isinstance(definition.nodes[0], ast.Assign):
            at = definition.nodes[0].lineno - definition.start
            lines[at] = lines[at].replace(definition.name, self._renamed(definition.name), 1)
        places = [each for each in definition.names() if each.id in clashing]
        for each in sorted(places, key=lambda each: (each.lineno, each.col_offset), reverse=True):
            at = each.lineno - definition.start
            line = lines[at].encode()  # columns are counted in bytes
            head, tail = line[: each.col_offset], line[each.col_offset + len(each.id.encode()) :]
            lines[at] = (head + self._renamed(each.id).encode() + tail).decode()
        return "\n".join(lines) + "\n"

    def _renamed(self, name: str) -> str:
        return f"{name}_{self.file.upper() if name.isupper() else self.file}"

    def _definition(self, node: ast.stmt) -> Definition:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                first = node.lineno
            case _:
                raise InternalError(
                    f"{self.file}.py has a statement that no file of its own can hold",
                    line=node.lineno,
                    path=f"{self.file}.py",
                )
        while self.lines[first - 2].startswith("#"):
            first -= 1
        return Definition(name, (node,), first, node.end_lineno or 0)

    @cached_property
    def _from_ours(self) -> Mapping[str, tuple[str, str]]:
        prefix = f"{_PACKAGE}."
        return {
            alias.asname or alias.name: (node.module.removeprefix(prefix), alias.name)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(prefix)
            for alias in node.names
            if node.module
        }

    @cached_property
    def _from_elsewhere(self) -> Mapping[str, Imported]:
        found = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.name] = Imported(alias.name, "", "")
            elif isinstance(node, ast.ImportFrom) and not self._is_ours(node):
                for alias in node.names:
                    used = alias.asname or alias.name
                    found[used] = Imported(node.module or "", alias.name, used)
        return found

    @staticmethod
    def _is_ours(node: ast.ImportFrom) -> bool:
        return (node.module or "").startswith((_PACKAGE, "__future__"))


@cache
def read_source(file: str) -> Source:
    """The file with this name in `yaml_attn/modules`."""
    text = files(_PACKAGE).joinpath(f"{file}.py").read_text(encoding="utf-8")
    return Source(file, tuple(text.split("\n")), ast.parse(text))


@cache
def _clashing() -> frozenset[str]:
    """The names that two files define."""
    files = (each.file for each in MECHANISMS.values())
    sources: Sequence[str] = list(dict.fromkeys([PARTS, IN_BLOCKS, *files]))
    names = Counter(each.name for file in sources for each in read_source(file).definitions)
    return frozenset(name for name, times in names.items() if times > 1) - set(vars(builtins))
