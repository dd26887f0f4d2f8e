"""Making mechanisms known to a YOLOv5, v7, v9 or v3 checkout, or a fork: what to write, and undo.

Two files are concerned: a new one with the mechanisms beside `models/yolo.py`, and that one, which
gets four lines (`parser_edit`). A plan is computed whole, and shown, before anything is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from yaml_attn.config.document import Document
from yaml_attn.dialects.composed import parse
from yaml_attn.dialects.inert import Meaning, by_spelling, refuse_code
from yaml_attn.dialects.strides import MODULES
from yaml_attn.errors import (
    InternalError,
    OutputError,
    UnknownModuleError,
    UntrustedError,
    UsageError,
    YamlAttnError,
)
from yaml_attn.files import (
    EXISTS_HINT,
    digest,
    exists,
    is_file,
    refuse_irreplaceable,
    refuse_outside,
    remove,
    standing,
    write_atomically,
)
from yaml_attn.frameworks.composed_classes import ComposedClass
from yaml_attn.frameworks.fitting import foreign, refuse_misfit
from yaml_attn.frameworks.hosting import host_in
from yaml_attn.frameworks.launching import config_target
from yaml_attn.frameworks.own_source import OwnSection, merged, own_sections, read_sections
from yaml_attn.frameworks.parser_edit import MODULE, is_applied, with_edit, without_edit
from yaml_attn.frameworks.scope import code_in_scope, names_in_scope
from yaml_attn.frameworks.standalone import Written, bundled, read_head, standalone
from yaml_attn.modules.own import OwnMechanism
from yaml_attn.modules.registry import MECHANISMS, NATIVE, Mechanism, find, known

_ULTRALYTICS: Final = ("ultralytics/nn/tasks.py", "nn/tasks.py")
"""What a checkout or a fork of it has, and its installed package."""
_IMPORT: Final = (
    "One import makes the mechanisms known to it: train with `yaml-attn yolo train model=FILE`, or "
    "write `import yaml_attn.frameworks.ultralytics` above your own code."
)


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after; None where there is none."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def read(self) -> str | None:
        """The digest of the file as it was read."""
        return None if self.before is None else digest(self.before)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, in this order, and what the mechanisms will be.

    `left_out` are mechanisms whose name the checkout has itself, with the place where: those that
    were wanted, or that the config's rows name.
    """

    changes: tuple[Change, ...]
    mechanisms: tuple[str, ...]
    left_out: Mapping[str, str]

    def write(self) -> None:
        """Write the files, each whole or not at all.

        Raises:
            OutputError: one was changed since it was read, and none is written; or one cannot be
                written, and those before it are.
        """
        for change in self.changes:
            if standing(change.path) != change.read:
                raise OutputError(
                    "was changed since it was read; nothing is written",
                    path=change.path,
                    hint="Run the command again.",
                )
            refuse_irreplaceable(change.path)
        for change in self.changes:
            if change.after is not None:
                write_atomically(change.path, change.after, over=change.read)
            elif change.read:
                remove(change.path, over=change.read)


