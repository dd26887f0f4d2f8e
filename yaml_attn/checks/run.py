"""Checking files: every rule on every config, with the base that it was made from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yaml_attn.checks import READABLE, UNCOUNTED, UNREADABLE
from yaml_attn.checks.base_match import Library, Match
from yaml_attn.checks.context import Subject
from yaml_attn.checks.discover import expand
from yaml_attn.checks.finding import Finding, Place, gravest_first
from yaml_attn.checks.outputs import several_outputs
from yaml_attn.checks.selection import Selection, silenced
from yaml_attn.dialects.bases import find_base
from yaml_attn.document.diagnosis import because
from yaml_attn.document.document import Document
from yaml_attn.errors import DocumentError, NoFileError
from yaml_attn.files import read_config

_SECTION = re.compile(  # with a full-width colon too
    rb"^[ \t]*[\"']?(backbone|head)[\"']?[ \t]*(:|\xef\xbc\x9a)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in one file.

    `match` is the base that it was compared with; `document` is None where it cannot be read, which
    `readable` says too: one who has thousands of reports may leave their documents out.
    """

    path: Path
    findings: tuple[Finding, ...]
    document: Document | None
    match: Match | None
    readable: bool = True

    @property
    def failed(self) -> bool:
        """Whether one of the findings is an error."""
        return any(finding.level == "error" for finding in self.findings)


@dataclass(frozen=True)
class Checker:
    """Everything a check needs but the file: the bases to compare with, and what counts."""

    library: Library
    selection: Selection

    @classmethod
    def of(cls, base: Path | None = None, selection: Selection | None = None) -> Checker:
        """A checker with a given base, or one that looks for bases itself."""
        return cls(Library(base, trusted=is_sound), selection or Selection())

    def check(self, path: Path) -> Report | None:
        """What is wrong with a file; None if it is no model config and means to be none.

        Raises:
            ConfigError: the given base cannot be read.
        """
        try:
            data = read_config(path)
        except NoFileError as error:
            refused = because("encoding", error)
            return Report(
                path, self._counting([unreadable(refused)], []), None, None, readable=False
            )
        # In UTF-16 every letter has a zero beside it.
        if not _SECTION.search(data.replace(b"\0", b"")):
            return None
        try:
            document = Document.parse(data, path)
        except DocumentError as error:
            lines = data.decode("utf-8", errors="replace").splitlines()
            return Report(
                path, self._counting([unreadable(error)], lines), None, None, readable=False
            )
        return self.check_document(path, document)

    def check_document(self, path: Path, document: Document) -> Report:
        """What is wrong with a file that has been read."""
        subject = Subject.read(document)
        match = self.library.match(path, subject.network, document.settings)
        subject = subject.compared(match)
        lines = re.split(r"\r\n|\r|\n", document.text)
        return Report(path, self._counting(findings(subject), lines), document, match)

    def _counting(self, found: Iterable[Finding], lines: Sequence[str]) -> tuple[Finding, ...]:
        """The findings that count, the gravest of each place, in the order of the file."""
        places: dict[Place, Finding] = {}
        for each in found:
            if self.selection.wants(each.code) and not silenced(each, lines):
                other = places.get(each.place, each)
                places[each.place] = gravest_first([other, each])[0]
        return tuple(sorted(places.values(), key=_position))


def check(*paths: str | Path, base: str | Path | None = None) -> tuple[Report, ...]:
    """Check the wiring of configs: what `yaml-attn check` finds, as data.

    Args:
        paths: files, folders and patterns.
        base: the config to compare with; unless given, one is looked for.

    Raises:
        UsageError: there is nothing at one of the paths.
        ConfigError: the given base cannot be read.
    """
    checker = Checker.of(find_base(str(base)) if base else None)
    reports = (checker.check(path) for path in expand([str(each) for each in paths]))
    return tuple(report for report in reports if report)


def findings(subject: Subject) -> list[Finding]:
    """What every rule finds in a readable config, several at one place included."""
    rules = READABLE if several_outputs(subject) is None else UNCOUNTED
    return [finding for rule in rules for finding in rule.check(subject)]


def unreadable(error: DocumentError) -> Finding:
    """The finding for a file that cannot be read as a config."""
    cause = getattr(error, "cause", "syntax")
    rule = next(rule for rule in UNREADABLE if cause == rule.CAUSE).RULE
    line, column = error.line or 1, error.column or 1
    return rule.found(Place(line, column, line, column), error.message, meant=_clause(error.hint))


def is_sound(path: Path) -> bool:
    """Whether a file is fit to be a base: readable, and without an error of its own."""
    try:
        subject = Subject.read(Document.load(path))
    except DocumentError:
        return False
    return all(finding.level != "error" for finding in findings(subject))


def _position(finding: Finding) -> tuple[int, int, str]:
    return finding.place.line, finding.place.column, finding.code


def _clause(hint: str | None) -> str | None:
    return hint and hint[0].lower() + hint[1:].rstrip(".")
