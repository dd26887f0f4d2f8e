"""A class of the user's as a mechanism: `package.module:Class` or `path/to/file.py:Class`.

Loading runs the user's code. It happens only for what a person names on the command line or in a
call: `registry.find`, which reads the names of a config, takes none of them for a file or a module;
and what a study names is read (`reading.py`) unless something is built.
Installed packages make theirs known by a plain name, as entry points of the group
`yaml_attn.modules`: `MyAttention = "package.module:Class"`. Imports no torch; the user's code does.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from operator import attrgetter
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from yaml_attn.dialects.composed import parse
from yaml_attn.dialects.strides import is_known
from yaml_attn.docstrings import docstring
from yaml_attn.errors import UnknownModuleError, UsageError
from yaml_attn.files import real_path
from yaml_attn.modules.registry import Parameter, find, known

if TYPE_CHECKING:
    from torch import nn

GROUP: Final = "yaml_attn.modules"
"""The entry points by which a package makes its modules known."""

_HOW: Final = "Write FILE.py:CLASS or PACKAGE.MODULE:CLASS."


def is_own(name: str) -> bool:
    """Whether this names a class of the user's, not a mechanism that has a name."""
    return ":" in name or name.endswith(".py")


def load_own(name: str) -> OwnMechanism:
    """The class that `package.module:Class` or `path/to/file.py:Class` names, loaded.

    Raises:
        UnknownModuleError: there is no such file, module or class.
        UsageError: it cannot be imported, or is not a `torch.nn.Module` that takes channels.
    """
    _, attribute = _split(name)
    mechanism = OwnMechanism(attribute.rpartition(".")[2], name)
    mechanism.load()
    return mechanism


def read_own(name: str) -> OwnMechanism:
    """The class that such a name means, read from its file: nothing of it runs.

    Raises:
        UnknownModuleError: there is no such file, module or class.
        UsageError: it cannot be read, or does not take channels.
    """
    _, attribute = _split(name)
    mechanism = ReadMechanism(attribute.rpartition(".")[2], name)
    _ = mechanism.parameters
    return mechanism


def load_rows(
    sources: Iterable[str], load: Callable[[str], OwnMechanism] = load_own
) -> dict[str, OwnMechanism]:
    """The classes that rows of a config name, by the name that the rows have.

    Args:
        sources: what the user calls them.
        load: `load_own`, or `read_own`.

    Raises:
        UnknownModuleError, UsageError: as `load`; or a row could mean something else.
    """
    found: dict[str, OwnMechanism] = {}
    for mechanism in map(load, sources):
        refuse_row(mechanism.name)
        refuse_two(found.get(mechanism.name), mechanism)
        found[mechanism.name] = mechanism
    return found


def refuse_row(name: str) -> None:
    """Refuse a name for rows of a user's class that means something already.

    Raises:
        UsageError: it is a bundled mechanism's, a framework's module's, or a block's with
            attention in it.
    """
    composed = None if known(name) or is_known(name) else parse(name, find)
    what = None
    if known(name):
        what = "the name of a bundled mechanism, which a later build would take"
    elif is_known(name):
        what = "a framework's own module, which a build would take"
    elif composed:
        what = f"{composed} to every later build"
    if what:
        raise UsageError(
            f"{name} is {what}",
            hint=f"Call the class My{name}; `insert --name My{name}` calls its row so.",
        )


def refuse_two(one: OwnMechanism | None, other: OwnMechanism) -> None:
    """Refuse two classes for the same rows; a file's present text takes the place of its last.

    Raises:
        UsageError: they are two.
    """
    if one and one.from_anywhere != other.from_anywhere and not one.is_same(other):
        raise UsageError(
            f"the rows of two classes would say {one.name}: {one.source} and {other.source}",
            hint="Give one of them another name.",
        )


@cache
def entry_point_mechanisms() -> tuple[OwnMechanism, ...]:
    """What installed packages offer, by name, then package. Nothing of theirs is imported."""
    from importlib.metadata import entry_points  # noqa: PLC0415 (takes 20 ms)

    found = (
        OwnMechanism(
            each.name,
            each.value.partition("[")[0].strip(),  # extras of the package may follow
            each.dist.name if each.dist else "a package without a name",
        )
        for each in entry_points(group=GROUP)
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.package or "")))


