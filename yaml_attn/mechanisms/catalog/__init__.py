"""The bundled mechanisms, one entry each: the table that `registry.py` looks names up in.

The tables are explicit: adding a mechanism is its file, its entry here, and nothing else
(`tests/modules/test_contract.py` and `test_export.py` then test it).
"""

from __future__ import annotations

from collections.abc import Mapping

from yaml_attn.mechanisms.catalog.adapted import SURVEYED
from yaml_attn.mechanisms.catalog.gates import GATES
from yaml_attn.mechanisms.catalog.mixers import MIXERS
from yaml_attn.mechanisms.mechanism import Mechanism

MECHANISMS: Mapping[str, Mechanism] = {each.name: each for each in (*GATES, *MIXERS, *SURVEYED)}
