"""The file cannot be read as text: it is not UTF-8.

An editor wrote it in the machine's own encoding (GBK, Windows-1252, UTF-16). Some frameworks fail
on it, others drop what they cannot read, and which one depends on the machine. Save it as UTF-8;
where it is GBK, `iconv -f GBK -t UTF-8 OLD > NEW` converts it.

A file that the system does not give is found here too, and so is what can be no config and is not
read: anything but a regular file of at most 4 MiB (100,000 rows), such as a pipe, a device, or a
data set's labels. In a folder, or where a pattern means it, such a file is left out.
"""

from __future__ import annotations

from typing import Final

from yaml_attn.checks.finding import Rule
from yaml_attn.config.diagnosis import Cause

RULE = Rule("YA008", "not-utf8", "error")
CAUSE: Final[Cause] = "encoding"
