"""Which mechanism a name means: a bundled one, or one that an installed package offers.

Imports no torch. The table of the bundled ones is `catalog/`; those of packages are in `own.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from yaml_attn.errors import UnknownModuleError
from yaml_attn.mechanisms.catalog import MECHANISMS
from yaml_attn.mechanisms.catalog.absent import ABSENT
from yaml_attn.mechanisms.catalog.refused import REFUSED
from yaml_attn.mechanisms.mechanism import Mechanism, Parameter, Refused
from yaml_attn.mechanisms.native import NATIVE, NativeMechanism

if TYPE_CHECKING:
    from yaml_attn.mechanisms.custom import OwnMechanism

AnyMechanism: TypeAlias = "Mechanism | OwnMechanism | NativeMechanism"
"""A bundled mechanism, a class of the user's or of a package's, or one of another library."""

__all__ = [
    "MECHANISMS",
    "NATIVE",
    "REFUSED",
    "AnyMechanism",
    "Mechanism",
    "NativeMechanism",
    "Parameter",
    "Refused",
    "find",
    "finds",
    "known",
    "refused",
]


def _key(name: str) -> str:
    """What is left of a name where people differ: SE_Block, SE-Block and SEBlock are one."""
    return name.lower().replace("_", "").replace("-", "")


def _root(key: str) -> str:
    """A key without what people put behind any name: SEAttn, SELayer and SEBlock come from SE."""
    for ending in ("attention", "attn", "att", "layer", "block", "module", "net"):
        if key.endswith(ending) and key != ending:
            return key.removesuffix(ending)
    return key


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """Every name that people write, as its key -> the mechanisms it can mean."""
    meanings: dict[str, tuple[str, ...]] = {}
    for mechanism in MECHANISMS.values():
        for key in dict.fromkeys(map(_key, mechanism.aliases)):
            meanings[key] = (*meanings.get(key, ()), mechanism.name)
    # A mechanism's own name is never ambiguous.
    return meanings | {_key(name): (name,) for name in MECHANISMS}


def known(name: str) -> bool:
    """Whether exactly one bundled mechanism has this name or alias, or a stock framework has it."""
    return name in NATIVE or len(_meanings().get(_key(name), ())) == 1


def refused(name: str) -> Refused | None:
    """The mechanism without a form as a layer that this name means; None if it means none."""
    named = (each for each in REFUSED if _key(name) in map(_key, (each.name, *each.aliases)))
    return next(named, None)


def find(name: str) -> AnyMechanism:
    """The mechanism with this name or alias, whatever its case, underscores and hyphens.

    A bundled one, one that a stock framework has already (`native`), or else one that an installed
    package offers (`own.entry_point_mechanisms`).

    Raises:
        UnknownModuleError: none has it, it could mean two, or what it means cannot be a layer.
    """
    if name in NATIVE:
        return NATIVE[name]
    meant = _meanings().get(_key(name), ())
    if len(meant) == 1:
        return MECHANISMS[meant[0]]
    if meant:
        raise UnknownModuleError(
            f"{name} could mean {' or '.join(meant)}", hint="Use one of these names."
        )
    no_layer = refused(name)
    if no_layer:
        what, _, why = no_layer.reason.partition("\n")
        raise UnknownModuleError(what, hint=why)
    # Looking packages through takes 20 ms: only for names that are not bundled.
    from yaml_attn.mechanisms.custom import entry_point_mechanisms  # noqa: PLC0415

    offered = [each for each in entry_point_mechanisms() if _key(each.name) == _key(name)]
    if len(offered) == 1:
        return offered[0]
    if offered:
        sources = " and ".join(f"{each.package} ({each.source})" for each in offered)
        raise UnknownModuleError(
            f"{name} is offered by {sources}", hint="Name the class itself: PACKAGE.MODULE:CLASS."
        )
    absent = next(
        (what for each, what in ABSENT.items() if _root(_key(each)) == _root(_key(name))), ""
    )
    guess = "" if absent else _guess(name)
    raise UnknownModuleError(
        f"no bundled attention mechanism is called {name}" + f" ({absent})" * bool(absent),
        hint=f"{guess}`yaml-attn modules` lists what there is. "
        f"A class of yours is given as ./my_attn.py:{name}, by --module to insert it, by --own "
        "where rows name it already.",
    )


def _guess(name: str) -> str:
    """Which mechanisms may be meant, as a sentence; empty if none is close."""
    from yaml_attn.mechanisms.custom import entry_point_mechanisms  # noqa: PLC0415 (as above)

    roots: dict[str, list[str]] = {}
    for key, meanings in _meanings().items():
        roots.setdefault(_root(key), []).extend(meanings)
    for each in entry_point_mechanisms():
        roots.setdefault(_root(_key(each.name)), []).append(each.name)
    # So many end in Attention that, letter by letter, all of them are close: without it.
    wanted = _root(_key(name))
    matches = get_close_matches(wanted, roots, n=3, cutoff=0.6)
    # A slip of one letter keeps the length, which difflib does not weigh.
    close = sorted(matches, key=lambda match: abs(len(match) - len(wanted)))
    guesses = list(dict.fromkeys(each for match in close for each in roots[match]))[:3]
    return f"Did you mean {' or '.join(guesses)}? " if guesses else ""


def finds(name: str, find: Callable[[str], AnyMechanism] = find) -> bool:
    """Whether a mechanism is found by this name."""
    try:
        find(name)
    except UnknownModuleError:
        return False
    return True
