"""The checks of a config: which rules there are.

The tables are explicit. A rule is a file of `rules/`: its docstring is its manual, `RULE` its
code, name and level. What makes a file unreadable is named by `CAUSE`; a rule about a readable one
is its function `check`. Where two rules find the same spot, the upper one speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.rules import (
    attention_channels,
    attention_number,
    concat_strides,
    dead_layer,
    detect_strides,
    detect_unfinished,
    duplicate_key,
    early_lateral,
    invalid_yaml,
    join_unfinished,
    missing_comma,
    missing_section,
    mixed_levels,
    not_a_row,
    not_utf8,
    number_kept,
    number_shifted,
    odd_character,
    other_layer,
    reference_range,
    row_indent,
    several_documents,
    several_outputs,
    stale_comment,
    unclosed_bracket,
    unknown_module,
)
from yaml_attn.document.diagnosis import Cause


class Unreadable(Protocol):
    """The contract of a rule about a file that cannot be read."""

    __doc__: str | None
    RULE: Rule
    CAUSE: Cause


class Readable(Protocol):
    """The contract of a rule about the rows of a config."""

    __doc__: str | None
    RULE: Rule

    def check(self, subject: Subject) -> Iterator[Finding]:
        """What the rule finds in a config."""


UNREADABLE: tuple[Unreadable, ...] = (
    invalid_yaml,
    odd_character,
    missing_comma,
    unclosed_bracket,
    row_indent,
    several_documents,
    duplicate_key,
    not_utf8,
    not_a_row,
    missing_section,
)
READABLE: tuple[Readable, ...] = (
    reference_range,
    number_kept,
    number_shifted,
    other_layer,
    concat_strides,
    detect_strides,
    detect_unfinished,
    join_unfinished,
    early_lateral,
    dead_layer,
    attention_channels,
    attention_number,
    unknown_module,
    mixed_levels,
    several_outputs,
    stale_comment,
)
UNCOUNTED: tuple[Readable, ...] = (unknown_module, several_outputs)
"""What is left to check where the numbers of a file count other layers than its rows."""
_ALL: tuple[Unreadable | Readable, ...] = (*UNREADABLE, *READABLE)
RULES: Mapping[str, Unreadable | Readable] = {rule.RULE.code: rule for rule in _ALL}
"""Every rule by its code."""
