"""Ablation studies: bases x modules x places -> configs, a manifest, tables.

In Python:

    study = load_study("study.yaml")
    result = run(study)
    Folder(Path("configs"), result).update()
"""

from __future__ import annotations

from yaml_attn.ablation.expanding import expand
from yaml_attn.ablation.folder import Folder
from yaml_attn.ablation.run import Result, run
from yaml_attn.ablation.shard import Shard
from yaml_attn.ablation.study import Study, load_study, study_of
from yaml_attn.ablation.variants import Variant

__all__ = [
    "Folder",
    "Result",
    "Shard",
    "Study",
    "Variant",
    "expand",
    "load_study",
    "run",
    "study_of",
]
