"""A user's own class in a file that is written: the whole file that it stands in, as a section.

Its head says whose it is and how long, so that `apply` finds it again and keeps it as it is:

    # -------------------- my_attn.py: MyAttention (24 lines) --------------------
"""

from __future__ import annotations

import ast
import inspect
import re
import symtable
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source
from pathlib import Path
from typing import Final

from yaml_attn.errors import InternalError, OutputError, UsageError
from yaml_attn.frameworks.python_source import UNREADABLE, meaning, quietly, tree_of, without
from yaml_attn.modules.own import OwnMechanism

_RULE: Final = "-" * 20
_HEAD: Final = re.compile(
    rf"# {_RULE} (?P<file>.+): (?P<classes>[^:()]+) \((?P<lines>\d+) lines\) {_RULE}"
)


@dataclass(frozen=True)
class OwnSection:
    """A user's file: its name without folder, which of its classes rows name, and its text.

    In the name, what is no letter to be seen is escaped: a line break would end the comment.
    """

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
        """The names that it gives a meaning at its top level, other than by importing."""
        with quietly():
            table = symtable.symtable(self.text, "<own>", "exec")
        names = {each.get_name() for each in table.get_symbols() if each.is_assigned()}
        # `__author__`, and what Python itself keeps there, nobody looks for.
        return frozenset(name for name in names if not re.fullmatch("__.+__", name))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """The names that it imports there, and what each means."""
        return imported(tree_of(self.text).body)


def own_sections(own: Iterable[OwnMechanism]) -> list[OwnSection]:
    """The files that the classes stand in, each once.

    Raises:
        UsageError: a file imports more than PyTorch and the standard library, uses `__all__` for
            more than a list of names, or a class does not stand at its top level.
    """
    classes: dict[Path, list[str]] = {}
    for each in own:
        classes.setdefault(_file(each), []).append(each.name)
    return [_section(file, names) for file, names in classes.items()]


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


def _file(own: OwnMechanism) -> Path:
    """The file that a class stands in."""
    try:
        return Path(inspect.getsourcefile(own.load()) or "")
    except TypeError:
        raise UsageError(
            f"{own.name} says of itself that it stands in no file",
            hint="Write it as a class at the top level of a file.",
        ) from None


def _section(file: Path, classes: Sequence[str]) -> OwnSection:
    text, tree = _source(file)
    _refuse_imports(file, tree)
    # The written file says both at its top, for all that is in it.
    said = [node for node in tree.body if _is_future(node) or _is_public(node)]
    rest = [node for node in tree.body if node not in said]
    _refuse_public(file, rest)
    name = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in file.name)
    section = OwnSection(name, tuple(dict.fromkeys(classes)), without(text, said).strip())
    try:
        same = meaning(tree_of(section.text).body) == meaning(rest)
    except UNREADABLE:
        same = False
    if not same:
        raise InternalError(
            "would be another program as a part of the file to write; nothing was written",
            path=file,
            hint="This is a bug in yaml-attn. Please report it with the file.",
        )
    inside = [each for each in classes if each not in section.defined]
    if inside:
        raise UsageError(
            f"{inside[0]} does not stand at the top level of {file}",
            hint="Only such a class can be written out: move it there.",
        )
    return section


def _source(file: Path) -> tuple[str, ast.Module]:
    """The text of a file, whatever its encoding and line ends are, and its tree as Python has it.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        data = file.read_bytes()
        return decode_source(data), tree_of(data)
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", path=file) from None
    except UNREADABLE as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise UsageError("is no Python that can be read", path=file, line=line) from None


def _read(file: str, classes: tuple[str, ...], text: str) -> OwnSection:
    section = OwnSection(file, classes, text)
    try:
        if tree_of(text) and section.defined.issuperset(classes):
            return section
    except UNREADABLE:
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


def _is_public(node: ast.stmt) -> bool:
    """Whether a statement does nothing but say which names are public."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.AnnAssign(target=ast.Name(id="__all__")):
            return True
        case ast.AugAssign(target=ast.Name(id="__all__")):
            return True
    return False


def _refuse_public(file: Path, body: Iterable[ast.stmt]) -> None:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == "__all__":
                raise UsageError(
                    "uses __all__, and the file to write has another one",
                    path=file,
                    line=node.lineno,
                    hint="Set it in a statement of its own, or do without it.",
                )


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
