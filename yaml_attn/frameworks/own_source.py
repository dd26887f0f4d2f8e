"""A user's own class in a file that is written: the whole file that it stands in, as a section.

Its head says whose it is and how long, so that `apply` finds it again and keeps it as it is:

    # -------------------- my_attn.py: MyAttention (24 lines) --------------------
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tokenize
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from yaml_attn.errors import OutputError, UsageError
from yaml_attn.modules.own import OwnMechanism

_RULE: Final = "-" * 20
_HEAD: Final = re.compile(
    rf"# {_RULE} (?P<file>.+\.py): (?P<classes>[\w, ]+) \((?P<lines>\d+) lines\) {_RULE}"
)


@dataclass(frozen=True)
class OwnSection:
    """A user's file: its name without folder, which of its classes rows name, and its text."""

    file: str
    classes: tuple[str, ...]
    text: str

    @property
    def written(self) -> str:
        """The section, below its head."""
        count = self.text.count("\n") + 1
        head = f"# {_RULE} {self.file}: {', '.join(self.classes)} ({count} lines) {_RULE}"
        return f"\n{head}\n{self.text}\n"

    @cached_property
    def defined(self) -> frozenset[str]:
        """The names that it defines at its top level."""
        return frozenset(name for node in self._body for name in _defines(node))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """The names that it imports there, and what each means."""
        return imported(self._body)

    @property
    def _body(self) -> list[ast.stmt]:
        return ast.parse(self.text).body


def own_sections(own: Iterable[OwnMechanism]) -> list[OwnSection]:
    """The files that the classes stand in, each once.

    Raises:
        UsageError: a file imports more than PyTorch and the standard library, or a class does not
            stand at its top level.
    """
    classes: dict[str, list[str]] = {}
    for each in own:
        classes.setdefault(inspect.getsourcefile(each.load()) or "", []).append(each.name)
    return [_section(Path(file), names) for file, names in classes.items()]


def read_sections(text: str) -> list[OwnSection]:
    """The sections that a written file has.

    Raises:
        OutputError: one was edited by hand until it is none any more.
    """
    lines, at, found = text.split("\n"), 0, []
    while at < len(lines):
        head = _HEAD.fullmatch(lines[at])
        at += 1
        if head:
            body = "\n".join(lines[at : at + int(head["lines"])])
            at += int(head["lines"])
            found.append(_read(head["file"], tuple(head["classes"].split(", ")), body))
    return found


def merged(old: Sequence[OwnSection], new: Sequence[OwnSection]) -> list[OwnSection]:
    """Sections with others added; a file that is given again takes its own place."""
    found = list(old)
    for section in new:
        again = [each for each in found if _is_again(each, section)]
        classes = [name for each in (*again, section) for name in each.classes]
        found = [each for each in found if each not in again]
        found.append(OwnSection(section.file, tuple(dict.fromkeys(classes)), section.text))
    return found


def refuse_clashes(
    sections: Sequence[OwnSection], taken: Collection[str], meant: Mapping[str, str]
) -> None:
    """Refuse sections that would change what a name means elsewhere in the file.

    Args:
        sections: the users' files.
        taken: what the rest of the file defines.
        meant: what it imports: name -> what that means.

    Raises:
        UsageError: one would.
    """
    names, imports = set(taken), dict(meant)
    for section in sections:
        others = {
            name for name, what in section.imported.items() if imports.get(name, what) != what
        }
        twice = sorted(
            section.defined & (names | imports.keys()) | section.imported.keys() & names | others
        )
        if twice:
            raise UsageError(
                f"{section.file} defines {twice[0]}, which the file to write has already",
                hint="Give it another name there: all stand in one file.",
            )
        names |= section.defined
        imports |= section.imported


def imported(body: Iterable[ast.stmt]) -> dict[str, str]:
    """The names that statements import, and what each means: `F` -> `torch.nn.functional`."""
    found = {}
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                found[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _section(file: Path, classes: Sequence[str]) -> OwnSection:
    with tokenize.open(file) as source:  # as Python reads it: a mark, or a comment, says how
        text = source.read()
    tree = ast.parse(text)
    _refuse_imports(file, tree)
    lines = text.splitlines(keepends=True)
    for node in tree.body:
        # Both stand at the top of the written file already, for all that is in it.
        if _is_future(node) or "__all__" in _defines(node):
            lines[node.lineno - 1 : node.end_lineno] = [""] * _height(node)
    section = OwnSection(file.name, tuple(dict.fromkeys(classes)), "".join(lines).strip())
    inside = [name for name in classes if name not in section.defined]
    if inside:
        raise UsageError(
            f"{inside[0]} does not stand at the top level of {file}",
            hint="Only such a class can be written out: move it there.",
        )
    return section


def _read(file: str, classes: tuple[str, ...], text: str) -> OwnSection:
    section = OwnSection(file, classes, text)
    try:
        if section.defined.issuperset(classes):
            return section
    except SyntaxError:
        pass
    raise OutputError(
        f"what was {file} in the file of mechanisms was edited by hand and cannot be kept",
        hint="Take it all out with --undo --force, then apply again.",
    )


def _is_again(old: OwnSection, new: OwnSection) -> bool:
    """Whether a file is given again: it has all that was wanted of it."""
    same = old.file == new.file or not set(old.classes).isdisjoint(new.classes)
    return same and new.defined.issuperset(old.classes)


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _height(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _refuse_imports(file: Path, tree: ast.Module) -> None:
    allowed = {"torch", *sys.stdlib_module_names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        else:
            continue
        for module in modules:
            if module.split(".")[0] not in allowed:
                raise UsageError(
                    f"imports {module}; the file to write needs PyTorch alone",
                    path=file,
                    line=node.lineno,
                    hint=f"Write what it takes from there into {file.name} itself, or the class "
                    "into a file of the framework's by hand, such as models/common.py.",
                )


def _defines(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
