"""The file cannot be read as text: it is not UTF-8.

An editor wrote it in the machine's own encoding (GBK, Windows-1252, UTF-16). Some frameworks fail
on it, others drop what they cannot read, and which one depends on the machine. Save it as UTF-8;
where it is GBK, `iconv -f GBK -t UTF-8 OLD > NEW` converts it.
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.config.diagnosis import Cause

RULE = Rule("YA008", "not-utf8", "error")
CAUSE: Final[Cause] = "encoding"
