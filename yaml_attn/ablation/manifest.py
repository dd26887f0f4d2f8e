"""`manifest.json`: what every config of a study is, for programs, and which files are the study's.

It has one line for each value of a variant, so that its diff reads, and holds no times and no
places of this machine: the same study gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from yaml_attn.ablation.opening import Base
from yaml_attn.ablation.producing import Facts, Failed, Made
from yaml_attn.ablation.running import Result
from yaml_attn.ablation.variants import Variant
from yaml_attn.errors import OutputError
from yaml_attn.escaping import json_value
from yaml_attn.planning import Insert, Replace, Request

SCHEMA: Final = 1
"""Grows when a key goes or changes its meaning; new keys alone leave it as it is."""


class Owned(dict[str, set[str]]):
    """The files that a study made: name -> the digests of what it has written there."""

    def add(self, file: str, sha256: str) -> None:
        """Count a file as made by the study."""
        self.setdefault(file, set()).add(sha256)


def digest(data: bytes) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def write_manifest(
    result: Result, tables: Mapping[str, bytes], left: Iterable[tuple[str, str]]
) -> bytes:
    """The manifest's bytes.

    Args:
        result: what the study gives.
        tables: the other files beside the configs.
        left: files with digests that the study made earlier and does not give now.
    """
    study = result.study
    shard = result.shard
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "imgsz": study.imgsz,
        "nc": study.nc,
        "shard": f"{shard.number}/{shard.count}" if shard.count > 1 else None,
        "bases": [_base(base, result.facts[base.name]) for base in result.bases],
        "variants": [_made(each) for each in result.made],
        "failed": [_failed(each) for each in result.failed],
        "merged": [{"name": name, "same_as": same} for name, same in result.merged.items()],
        "files": [{"file": name, "sha256": digest(data)} for name, data in tables.items()],
        "left": [{"file": name, "sha256": sha256} for name, sha256 in sorted(left)],
    }
    parts = [f"  {json.dumps(key)}: {_value(value)}" for key, value in content.items()]
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def read_owned(data: bytes | None) -> Owned:
    """The files that the study of a manifest made; none without a manifest.

    Raises:
        OutputError: it is no manifest, or one of a later version.
    """
    owned = Owned()
    if data is None:
        return owned
    try:
        content = json.loads(data)
        schema = int(content["schema"])
        records = [each for key in ("variants", "files", "left") for each in content[key]]
        files = [(str(each["file"]), str(each["sha256"])) for each in records]
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        raise OutputError("is no manifest of a study") from None
    if schema > SCHEMA:
        raise OutputError(f"is of a later version ({schema}; this one knows {SCHEMA})")
    for file, sha256 in files:
        # A file of another folder is nothing that a study has written.
        if set(file) & set("/\\\0") or file in {"", ".", ".."} or not _is_name(file):
            raise OutputError(f"is no manifest of a study: {file!r} is no file of this folder")
        owned.add(file, sha256)
    return owned


def _is_name(file: str) -> bool:
    """Whether a file system can have such a name: half of a character is none."""
    try:
        return bool(os.fsencode(file))
    except UnicodeEncodeError:
        return False


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return json.dumps(json_value(value))
    return "[\n" + ",\n".join(map(_record, value)) + "\n  ]"


def _record(record: Mapping[str, Any]) -> str:
    dumped = ((json.dumps(key), json.dumps(json_value(value))) for key, value in record.items())
    return "    {\n" + ",\n".join(f"      {key}: {value}" for key, value in dumped) + "\n    }"


def _base(base: Base, facts: Facts | str | None) -> dict[str, Any]:
    document = base.config.document
    return {
        "name": base.name,
        "file": base.file,
        "sha256": digest(document.data),
        "dialect": base.config.dialect,
        "scale": base.scale,
        **_measures(None if isinstance(facts, str) else facts),
        "problem": facts if isinstance(facts, str) else None,
    }


def _made(made: Made) -> dict[str, Any]:
    facts = made.facts
    return {
        "name": made.variant.name,
        "file": made.variant.file,
        "sha256": digest(made.data),
        **_asked(made.variant),
        "inserted": made.inserted,
        "replaced": made.replaced,
        "index_map": {str(old): new for old, new in sorted(made.index_map.items())},
        "wiring": "proved",
        **_measures(facts),
        "parameters_added": facts.added_parameters if facts else None,
        "gflops_added": _giga(facts.added_flops) if facts else None,
        "strides_kept": facts.strides_kept if facts else None,
        "note": facts.note if facts else None,
    }


def _failed(failed: Failed) -> dict[str, Any]:
    return {
        "name": failed.variant.name,
        **_asked(failed.variant),
        "problem": failed.problem,
    }


def _asked(variant: Variant) -> dict[str, Any]:
    """What a variant is, in the study's words."""
    return {
        "base": variant.base.name,
        "scale": variant.base.scale,
        "module": variant.module or None,
        "settings": dict(variant.settings),
        "places": list(variant.shown_places),
        "edits": [_edit(variant, request) for request in variant.requests],
    }


def _edit(variant: Variant, request: Request) -> dict[str, Any]:
    """An edit as the options of `insert` and `replace` would say it."""
    if isinstance(request, Insert):
        options = ("after", "before", "edge", "inputs")
        place = {name: value for name in options if (value := getattr(request, name)) is not None}
        return {
            "insert": variant.written,
            **place,
            "consumers": request.consumers,
            "channels": request.channels,
        }
    assert isinstance(request, Replace)  # noqa: S101 (a study removes nothing)
    return {"replace": request.at, "with": variant.written}


def _measures(facts: Facts | None) -> dict[str, Any]:
    """What building gave: with whose layers, and what of it the base has too."""
    if facts is None:
        return {"built": None, "parameters": None, "gflops": None, "strides": None}
    return {
        "built": built_with(facts),
        "parameters": facts.parameters,
        "gflops": _giga(facts.flops),
        "strides": list(facts.strides),
    }


def built_with(facts: Facts) -> str:
    """Whose layers a config was built with, in words."""
    return "new layers alone" if facts.method == "outline" else facts.method


def _giga(flops: int | None) -> float | None:
    return None if flops is None else flops / 1e9
