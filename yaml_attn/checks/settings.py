"""What `[tool.yaml-attn]` of the nearest pyproject.toml says: select, ignore, base."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from yaml_attn.errors import UsageError
from yaml_attn.files import exists, is_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEYS = ("select", "ignore", "base")


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults of `check` for a project; `base` is a file relative to the pyproject.toml."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    base: str | None = None


def read_settings(folder: Path) -> Settings:
    """The settings that hold in a folder; none where no pyproject.toml above has any.

    Raises:
        UsageError: the section cannot be read, or has a key or a value that means nothing.
    """
    for place in (folder.resolve(), *folder.resolve().parents):
        path = place / "pyproject.toml"
        if is_file(path):
            return _read(path)
    return Settings()


def _read(path: Path) -> Settings:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise UsageError("cannot be read: it is nested too deeply", path=path) from None
    except (OSError, ValueError) as error:  # not UTF-8, not TOML, a number of 5,000 digits
        raise UsageError(f"cannot be read ({error})", path=path) from None
    tool = content.get("tool", {})
    section: Any = tool.get("yaml-attn", {}) if isinstance(tool, dict) else {}
    if not isinstance(section, dict):
        raise UsageError("[tool.yaml-attn] is no table", path=path)
    for key in section:
        if key not in _KEYS:
            close = get_close_matches(key, _KEYS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"Keys: {', '.join(_KEYS)}."
            raise UsageError(f"[tool.yaml-attn] has no key {key!r}", path=path, hint=hint)
    base = section.get("base")
    if base is not None and not isinstance(base, str):
        raise UsageError("[tool.yaml-attn] base is no string", path=path)
    if base is not None and exists(path.parent / base):
        base = str(path.parent / base)
    return Settings(_codes(path, section, "select"), _codes(path, section, "ignore"), base)


def _codes(path: Path, section: dict[str, Any], key: str) -> tuple[str, ...]:
    value = section.get(key, [])
    if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
        raise UsageError(
            f"[tool.yaml-attn] {key} is no list of codes",
            path=path,
            hint=f'Write {key} = ["YA301"].',
        )
    return tuple(value)
