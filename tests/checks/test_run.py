"""Checking files as data: what `import yaml_attn` offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL
from necks import V8, config

from yaml_attn.checks.run import Checker, check
from yaml_attn.errors import ConfigError, UsageError

SE = "[-1, 1, SE, [256]]"
FORGOTTEN = config(V8, {4: [V8[4], SE]})


def test_files_are_checked_and_what_is_no_config_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(config(V8))
    (tmp_path / "mine.yaml").write_text(FORGOTTEN)
    (tmp_path / "data.yaml").write_text("train: images\n")
    base, mine = check(tmp_path)
    assert (base.path.name, base.findings, base.failed) == ("base.yaml", (), False)
    assert (mine.path.name, mine.failed) == ("mine.yaml", True)
    assert mine.match
    assert mine.match.base.name == "base.yaml"
    (report,) = check(str(tmp_path / "mine.yaml"), base=tmp_path / "base.yaml")
    assert report.findings == mine.findings
    with pytest.raises(UsageError):
        check(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is not a model config"):
        check(tmp_path / "mine.yaml", base=tmp_path / "data.yaml")


def test_a_file_that_the_system_refuses_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:  # root may read anything: the refusal is played
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "x.yaml"
    path.write_text(SMALL)
    monkeypatch.setattr("yaml_attn.files.os.open", refused)
    report = Checker.of().check(path)
    assert report
    (finding,) = report.findings
    assert (finding.level, finding.message) == ("error", "cannot be read (Permission denied)")
    assert (finding.place.line, finding.place.column) == (1, 1)


def test_a_file_beside_that_only_pyyaml_reads_is_no_base(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(f"nc: 3\n{config(V8)}")  # `nc` twice
    (tmp_path / "mine.yaml").write_text(FORGOTTEN)
    report = Checker.of().check(tmp_path / "mine.yaml")
    assert report
    assert report.match is None
