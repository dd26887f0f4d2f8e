"""What `import yaml_attn` offers: a config loaded from a file, two files compared.

A file is named by its path, by a template's name, or by the name of one scale of a file that holds
several.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from yaml_attn.core.config import Config
from yaml_attn.core.results import Difference, unified_diff
from yaml_attn.dialects import find as find_dialect
from yaml_attn.dialects.bases import find_base
from yaml_attn.document.document import Document
from yaml_attn.errors import UsageError
from yaml_attn.graph.changes import changes
from yaml_attn.mechanisms.custom import load_rows

__all__ = ["Config", "compare_files", "load"]


def load(
    base: str | Path,
    *,
    dialect: str | None = None,
    scale: str | None = None,
    own: Iterable[str] = (),
) -> Config:
    """The config in this file or, when no such file exists, the template of this name.

    Or else one that comes with Ultralytics, if that is installed. As there, `yolov8s.yaml` means
    `yolov8.yaml` at scale s where only that one exists.

    Args:
        base: a path, or a template's name.
        dialect: what it is written for, instead of what its content says.
        scale: one of its `scales`, instead of what its name says.
        own: classes of yours that its rows name, each as `FILE.py:CLASS` or
            `PACKAGE.MODULE:CLASS`; loading one runs its code.

    Raises:
        DocumentError, WiringError: it cannot be read as a config.
        UsageError: there is no such dialect, scale or class.
    """
    name = str(base)
    if dialect is not None:
        find_dialect(dialect)
    document = Document.load(find_base(name))
    config = Config(
        document,
        document.network,
        load_rows(own),
        named=Path(name).name,
        asked_dialect=dialect,
    )
    if scale is None:
        return config
    if scale not in config.scales:
        raise UsageError(f"{config.name} has no scale {scale}", hint=_scales_hint(config))
    return dataclasses.replace(config, asked_scale=scale)


def _scales_hint(config: Config) -> str:
    if config.scales:
        return f"It has {', '.join(config.scales)}."
    return (
        "A file without `scales` is of one scale, its depth_multiple and width_multiple: start "
        "from the file of the scale that you want, such as yolov5m.yaml."
    )


def compare_files(old: str | Path, new: str | Path) -> Difference:
    """Compare two configs that no edit of ours connects: their layers are aligned.

    Raises:
        DocumentError, WiringError: one of them cannot be read as a config.
    """
    from yaml_attn.graph.compare import compare  # noqa: PLC0415 (no other command needs it)

    before, after = load(old), load(new)
    found = compare(before.network, after.network)
    same = {**found.index_map, **found.replaced}
    changed = changes(before.network, after.network, same)
    text = unified_diff(str(old), before.document.text, str(new), after.document.text)
    return Difference(str(old), str(new), changed, text)
