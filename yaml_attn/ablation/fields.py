"""A value of a study file with its name and line, so that every refusal can say which key is meant.

Validation libraries say less (none knows the line in a YAML file) or cost more (pydantic takes
longer to import than a study takes to generate); what is needed of one fits here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from yaml_attn.config.diagnosis import UnreadableError
from yaml_attn.config.lookalikes import in_piece
from yaml_attn.config.syntax import Node, compose, read_yaml
from yaml_attn.errors import DocumentError, NoFileError, UsageError
from yaml_attn.files import read_config

_Kind = TypeVar("_Kind")


@dataclass(frozen=True, slots=True)
class Field:
    """One value: `modules.SE.ratio`, `places[2]`.

    `value` is the plain data, `node` the same with its place, `line` where it or its key stands.
    Options of a command line stand nowhere, and have the option's name.
    """

    name: str
    value: Any
    node: Node | None = None
    path: Path | None = None
    line: int | None = None

    @property
    def folder(self) -> Path | None:
        """Where file names in it start: beside its file, in the current folder if it has none."""
        return self.path.parent if self.path else None

    def wrong(self, message: str, hint: str | None = None) -> UsageError:
        """An error about this value; a character in it that only looks like YAML's is named."""
        named = f"{self.name}: {message}" if self.name else message
        looks = self.name and _lookalike(re.sub("['\"]", " ", f"{self.name} {self.value}"))
        hint = "\n".join(each for each in (looks, hint) if each) or None
        return UsageError(named, path=self.path, line=self.line, hint=hint)

    def within(self, error: UsageError) -> UsageError:
        """Another file's error as one about this value."""
        return self.wrong(error.message, error.hint)

    def unknown(self, known: Collection[str]) -> UsageError:
        """The error of a key that means nothing."""
        key = self.name.rpartition(".")[2]
        close = get_close_matches(key, known, n=1)
        guess = f"Did you mean {close[0]}? " if close else ""
        return self.wrong("there is no such key", f"{guess}Keys: {', '.join(known)}.")

    def items(self) -> list[Field]:
        """The items of a list; a single value is a list of one."""
        if not isinstance(self.value, list):
            return [self]
        return self.members()

    def members(self) -> list[Field]:
        """The items of what must be a list."""
        values = self.of(list, "list")
        nodes: list[Node | None] = [None] * len(values)
        if self.node and len(self.node.children) == len(values):
            nodes = list(self.node.children)
        return [
            Field(self._within(f"[{at}]"), value, node, self.path, node.line if node else None)
            for at, (value, node) in enumerate(zip(values, nodes, strict=True))
        ]

    def pairs(self) -> Iterator[tuple[str, Field]]:
        """The keys of a mapping with their values."""
        nodes: dict[str, tuple[Node, Node]] = {}
        for key_node, node in self.node.pairs if self.node else ():
            if key_node.text in nodes:
                line = key_node.line
                raise replace(self, line=line).wrong(f"{key_node.text} is there twice")
            nodes[key_node.text] = key_node, node
        for key, value in self.of(dict, "mapping").items():
            name = self._within(f".{key}").removeprefix(".")
            # An alias or a merged key stands elsewhere.
            at, within = nodes.get(str(key), (None, None))
            yield str(key), Field(name, value, within, self.path, at.line if at else self.line)

    def _within(self, step: str) -> str:
        # An option is what it is called, however it is taken apart.
        return self.name if self.name.startswith("--") else f"{self.name}{step}"

    def text(self) -> str:
        """A text that is not empty; a number counts, for `8` is a place."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        if not self.of(str, "text").strip():
            raise self.wrong("is empty")
        return str(self.value).strip()

    def boolean(self) -> bool:
        """Whether it is true."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"{self.value!r} is neither true nor false")
        return self.value

    def positive(self) -> int:
        """A number from 1."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 1:
            raise self.wrong(f"{self.value!r} is no whole number from 1")
        return self.value

    def of(self, kind: type[_Kind], name: str) -> _Kind:
        """The value, which must be of a kind."""
        if not isinstance(self.value, kind):
            raise self.wrong(f"{self.value!r} is no {name}")
        return self.value


def read_fields(path: Path) -> Field:
    """The content of a YAML file.

    Raises:
        UsageError: it cannot be read, or is no mapping.
    """
    try:
        text = read_config(path).decode("utf-8-sig")
        value = read_yaml(text)
        node = compose(text) if isinstance(value, dict) else None
    except NoFileError as error:
        hint = "Without a study file: --base, --modules and --at."
        raise UsageError(error.message, path=path, hint=hint) from None
    except UnicodeDecodeError:
        raise UsageError("is not UTF-8", path=path, hint="Save it as UTF-8.") from None
    except DocumentError as error:
        raise UsageError(
            error.message, path=path, line=error.line, hint=_hint(text, error)
        ) from None
    content = Field("", value, node, path, node.line if node else None)
    if node is None:
        raise content.wrong("is no study", "A study is a mapping with a key `bases`.")
    return content


def _hint(text: str, error: DocumentError) -> str | None:
    """What to do about a text that is not YAML: what is usual in studies, or else in configs."""
    number = error.line or 1
    above, here = ["", *text.splitlines(), ""][number - 1 : number + 1]
    cause = error.cause if isinstance(error, UnreadableError) else None
    in_list = cause == "bracket"
    if looks := _lookalike(here):
        return error.hint if cause == "character" else looks
    if in_list and (bare := re.search(r"[\w.]+\[[\w*-]+\]", here)):
        return f"Inside a list, quote what has brackets: '{bare[0]}'."
    if star := re.search(r"(?<!\S)[\[{]?(\*[^\s,\]}]*)", here):
        return f"Quote what begins with a star: '{star[1]}'."
    for line, at in ((above, number - 1), (here, number)):
        if re.match(r"\s*\w+:\S", line):
            return f"A blank is missing behind the colon in line {at}."
    if in_list:
        return "A bracket or a comma is missing here or in the line above."
    if error.hint:
        return error.hint
    return "Lines that belong together start in the same column, all with a `-` or none."


def _lookalike(text: str) -> str | None:
    """What to do about the first character that looks like one of YAML's."""
    found = next(in_piece(text, 0, len(text)), None)
    return f"It has {found.name}. {found.mend}." if found else None
