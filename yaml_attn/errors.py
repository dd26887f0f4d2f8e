"""Every error that a user can meet, with what it must tell: what is wrong, where, and what to do.

YamlAttnError
├── UsageError        the command was used wrongly                       exit code 2
│   ├── PlaceError        no such layer, or nothing can be inserted there
│   ├── UnknownModuleError
│   └── OutputError       the output cannot be, or must not be, written
├── ConfigError       the config is wrong                                exit code 1
│   ├── DocumentError     not text, not YAML, or not rows
│   │   └── NoFileError       there is no such file, or it is a folder   exit code 2
│   ├── WiringError       a `from` that reads no layer
│   ├── BuildError        the network cannot be built
│   └── UntrustedError    a framework would run some of it, or might
├── CheckpointError   the file holds no weights that can be used         exit code 1
└── InternalError     a promise of ours broke; nothing was written       exit code 1
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class YamlAttnError(Exception):
    """Base of all errors of this package.

    `line` and `column` count from 1; `layer` is the index of the layer in the file. An error is
    raised with what is known there; path and line are added further up. `hint` says what to do in
    the command's words; an option of those is an argument here: `--force` is `force=True`,
    `--after 8` is `after=8`, and `-o` the path that `save` is given.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        column: int | None = None,
        layer: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.column = column
        self.layer = layer
        self.hint = hint

    @property
    def where(self) -> str:
        """`file:line:column`, as far as each is known; an empty string if nothing is."""
        parts = [str(part) for part in (self.path, self.line, self.column) if part is not None]
        if self.path is None and self.line is not None:
            parts[0] = f"line {parts[0]}"
        return ":".join(parts)

    def __str__(self) -> str:
        layer = f"layer {self.layer}: " if self.layer is not None else ""
        text = layer + self.message
        if self.where:
            text = f"{self.where}: {text}"
        return f"{text}\n{self.hint}" if self.hint else text


class UsageError(YamlAttnError):
    """The command was used wrongly: an option, a value, a combination of both."""

    exit_code = 2


class PlaceError(UsageError):
    """There is no such layer, or nothing can be inserted there."""


class UnknownModuleError(UsageError):
    """No bundled attention mechanism has this name."""


class OutputError(UsageError):
    """The output cannot be written, or must not be without being named."""


class ConfigError(YamlAttnError):
    """The config file is wrong."""


class DocumentError(ConfigError):
    """The file cannot be read, is not YAML, or its rows are not `[from, number, module, args]`."""


class NoFileError(DocumentError):
    """There is no such file, or what is there cannot be opened as one."""

    exit_code = 2


class WiringError(ConfigError):
    """A `from` that reads no layer: out of range, or pointing forward."""


class BuildError(ConfigError):
    """The network that the config describes cannot be built or run."""


class UntrustedError(ConfigError):
    """The config holds what a framework would run as code, or might; none of it has run."""


class CheckpointError(YamlAttnError):
    """The file holds no weights that can be read, is broken, or belongs to another network."""


class InternalError(YamlAttnError):
    """A promise of this package was about to be broken; nothing was written."""
