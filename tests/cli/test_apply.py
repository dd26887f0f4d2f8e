from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run
from frameworks.lookalikes import parser_source, write_checkout

APPLIED = """\
models/yaml_attn_modules.py: new, {lines} lines
--- a/models/yolo.py
+++ b/models/yolo.py
@@ -6,4 +6,5 @@
 from models.common import *
 from models.experimental import Sum  # the last one from a file beside
+from models.yaml_attn_modules import *
 from torch import nn
 
@@ -27,4 +28,7 @@
             c2 = sum([ch[x] for x in f])
         # what follows keeps its channels
+        elif m in YAML_ATTN_MODULES:
+            c1 = [ch[x] for x in ([f] if isinstance(f, int) else f)]
+            c2, args = c1[0], [*c1, *args[len(c1):]]
         else:  # not a convolution
             c2 = ch[f]
repo knows SE.
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "repo")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small_SE.yaml"
    path.write_text(SMALL.replace("[-1, 1, C3, [16]]", "[-1, 1, SE, [16]]", 1))
    return path


def parser(repo: Path) -> str:
    return (repo / "models/yolo.py").read_text()


def test_it_shows_what_changes_and_does_it(run: Run, repo: Path) -> None:
    result = run("apply", "--repo", "repo", "--module", "SE")
    lines = len((repo / "models/yaml_attn_modules.py").read_text().splitlines())
    assert result.out == APPLIED.format(lines=lines)
    assert "elif m in YAML_ATTN_MODULES:" in parser(repo)


def test_a_second_run_says_that_there_is_nothing_to_do(run: Run, repo: Path) -> None:
    run("apply", "--repo", "repo", "--module", "SE")
    again = run("apply", "--repo", "repo", "--module", "SE")
    assert (again.code, again.out) == (0, "repo knows SE already; nothing to change.\n")
    assert repo.exists()


def test_a_dry_run_writes_nothing(run: Run, repo: Path, config: Path) -> None:
    before = sorted(repo.rglob("*"))
    result = run("apply", "--repo", "repo", "--config", config.name, "--dry-run")
    assert "+        elif m in YAML_ATTN_MODULES:" in result.out
    assert "repo would know SE.\n" in result.out
    assert (sorted(repo.rglob("*")), parser(repo)) == (before, parser_source())


def test_check_tells_by_its_exit_code(run: Run, repo: Path) -> None:
    assert run("apply", "--repo", "repo", "--check").code == 1
    assert parser(repo) == parser_source()
    run("apply", "--repo", "repo", "--module", "SE")
    assert run("apply", "--repo", "repo", "--check").code == 0
    assert run("apply", "--repo", "repo", "--check", "--module", "ECA").code == 1
    path = repo / "models/yaml_attn_modules.py"
    path.unlink()
    assert run("apply", "--repo", "repo", "--check").code == 1


def test_undo_takes_it_out_again(run: Run, repo: Path) -> None:
    run("apply", "--repo", "repo", "--module", "SE")
    undone = run("apply", "--repo", "repo", "--undo")
    assert "-from models.yaml_attn_modules import *\n" in undone.out
    assert undone.out.endswith("models/yaml_attn_modules.py: removed\nrepo is as it was.\n")
    assert parser(repo) == parser_source()
    assert run("apply", "--repo", "repo", "--undo").out == "repo was not changed before.\n"
    assert run("apply", "--repo", "repo", "--undo", "--module", "SE").code == 2


def test_a_config_is_copied_and_the_command_that_trains_it_printed(
    run: Run, repo: Path, config: Path
) -> None:
    result = run("apply", "--repo", "repo", "--config", config.name)
    assert result.out.endswith(
        f"models/small_SE.yaml: new, {len(SMALL.splitlines())} lines\n"
        "repo knows SE.\n"
        "Train it in repo:\n"
        '  python train.py --cfg models/small_SE.yaml --weights "" --data data/coco128.yaml\n'
    )
    assert (repo / "models/small_SE.yaml").read_text() == config.read_text()


def test_mechanisms_that_the_fork_has_itself_are_named(run: Run, tmp_path: Path) -> None:
    write_checkout(tmp_path / "repo", common="class SE(nn.Module):\n    pass\n")
    result = run("apply", "--repo", "repo")
    assert "SE is left out: it is the checkout's own in models/common.py:" in result.out
    assert result.code == 0


def test_what_is_not_recognised_is_refused(run: Run, tmp_path: Path) -> None:
    parser = parser_source().replace("parse_model", "parse").encode()
    repo = write_checkout(tmp_path / "repo", parser=parser)
    result = run("apply", "--repo", "repo")
    assert result.code == 1
    assert "yolo.py: has no parse_model" in result.err
    assert "Looked for, in a function parse_model" in result.err
    assert not (repo / "models/yaml_attn_modules.py").exists()
    assert run("apply", "--repo", "nowhere").code == 2
