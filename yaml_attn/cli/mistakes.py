"""What is said about a mistake on the command line: what is wrong, and what to write instead."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Mapping
from typing import Any, Final

import typer

from yaml_attn.cli.helping import WORDS
from yaml_attn.cli.layout import wrapped
from yaml_attn.errors import UsageError, YamlAttnError
from yaml_attn.escaping import for_terminal, in_line
from yaml_attn.files import is_file, written

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C: 128 and the number of the signal, as in a shell."""

_PLACES = "A place is named by --after {value} (or --before, --edge)."
_AT = "The layers are named by --at {value}."
_KINDS = ("before", "edge", "inputs")
_BASE = "The config to start from is named by --base {value}."
_OWN = "A class of yours that rows name is said by --own {value}."
_ITSELF = "Give {what} itself: yaml-attn {command} {value}"

_MEANT: Final[Mapping[str, Mapping[str, str]]] = {
    "insert": dict.fromkeys(("--at", "--layer", "--index", "--position"), _PLACES),
    "diff": dict.fromkeys(("--at", "--layer", "--index", "--position"), _PLACES),
    "replace": dict.fromkeys(("--after", "--before", "--layer", "--index"), _AT),
    "remove": dict.fromkeys(("--after", "--before", "--layer", "--index", "--module"), _AT),
    "ablate": {
        **dict.fromkeys(("--after", "--places"), "Places are named by --at {value}."),
        **{f"--{kind}": f"It is said by --at '{kind} {{value}}'." for kind in _KINDS},
        "--set": "A study file says so: modules: {{SE: {{ratio: [8, 16]}}}}.",
    },
    "show": {"--base": _ITSELF, "--config": _ITSELF, "--module": _OWN},
    "places": {"--base": _ITSELF, "--config": _ITSELF, "--module": _OWN},
    "build": {"--base": _ITSELF, "--config": _ITSELF, "--module": _OWN},
    "weights": {"--module": _OWN},
    "check": {"--config": _ITSELF},
    "modules": {"--module": _ITSELF, "--name": _ITSELF},
    "export": {"--module": _ITSELF},
    "apply": {"--base": "The config is named by --config {value}."},
}
"""What people write in a command -> what to write instead."""

_CONFIG: Final = dict.fromkeys(("--config", "--cfg", "--file", "--model"), _BASE)
_MOST_NAMED = 5
_EDITS = frozenset({"insert", "diff", "replace", "remove", "ablate"})
_SHORT: Final = {"-b": "--base", "-m": "--module", "-c": "--config", "-n": "--name"}


def usage_error(error: Any) -> UsageError:
    """An error of click's in our words.

    Args:
        error: one of its exceptions that speak of the command line.
    """
    context = getattr(error, "ctx", None)
    command = context.command.name if context and context.parent else ""
    words = context.meta.get(WORDS, []) if context else []
    hint = _hint(error, command, words) or _similar(error)
    return UsageError(_message(error), hint=hint or _example(context, command))


def _message(error: Any) -> str:
    """What is wrong, from the error's fields: its sentence differs from release to release."""
    option: str = getattr(error, "option_name", "")
    parameter: Any = getattr(error, "param", None)
    what = getattr(parameter, "param_type_name", "option")
    name = " / ".join(f"'{each}'" for each in getattr(parameter, "opts", ()))
    if what == "argument":
        name = f"'{parameter.metavar or parameter.name.upper()}'"
    match type(error).__name__:
        case "NoSuchOption":
            return f"no such option: {option}"
        case "MissingParameter":
            return f"missing {what} {name}"
        case "BadOptionUsage":
            flag = _is_flag(getattr(error, "ctx", None), option)
            return f"option '{option}' {'takes no value' if flag else 'needs a value'}"
        case "BadParameter" if name:
            problem = re.sub("a valid int(eger)? range", "a number", error.message).rstrip(".")
            return f"invalid value for {name}: {problem}"
    message: str = error.message
    return message[:1].lower() + message[1:].rstrip(".")


def _is_flag(context: Any, option: str) -> bool:
    parameters = context.command.params if context else ()
    return any(option in each.opts and getattr(each, "is_flag", False) for each in parameters)


