"""The jobs of a study for GitHub Actions: one for each config, as `strategy.matrix` takes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from yaml_attn.ablation.running import Result
from yaml_attn.errors import OutputError
from yaml_attn.escaping import json_text

MOST_JOBS: Final = 256
"""What a matrix may hold; GitHub refuses the whole workflow if it holds more."""


def github_matrix(result: Result, folder: Path) -> str:
    """The matrix in one line: `{"include": [{"name": ..., "config": ...}, ...]}`."""
    jobs = [
        {"name": made.variant.name, "config": (folder / made.variant.file).as_posix()}
        for made in result.made
    ]
    return json_text({"include": jobs}, separators=(",", ":"))


def append_output(name: str, value: str) -> bool:
    """Set an output of the step that runs; whether this is one, which `$GITHUB_OUTPUT` tells.

    Raises:
        OutputError: the file of that name cannot be written.
    """
    path = os.environ.get("GITHUB_OUTPUT")
    if not path:
        return False
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=path) from None
    return True
