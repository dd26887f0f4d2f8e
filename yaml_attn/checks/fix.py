"""Repairing what is certain: the numbers that findings name, and nothing else of the file.

After each round the new text is read anew and must be the old rows with just those numbers
changed; then it is checked again, for one repair can bring the next to light (an attention that
is dead once Detect reads what it should).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml_attn.checks.finding import Finding, Fix
from yaml_attn.checks.run import Checker, Report
from yaml_attn.document.document import Document, encode
from yaml_attn.document.layout import splice
from yaml_attn.errors import ConfigError, InternalError
from yaml_attn.files import digest, refuse_irreplaceable, refuse_outside, standing, write_atomically

_ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Repair:
    """A file before and after: what was repaired, and the report of the new text."""

    before: Report
    fixed: tuple[Finding, ...]
    after: Report

    @property
    def changed(self) -> bool:
        """Whether there was anything to repair."""
        return bool(self.fixed)


def repair(checker: Checker, report: Report) -> Repair:
    """The file of a report with all its sure repairs made, in memory.

    Raises:
        InternalError: the new text is not the old one with the intended numbers in it.
    """
    fixed: list[Finding] = []
    now = report
    for _ in range(_ROUNDS):
        sure = _sure(now.findings)
        if not sure or now.document is None:
            return Repair(report, tuple(fixed), now)
        fixed += sure
        fixes = [finding.fix for finding in sure if finding.fix]
        now = checker.check_document(report.path, _apply(now.document, fixes))
    raise _broken("the repairs do not come to an end")


def save(repaired: Repair, folder: Path | None, *, dry_run: bool = False) -> None:
    """Write the file of a repair, if there was anything to.

    Args:
        repaired: the repair.
        folder: where the file was found; a link in there that leads elsewhere is not followed.
            None where the user named the file itself.
        dry_run: whether to refuse what would be, and write nothing.

    Raises:
        OutputError: the file was changed since it was read, is elsewhere, or cannot be replaced.
    """
    path, before, after = repaired.before.path, repaired.before.document, repaired.after.document
    if not repaired.changed or before is None or after is None:
        return
    if folder is not None:
        refuse_outside(path, folder)
    if dry_run:
        refuse_irreplaceable(path)
    # It may be repaired already, under another name.
    elif standing(path) != digest(after.data):
        write_atomically(path, after.data, over=digest(before.data))


def _sure(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that can be repaired, one for each number."""
    found = {finding.fix.splice.span: finding for finding in findings if finding.fix}
    return list(found.values())


def _apply(document: Document, fixes: Sequence[Fix]) -> Document:
    text = splice(document.text, [fix.splice for fix in fixes])
    try:
        new = Document.parse(encode(text, bom=document.bom), document.path)
    except ConfigError as error:
        raise _broken(f"the new text cannot be read ({error.message})") from None
    if new.settings != document.settings:
        raise _broken("a key other than backbone and head would have changed")
    if [list(row.values) for row in new.rows] != _planned(document, fixes):
        raise _broken("the new text does not hold the planned rows")
    return new


def _planned(document: Document, fixes: Iterable[Fix]) -> list[list[Any]]:
    """The rows as they are to be."""
    rows = [list(row.values) for row in document.rows]
    for fix in fixes:
        row = rows[fix.layer]
        if fix.field == "number":
            row[1] = fix.value
        elif fix.field == "from" and isinstance(row[0], list):
            row[0] = [fix.value if at == fix.position else old for at, old in enumerate(row[0])]
        elif fix.field == "from":
            row[0] = fix.value
    return rows


def _broken(message: str) -> InternalError:
    return InternalError(
        f"{message}; nothing was written",
        hint="This is a bug in yaml-attn. Please report it with the config.",
    )