def _similar(error: Any) -> str | None:
    """The options that are called like one that there is not."""
    found = sorted(getattr(error, "possibilities", None) or ())
    return f"Did you mean {' or '.join(found)}?" if found else None


def _hint(error: Any, command: str, words: list[str]) -> str | None:
    misspelt = _dashes(getattr(error, "ctx", None), words) or _unquoted(words)
    if misspelt:
        return misspelt
    option = getattr(error, "option_name", None)
    if option:
        return _instead(command, option, words)
    missing = getattr(getattr(error, "param", None), "name", None)
    file = _file(words)
    if missing == "base" and file and command in _EDITS:
        rest = [word for word in words if word is not file]
        return f"Name the file by --base: yaml-attn {command} --base {shlex.join([file, *rest])}"
    return None


def _dashes(context: Any, words: list[str]) -> str | None:
    """What to write for an option that begins with a long dash, as chats make one, or with one."""
    options = {name for each in context.command.params for name in each.opts} if context else set()
    for word in words:
        name, equals, value = word.partition("=")
        letters = re.sub(r"^\W+", "", name)
        dashes = name.removesuffix(letters)
        meant = next((each for each in (f"--{letters}", f"-{letters}") if each in options), None)
        if meant is None or name == meant:
            continue
        if dashes == "-":
            return f"{name} has one dash, where it takes two: {meant}{equals}{value}"
        if dashes:
            codes = ", ".join(f"U+{ord(each):04X}" for each in dict.fromkeys(dashes) if each != "-")
            return f"{name} does not begin with two hyphens ({codes}): type {meant}{equals}{value}"
    return None


def _unquoted(words: list[str]) -> str | None:
    """What to write for a path with a space in it, which the shell has made two words of."""
    for start, word in enumerate(words):
        option, equals, first = word.rpartition("=")
        for end in range(start + 2, len(words) + 1):
            path = " ".join([first, *words[start + 1 : end]])
            if is_file(path):
                return f"Quote a path with a space: {option}{equals}{shlex.quote(path)}"
    return None


def _instead(command: str, option: str, words: list[str]) -> str | None:
    option = _SHORT.get(option, option)
    meant = _MEANT.get(command, {}).get(option) or (
        _CONFIG.get(option) if command in _EDITS else None
    )
    what = "the name" if command in {"modules", "export"} else "the file"
    return meant and meant.format(what=what, command=command, value=_value(option, words))


def _value(option: str, words: list[str]) -> str:
    """What was given to an option that there is not."""
    spellings = {option, *(short for short, name in _SHORT.items() if name == option)}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if name in spellings:
            return shlex.quote(value if equals else following) if value or following else "..."
    return "..."


def _file(words: list[str]) -> str | None:
    """A config that stands there by itself, of no option."""
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("-") and not before.startswith("-"):
            return word
    return None


def _example(context: Any, command: str) -> str:
    found = re.search(r"yaml-attn .+", (context.command.help or "") if command else "")
    if found:
        return f"E.g. {found[0]}\n`yaml-attn {command} --help` lists the options."
    what = "`yaml-attn --help` lists the commands" if context else "`--help` lists the options"
    return f"{what}."


def interrupted(*also: str) -> str:
    """What is said where Ctrl-C ends a command: what it wrote before that, and what else to say."""
    names = [str(path) for path in written()] or ["nothing"]
    more = len(names) - _MOST_NAMED
    listed = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return "; ".join(
        ("interrupted", *also, f"{listed} {'were' if len(names) > 1 else 'was'} written")
    )


def complain(error: object) -> None:
    """Print an error on stderr: what is wrong in a line, what to do below it."""
    if not isinstance(error, YamlAttnError):
        aside(f"error: {error}")
        return
    hint = error.hint and f"\n{error.hint}"
    what = str(error).removesuffix(hint) if hint else str(error)
    aside(f"error: {in_line(what)}{hint or ''}")


def aside(text: str) -> None:
    """Print on stderr, wrapped to the terminal if it is one; no word and no path is cut."""
    text = for_terminal(text)
    if sys.stderr.isatty():
        with contextlib.suppress(OSError):
            width = os.get_terminal_size(sys.stderr.fileno()).columns
            text = wrapped(text, width)
    typer.echo(text, err=True)
