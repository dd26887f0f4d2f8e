"""What `import yaml_attn` offers: a config loaded from a file, two files compared.

A file is named by its path, by a template's name, or by the name of one scale of a file that holds
several.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from yaml_attn.config.changes import changes
from yaml_attn.config.document import Document
from yaml_attn.configs import Config
from yaml_attn.dialects import find as find_dialect
from yaml_attn.dialects import naming
from yaml_attn.dialects.base import scales_of
from yaml_attn.errors import DocumentError, UsageError
from yaml_attn.files import find_base
from yaml_attn.results import Difference, unified_diff

__all__ = ["Config", "compare_files", "load"]


def load(base: str | Path, *, dialect: str | None = None, scale: str | None = None) -> Config:
    """The config in this file or, when no such file exists, the template of this name.

    As in Ultralytics, `yolov8s.yaml` means `yolov8.yaml` at scale s where only that one exists.

    Args:
        base: a path, or a template's name.
        dialect: what it is written for, instead of what its content says.
        scale: one of its `scales`, instead of what its name says.

    Raises:
        DocumentError, WiringError: it cannot be read as a config.
        UsageError: there is no such dialect or scale.
    """
    name = str(base)
    if dialect is not None:
        find_dialect(dialect)
    try:
        path = find_base(name)
    except DocumentError as missing:
        path = _of_all_scales(name, missing)
    document = Document.load(path)
    config = Config(document, document.network, named=Path(name).name, asked_dialect=dialect)
    if scale is None:
        return config
    if scale not in config.scales:
        raise UsageError(f"{config.name} has no scale {scale}", hint=_scales_hint(config))
    return dataclasses.replace(config, asked_scale=scale)


def _of_all_scales(name: str, missing: DocumentError) -> Path:
    """The file that holds every scale, of which the name means one."""
    asked = Path(name)
    # Ultralytics takes a letter out of the folders' names too, which no user means.
    unscaled = asked.with_name(str(naming.without_scale(asked.name)))
    try:
        path = find_base(str(unscaled))
    except DocumentError:
        raise missing from None
    if naming.scale_of(name) not in scales_of(Document.load(path).settings):
        raise missing
    return path


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
    from yaml_attn.config.compare import compare  # noqa: PLC0415 (no other command needs it)

    before, after = load(old), load(new)
    found = compare(before.network, after.network)
    same = {**found.index_map, **found.replaced}
    changed = changes(before.network, after.network, same)
    text = unified_diff(str(old), before.document.text, str(new), after.document.text)
    return Difference(str(old), str(new), changed, text)
