"""Which files a study may remove: a manifest is a file like any other, and may name others' work.

That a file has the digest that a manifest gives tells that whoever wrote the manifest knew the
file, not that a study made it.
"""

from __future__ import annotations

from pathlib import Path

from yaml_attn.ablation.run import Result
from yaml_attn.ablation.template import BASELINE
from yaml_attn.document.document import Document
from yaml_attn.errors import ConfigError
from yaml_attn.files import digest, installed, templates


def originals(result: Result) -> frozenset[str]:
    """The digests of the configs that nobody edited: the bases of a study, and the stock ones."""
    stock = {*templates().values(), *installed().values()}
    bases = (base.config.document.data for base in result.bases)
    return frozenset(map(digest, (*bases, *(path.read_bytes() for path in stock))))


def is_made_by_a_study(path: Path, sha256: str, result: Result, known: frozenset[str]) -> bool:
    """Whether a file is of the kind that studies make: a table by its name, or an edited config.

    Args:
        path: the file; its name is one that a manifest may give (`manifest.read_owned`).
        sha256: its digest.
        result: what the study gives now.
        known: its `originals`, of which a study makes copies as baselines alone.
    """
    if path.suffix != ".yaml":
        return True
    if sha256 in known and BASELINE not in path.name:
        return False
    if any(_is_base(path, base.config.path) for base in result.bases):
        return False
    try:
        _ = Document.load(path).network
    except ConfigError:
        return False
    return True


def _is_base(path: Path, base: Path | None) -> bool:
    return base is not None and base.exists() and base.samefile(path)