@dataclass(frozen=True)
class OwnMechanism:
    """A user's class, with what `Mechanism` knows of a bundled one; loaded at the first question.

    `source` says where the class is, `package` which installed package offers it under `name`.
    """

    name: str
    source: str
    package: str | None = None

    def load(self) -> type[nn.Module]:
        """The class itself. Runs the user's code, which imports torch.

        Raises:
            UsageError: as `load_own`; for what a package offers, too.
        """
        return self._class

    def is_same(self, other: OwnMechanism) -> bool:
        """Whether two names mean one class."""
        return self.load() is other.load()

    @property
    def from_anywhere(self) -> str:
        """`source` as it is said from any folder."""
        place, colon, attribute = self.source.rpartition(":")
        is_file = place.endswith(".py")
        return f"{real_path(place)}{colon}{attribute}" if is_file else self.source

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The constructor's parameters after the channels; `*args` and `**kwargs` are left out."""
        return tuple(
            Parameter(each.name, each.default, _annotation(each), each.kind is each.KEYWORD_ONLY)
            for each in self._arguments[1:]
            if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        )

    @property
    def inputs(self) -> int:
        """How many maps it reads: one, as every class of a user's."""
        return 1

    @property
    def signature(self) -> str:
        """The constructor as it is called: `MyAttention(c1, ratio=16, *, bias=False)`."""
        words = [self._arguments[0].name]
        for each in self.parameters:
            if each.keyword_only and "*" not in words:
                words.append("*")
            words.append(str(each))
        return f"{self.name}({', '.join(words)})"

    @property
    def summary(self) -> str:
        """The first paragraph of the docstring; empty without one."""
        # Not inspect.getdoc: that of nn.Module is no summary.
        return docstring(self._class).partition("\n\n")[0]

    @cached_property
    def _class(self) -> type[nn.Module]:
        from yaml_attn.modules.importing import import_place  # noqa: PLC0415 (6 ms of imports)

        place, attribute = _split(self.source)
        return _module_class(import_place(place), attribute, self.source)

    @cached_property
    def _arguments(self) -> tuple[inspect.Parameter, ...]:
        return _constructor(self._class)


@dataclass(frozen=True)
class ReadMechanism(OwnMechanism):
    """A user's class as far as its file tells, which has not run."""

    def is_same(self, other: OwnMechanism) -> bool:
        """Whether two names mean one class: two places are two classes."""
        return self.from_anywhere == other.from_anywhere

    @cached_property
    def _arguments(self) -> tuple[inspect.Parameter, ...]:
        from yaml_attn.modules.reading import read_constructor  # noqa: PLC0415 (rarely needed)

        return read_constructor(*_split(self.source))


def _constructor(cls: type[nn.Module]) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(cls).parameters.values())


def _annotation(parameter: inspect.Parameter) -> str:
    written = parameter.annotation
    if written is parameter.empty:
        return ""
    return written if isinstance(written, str) else inspect.formatannotation(written)


def _split(name: str) -> tuple[str, str]:
    """The file or module, and the class in it; the last colon counts, drives have one too."""
    place, _, attribute = name.rpartition(":")
    if not place or not _is_dotted(attribute):
        raise UsageError(f"{name} names no class", hint=_HOW)
    if not place.endswith(".py") and not _is_dotted(place):
        raise UsageError(f"{place} is neither a module nor a file", hint=_HOW)
    return place, attribute


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _module_class(module: ModuleType, attribute: str, source: str) -> type[nn.Module]:
    """The class with this name, if it can be constructed from a number of channels."""
    # Whoever inherits from it has imported torch; without, no class does.
    base: Any = getattr(sys.modules.get("torch.nn"), "Module", ())
    try:
        found: Any = attrgetter(attribute)(module)
    except AttributeError:
        classes = [
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, base)
        ]
        close = get_close_matches(attribute, classes, n=3, cutoff=0.5)
        guess = f"Did you mean {' or '.join(close)}?" if close else ""
        listing = f"Modules in it: {', '.join(classes) or 'none'}."
        where = source.removesuffix(f":{attribute}")
        raise UnknownModuleError(
            f"there is no {attribute} in {where}", hint=guess or listing
        ) from None
    if not (isinstance(found, type) and issubclass(found, base)):
        what = "a class, but no" if isinstance(found, type) else f"a {type(found).__name__}, no"
        raise UsageError(
            f"{source} is {what} torch.nn.Module",
            hint="A layer is a class that inherits from torch.nn.Module.",
        )
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    arguments = _constructor(found)
    if not arguments or arguments[0].kind not in positional:
        raise UsageError(
            f"{source} does not take the number of channels",
            hint="It must be the first parameter: def __init__(self, channels, ...).",
        )
    return found
