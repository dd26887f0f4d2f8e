"""The file that the name of a base means: a path, a stock config, or one scale of either."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from yaml_attn.dialects import filenames
from yaml_attn.dialects.dialect import scales_of
from yaml_attn.document.document import Document
from yaml_attn.errors import DocumentError, NoFileError
from yaml_attn.files import find_file


def find_base(name: str) -> Path:
    """The file of this name, or the one that holds every scale, of which the name means one.

    As in Ultralytics, `yolov8s.yaml` means `yolov8.yaml` where only that one exists.

    Raises:
        NoFileError: there is none; names the one that there is for yolov11n or yolo8n.
        DocumentError: the file of every scale cannot be read.
    """
    try:
        return _find(name)
    except NoFileError as missing:
        other = re.sub(
            "(?i)yolo(v?)(?=[0-9])", lambda v: "yolo" if v[1] else "yolov", name, count=1
        )
        with suppress(DocumentError):
            if other != name:
                _find(other)
                missing.hint = f"Did you mean {other}? {missing.hint}"
        raise


def _find(name: str) -> Path:
    try:
        return find_file(name)
    except NoFileError as missing:
        asked = Path(name)
        # Ultralytics takes a letter out of the folders' names too, which no user means.
        unscaled = asked.with_name(str(filenames.without_scale(asked.name)))
        try:
            path = find_file(str(unscaled))
        except NoFileError:
            raise missing from None
        if filenames.scale_of(name) not in scales_of(Document.load(path).settings):
            raise missing from None
        return path