@dataclass(frozen=True)
class Checkout:
    """A folder with a `models/yolo.py`."""

    root: Path

    @property
    def parser(self) -> Path:
        """The file that reads the rows."""
        return self.root / "models" / "yolo.py"

    @property
    def modules(self) -> Path:
        """The file that the mechanisms are written to."""
        return self.parser.with_name(f"{MODULE}.py")

    def plan(
        self,
        names: Sequence[str] = (),
        config: Document | None = None,
        *,
        own: Iterable[OwnMechanism] = (),
        force: bool = False,
        trust: bool = False,
    ) -> Plan:
        """What makes mechanisms known here; those that are known already stay.

        Args:
            names: the mechanisms; without any those that the config uses, without a config and a
                class of the user's those that are known already, or else all.
            config: a config that shall be trained here; it is copied to where the others are. One
                that needs nothing of ours is copied alone.
            own: classes of the user's, which are written as their files are now; those that are
                known already and not among them stay as they were written.
            force: whether a file of mechanisms that was edited by hand, and another config of this
                name, may be replaced.
            trust: whether the checkout may run what the config says, when it trains.

        Raises:
            UntrustedError: it would run some of it, or might.
            UnrecognisedError: `models/yolo.py` is not of a shape that is known.
            UsageError: a name that is asked for means something else here already, the file of
                a user's class needs more than PyTorch, or the config is none for this checkout.
            OutputError: the file of mechanisms is not ours, or was edited by hand; or the checkout
                has another config of this name.
        """
        source = self._read(self.parser)
        base = without_edit_if_any(source, self.parser)
        edited = self._edited(base)
        here, there = self._written(force=force)
        sections = merged(_sections(there), given := own_sections(own))
        theirs = self.names
        asked = [*names, *(_used(config, theirs) if config else ())]
        if config:
            if not trust:
                self._refuse_code(config)
            refuse_misfit(config, base, {*theirs, *_names(sections)}, self.root)
        every = () if config or sections else MECHANISMS
        wanted = self._classes(asked or here or every, base)
        named = [*(each.name for each in wanted), *_names(given)]
        left_out = {name: theirs[name] for name in named if name in theirs}
        if left_out and (asked or given):
            name, where = next(iter(left_out.items()))
            raise UsageError(
                f"{name} is the checkout's own in {where}",
                path=self.parser,
                hint="It would be hidden. Leave it out, or write the row with another mechanism.",
            )
        chosen = [each for each in wanted if each.name not in left_out]
        chosen = self._classes(dict.fromkeys([*here, *(each.name for each in chosen)]), base)
        changes = []
        if chosen or sections:
            changes = [
                Change(self.modules, there, _file(chosen, sections)),
                Change(self.parser, source, source if is_applied(source) else edited),
            ]
        if config:
            changes.append(self._copy(config, force=force))
            left_out |= self.own_alike(config)
        return Plan(
            self._needed(changes),
            (*(each.name for each in chosen), *_names(sections)),
            left_out,
        )

    @cached_property
    def names(self) -> Mapping[str, str]:
        """What rows can name here without us -> where that is, `models/common.py:42`."""
        return names_in_scope(self.parser, self.root, without=self.modules)

    def own_alike(self, config: Document) -> dict[str, str]:
        """The rows' modules that have a mechanism's name and are the checkout's own -> where."""
        modules = dict.fromkeys(layer.module for layer in config.network.layers)
        return {name: self.names[name] for name in modules if name in self.names and _is_ours(name)}

    def foreign(self, config: Document) -> tuple[str, ...]:
        """The modules that a config names, and that neither the checkout has nor we."""
        return foreign(config, self.names)

    def lacking(self, config: Document) -> tuple[str, ...]:
        """The mechanisms that a config's rows name and that are not known here.

        Raises:
            UsageError: a row names one by an alias.
        """
        data = self._read(self.modules) if exists(self.modules) else b""
        head = _head(data)
        here = head.mechanisms if head else ()
        return tuple(name for name in _used(config, self.names) if name not in here)

    def plan_undo(self, *, force: bool = False) -> Plan:
        """What gives the checkout back as it was; nothing to change if it never was another.

        Raises:
            UnrecognisedError: the lines in `models/yolo.py` are not as they were written.
            OutputError: the file of mechanisms is not ours, or was edited by hand.
        """
        source = self._read(self.parser)
        _, there = self._written(force=force)
        base = without_edit_if_any(source, self.parser)
        changes = [Change(self.parser, source, base), Change(self.modules, there, None)]
        head = _head(there) if there else None
        names = head.mechanisms if head else ()
        return Plan(self._needed(changes), names, {})

    def _needed(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """Of some changes those that change anything, all of them in the checkout."""
        needed = tuple(filter(_differ, changes))
        for each in needed:
            refuse_outside(each.path, self.root)
        return needed

    def _refuse_code(self, config: Document) -> None:
        """Refuse a config of which the parser would run something, as far as its names tell."""
        code = code_in_scope(self.parser, self.root)

        def meaning(name: str) -> Meaning:
            return "code" if name in code and name not in MODULES else by_spelling(name)

        try:
            refuse_code({**config.settings, **config.network.rows()}, meaning)
        except UntrustedError as error:
            error.path = config.path
            if error.layer is not None:
                error.line = config.rows[error.layer].line
            raise

    def _copy(self, config: Document, *, force: bool) -> Change:
        """The config where the checkout has its own."""
        if config.path is None:
            raise InternalError("a config without a file cannot be copied; nothing was written")
        target = config_target(config.path, self.root)
        before = self._read(target) if exists(target) else None
        if before not in {None, config.data} and not force:
            raise OutputError("exists already, and is another", path=target, hint=EXISTS_HINT)
        return Change(target, before, config.data)

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            if any(is_file(self.root / each) for each in _ULTRALYTICS):
                raise UsageError(
                    "is Ultralytics, which needs no file of ours", path=self.root, hint=_IMPORT
                ) from None
            raise UsageError(
                f"cannot be read ({error.strerror})",
                path=path,
                hint="--repo must be a checkout of YOLOv5, YOLOv7, YOLOv9, YOLOv3 or a fork.",
            ) from None

    def _written(self, *, force: bool) -> tuple[tuple[str, ...], bytes | None]:
        """The mechanisms of ours that the file has, and the file."""
        if not exists(self.modules):
            return (), None
        data = self._read(self.modules)
        head = _head(data)
        if head is None:
            raise OutputError("is not a file of yaml-attn", path=self.modules, hint="Rename it.")
        if not head.unchanged and not force:
            raise OutputError(
                "was edited by hand since yaml-attn wrote it",
                path=self.modules,
                hint="Use --force to lose these edits, or move them to a file of your own.",
            )
        return tuple(
            name for name in head.mechanisms if name in MECHANISMS or parse(name, find)
        ), data

    def _classes(self, names: Iterable[str], base: bytes) -> list[Mechanism | ComposedClass]:
        """What the names mean, each once, blocks with attention behind the mechanisms."""
        composed = {name: parse(name, find) for name in names}
        blocks = {each.spelling: each for each in composed.values() if each}
        return [
            *bundled(name for name, found in composed.items() if not found),
            *(host_in(each, self.parser, self.root, base) for _, each in sorted(blocks.items())),
        ]

    def _edited(self, base: bytes) -> bytes:
        """The parser with the lines, which can be taken out again."""
        with _at(self.parser):
            edited = with_edit(base, {path.stem for path in self.parser.parent.glob("*.py")})
            if without_edit(edited) != base:
                raise InternalError(
                    "the edit could not be taken back byte by byte; nothing was written"
                )
        return edited


def without_edit_if_any(source: bytes, path: Path) -> bytes:
    """The file as it was before the edit, if it has it."""
    with _at(path):
        return without_edit(source) if is_applied(source) else source


def _head(data: bytes) -> Written | None:
    """What the head of a file of mechanisms says."""
    return read_head(_text(data))


def _text(data: bytes) -> str:
    """The text of a file of mechanisms; git may have given it other line ends."""
    return data.decode(errors="replace").replace("\r\n", "\n")


def _used(config: Document, own: Mapping[str, str]) -> list[str]:
    """The mechanisms that a config's rows name."""
    names = dict.fromkeys(layer.module for layer in config.network.layers)
    for index, layer in enumerate(config.network.layers):
        name = layer.module
        if name in {*MECHANISMS, *NATIVE, *own}:
            continue
        real = _spelled(name)
        if real != name:
            raise UsageError(
                f"{name} is another name of {real}, which a checkout does not know",
                path=config.path,
                line=config.rows[index].line,
                layer=index,
                hint=f"Write {real}.",
            )
    return [name for name in names if name not in own and (name in MECHANISMS or parse(name, find))]


def _is_ours(name: str) -> bool:
    """Whether a name would be a mechanism's, or that of a block with one."""
    try:
        return name in MECHANISMS or parse(name, find) is not None
    except UnknownModuleError:  # it could mean two blocks
        return False


def _spelled(name: str) -> str:
    """A module's name as a checkout knows it."""
    if known(name):
        return bundled([name])[0].name
    composed = parse(name, find)
    return composed.spelling if composed else name


def _sections(data: bytes | None) -> list[OwnSection]:
    """The users' files in a file of mechanisms."""
    return read_sections(_text(data)) if data else []


def _names(sections: Iterable[OwnSection]) -> Iterator[str]:
    for section in sections:
        yield from section.classes


def _file(classes: Sequence[Mechanism | ComposedClass], own: Sequence[OwnSection]) -> bytes:
    composed = [each for each in classes if isinstance(each, ComposedClass)]
    mechanisms = [each for each in classes if isinstance(each, Mechanism)]
    return standalone(mechanisms, "apply", own, composed).encode()


def _differ(change: Change) -> bool:
    """Whether a file changes; git may have given ours other line ends."""
    if change.before is None or change.after is None:
        return change.before is not change.after
    return change.before.replace(b"\r\n", b"\n") != change.after.replace(b"\r\n", b"\n")


@contextlib.contextmanager
def _at(path: Path) -> Iterator[None]:
    """Errors from inside say which file they speak of."""
    try:
        yield
    except YamlAttnError as error:
        error.path = error.path or path
        raise
