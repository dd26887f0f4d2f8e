"""`manifest.json`: what every config of a study is, for programs, and which files are the study's.

It has one line for each value of a variant, so that its diff reads, and holds no times and no
places of this machine: the same study gives the same bytes wherever it is built with the same,
which `built_with` tells.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from yaml_attn.ablation.opening import Base
from yaml_attn.ablation.producing import WORDS, Facts, Failed, Made
from yaml_attn.ablation.running import Result
from yaml_attn.ablation.template import BASELINE
from yaml_attn.ablation.variants import Variant
from yaml_attn.errors import OutputError
from yaml_attn.escaping import json_value
from yaml_attn.files import digest
from yaml_attn.planning import Insert, Replace, Request

SCHEMA: Final = 1
"""Grows when a key goes or changes its meaning; new keys alone leave it as it is."""


# A config is called as its study likes, a table always so; both lie in the folder itself. Bytes
# that are no UTF-8 are U+DC80 to U+DCFF in Python; no other surrogate is in the name of a file.
_CONFIG: Final = r"[^/\\\x00-\x1f\ud800-\udc7f\udd00-\udfff]+\.yaml"
_TABLE: Final = r"(manifest(-\d+-of-\d+)?\.csv|summary(-\d+-of-\d+)?\.(md|tex))"
_FILE: Final = re.compile(f"{_CONFIG}|{_TABLE}")


class Owned(dict[str, set[str]]):
    """The files that a study made: name -> the digests of what it has written there."""

    def add(self, file: str, sha256: str) -> None:
        """Count a file as made by the study."""
        self.setdefault(file, set()).add(sha256)


class Figures(NamedTuple):
    """With what a study was built, and the names of the variants that could not be with that."""

    built_with: tuple[str, ...]
    failed: frozenset[str]


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
        "fused": False,
        "built_with": list(result.built_with),
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
        if not _FILE.fullmatch(file) or not _is_name(file):
            raise OutputError(
                f"is no manifest of a study: {file!r} is no file of this folder that one makes"
            )
        owned.add(file, sha256)
    return owned


def read_figures(data: bytes | None) -> Figures | None:
    """With what the figures of a manifest were built; None if it does not say."""
    try:
        content = json.loads(data or b"")
        built_with = tuple(map(str, content["built_with"]))
        return Figures(built_with, frozenset(str(each["name"]) for each in content["failed"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_name(file: str) -> bool:
    """Whether a file system can have such a name: half of a character is none."""
    try:
        return bool(os.fsencode(file))
    except UnicodeEncodeError:
        return False


def _value(value: Any) -> str:
    if not isinstance(value, list) or not value or isinstance(value[0], str):
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
        "nc": base.nc,
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
        "starts_as_identity": not made.disturbing,
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
        "module": variant.module or BASELINE,
        "settings": dict(variant.settings),
        "places": list(variant.shown_places),
        "edits": [
            _edit(request, written)
            for request, written in zip(variant.requests, variant.written, strict=True)
        ],
    }


def _edit(request: Request, written: str) -> dict[str, Any]:
    """An edit as the options of `insert` and `replace` would say it, of a module as written."""
    if isinstance(request, Insert):
        options = ("after", "before", "edge", "inputs")
        place = {name: value for name in options if (value := getattr(request, name)) is not None}
        return {
            "insert": written,
            **place,
            "consumers": request.consumers,
            "channels": request.channels,
        }
    assert isinstance(request, Replace)  # noqa: S101 (a study removes nothing)
    return {"replace": request.at, "with": written}


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
    return WORDS.get(facts.method, facts.method)


def _giga(flops: int | None) -> float | None:
    return None if flops is None else flops / 1e9
