"""Mechanisms as one file that needs PyTorch alone, put together from their own source.

What the file holds are the definitions of `yaml_attn/modules`, each with its comments and
docstrings, as far as the wanted classes reach. The same names give the same bytes. Nothing is
generated but the few lines of a class such as `C3SE`, which also needs the checkout's own block.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from yaml_attn import __version__
from yaml_attn.dialects.composed import parse
from yaml_attn.errors import InternalError, UsageError
from yaml_attn.frameworks.composed_classes import (
    ROW,
    ComposedClass,
    block_imports,
    composed_section,
)
from yaml_attn.frameworks.definitions import IN_BLOCKS, PARTS, Definition, Source, read_source
from yaml_attn.frameworks.own_source import OwnSection, imported, refuse_clashes
from yaml_attn.frameworks.python_source import UNREADABLE, meaning, tree_of
from yaml_attn.modules.own import OwnMechanism
from yaml_attn.modules.registry import MECHANISMS, Mechanism, find

TABLE: Final = "YAML_ATTN_MODULES"
"""The name of the tuple of classes at the end of the file."""

_HEAD: Final = """\
# Attention modules for the rows of YOLO configs. Needs {needs}.
# Mechanisms: {names}
# Written by yaml-attn {version}. Do not edit: write it again with `yaml-attn {command}`.
# Copyright the yaml-attn authors. Licensed under the Apache License, Version 2.0:
# https://www.apache.org/licenses/LICENSE-2.0
# sha256 of what follows: {digest}
"""
_KEYS: Final = ("needs", "names", "version", "command", "digest")
_ALONE: Final = "PyTorch alone"
_BLOCKS: Final = "PyTorch and this checkout's blocks"


@dataclass(frozen=True, slots=True)
class Written:
    """What the head of such a file says: which mechanisms, and whether the rest is as written."""

    mechanisms: tuple[str, ...]
    unchanged: bool


def bundled(names: Iterable[str]) -> tuple[Mechanism, ...]:
    """The mechanisms with these names or aliases, each once, in the order of the registry.

    Raises:
        UnknownModuleError: one has no such name.
        UsageError: it belongs to another package, or to a framework's block.
    """
    wanted = set()
    for name in names:
        composed = parse(name, find)
        if composed:
            raise UsageError(
                f"{name} is {composed}: it needs the framework's own {composed.block}",
                hint=f"`yaml-attn apply --module {composed.spelling}` writes it into a checkout; "
                f"{composed.mechanism} alone can be had as a file.",
            )
        found = find(name)
        if not isinstance(found, Mechanism):
            package = found.package if isinstance(found, OwnMechanism) else name.partition(".")[0]
            raise UsageError(
                f"{name} is a class of {package}, not one of ours",
                hint="Only bundled mechanisms can be written out; import that one.",
            )
        wanted.add(found.name)
    return tuple(each for each in MECHANISMS.values() if each.name in wanted)


def standalone(
    mechanisms: Sequence[Mechanism],
    command: str = "export",
    own: Sequence[OwnSection] = (),
    composed: Sequence[ComposedClass] = (),
) -> str:
    """The text of the file; the classes are also in a tuple, for `m in YAML_ATTN_MODULES`.

    Args:
        mechanisms: bundled ones.
        command: what writes the file, as its head says.
        own: files of the user's, with their classes that rows name.
        composed: blocks of a checkout's with attention; they are not in the tuple.

    Raises:
        UsageError: a user's file has a name that is taken.
    """
    names = [*(each.name for each in mechanisms), *(name for each in own for name in each.classes)]
    wanted = [*mechanisms, *(each.mechanism for each in composed)]
    rows = [(IN_BLOCKS, ROW)] if composed else []
    needed = _reach([*((each.file, each.name) for each in wanted), *rows])
    sources = [read_source(file) for file in dict.fromkeys(file for file, _ in needed)]
    public = [*names, *(each.name for each in composed)]
    quoted = "".join(f'    "{name}",\n' for name in sorted([*public, TABLE]))
    table = "".join(f"    {name},\n" for name in names)
    imports = [*_imports(sources, needed), *block_imports(composed)]
    refuse_clashes(
        own,
        {*(name for _, name in needed), *(each.name for each in composed), TABLE},
        imported(ast.parse("".join(imports)).body),
    )
    sections = [
        "from __future__ import annotations\n",
        *imports,
        f"__all__ = [\n{quoted}]\n",
        *(_section(source, needed) for source in sources),
        *(each.written for each in own),
        *composed_section(composed),
        f"{TABLE} = (\n{table})\n",
    ]
    body = "\n".join(sections)
    _refuse_other(sections, body)
    return _head(public, command, body, _BLOCKS if composed else _ALONE) + body


def _refuse_other(sections: Sequence[str], body: str) -> None:
    """Refuse a file that does not do what its sections do, one after the other.

    Raises:
        InternalError: that is it.
    """
    try:
        wanted = [each for section in sections for each in meaning(tree_of(section).body)]
        same = meaning(tree_of(body).body) == wanted
    except UNREADABLE:
        same = False
    if not same:
        raise InternalError(
            "the file of mechanisms would not be what it is put together from; nothing was written",
            hint="This is a bug in yaml-attn. Please report it with your class's file.",
        )


def read_head(text: str) -> Written | None:
    """What the head of a file says that `standalone` wrote; None if it did not."""
    pattern = re.escape(_HEAD).replace(r"\{", "{").replace(r"\}", "}")
    groups = {key: f"(?P<{key}>.*)" for key in _KEYS}
    found = re.match(pattern.format(**groups), text)
    if not found:
        return None
    names = tuple(found["names"].split(", "))
    return Written(names, _digest(text[found.end() :]) == found["digest"])


def _head(names: Sequence[str], command: str, body: str, needs: str) -> str:
    return _HEAD.format(
        names=", ".join(names),
        version=__version__,
        command=command,
        digest=_digest(body),
        needs=needs,
    )


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _reach(wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """All definitions that the wanted ones use, as (file, name); what is used comes first."""
    reached: dict[tuple[str, str], None] = {}

    def visit(file: str, name: str, above: tuple[tuple[str, str], ...]) -> None:
        if (file, name) in reached or (file, name) in above:  # functions may call one another
            return
        source = read_source(file)
        for used in source.uses(name):
            visit(*used, (*above, (file, name)))
        reached[file, name] = None

    for file, name in wanted:
        visit(file, name, ())
    return sorted(reached, key=lambda each: each[0] != PARTS)


def _imports(sources: Sequence[Source], needed: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The statements that import what is used from elsewhere: the standard library's, torch's."""
    used = {
        each
        for source in sources
        for definition in _definitions(source, needed)
        for each in source.imported(definition)
    }
    for torchs in (False, True):
        whole = {each for each in used if (each.module.split(".")[0] == "torch") == torchs}
        lines = sorted(f"import {each.module}\n" for each in whole if not each.name)
        for module in sorted({each.module for each in whole if each.name}):
            names = sorted(each.spelling for each in whole if each.name and each.module == module)
            lines.append(f"from {module} import {', '.join(names)}\n")
        if lines:
            yield "".join(lines)


def _definitions(source: Source, needed: Sequence[tuple[str, str]]) -> list[Definition]:
    return [each for each in source.definitions if (source.file, each.name) in needed]


def _section(source: Source, needed: Sequence[tuple[str, str]]) -> str:
    """The needed definitions of one file, below its docstring as a comment."""
    rule = f"# {'-' * 20} {source.file.strip('_')} {'-' * 20}"
    docstring = [f"# {line}".rstrip() for line in source.docstring.splitlines()]
    texts = [source.text(each) for each in _definitions(source, needed)]
    return "\n".join(["", "\n".join([rule, *docstring]), "", "\n\n".join(texts)]) + "\n"
