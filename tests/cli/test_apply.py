from __future__ import annotations

import json
from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run
from frameworks.lookalikes import parser_source, write_checkout
from own_class import write_own

from yaml_attn.frameworks.checkout.patch import Plan
from yaml_attn.mechanisms.registry import MECHANISMS

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
NOTHING = "repo has nothing of yaml-attn's to take out.\n"


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
    failing = run("apply", "--repo", "repo", "--check", "--module", "SE")
    assert failing.code == 1
    assert failing.out.endswith("repo would know SE; --check exits with 1.\n")
    assert parser(repo) == parser_source()
    run("apply", "--repo", "repo", "--module", "SE")
    passing = run("apply", "--repo", "repo", "--check")
    assert passing == (0, "repo knows SE already; nothing would change.\n", "")
    assert run("apply", "--repo", "repo", "--check", "--module", "ECA").code == 1
    path = repo / "models/yaml_attn_modules.py"
    path.unlink()
    assert run("apply", "--repo", "repo", "--check").code == 1


def test_undo_takes_it_out_again(run: Run, repo: Path) -> None:
    run("apply", "--repo", "repo", "--module", "SE")
    undone = run("apply", "--repo", "repo", "--undo")
    assert "-from models.yaml_attn_modules import *\n" in undone.out
    assert undone.out.endswith(
        "models/yaml_attn_modules.py: removed\nrepo is as it was.\n"
        "Checkpoints that were trained there load once `yaml-attn apply` was run again.\n"
    )
    assert parser(repo) == parser_source()
    assert run("apply", "--repo", "repo", "--undo").out == NOTHING
    assert run("apply", "--repo", "repo", "--undo", "--module", "SE").code == 2


def test_undo_says_which_configs_stay(run: Run, repo: Path, config: Path) -> None:
    run("apply", "--repo", "repo", "--config", config.name)
    undone = run("apply", "--repo", "repo", "--undo")
    assert "repo is as it was, but for configs that stay: models/small_SE.yaml.\n" in undone.out
    assert (repo / "models/small_SE.yaml").exists()


def test_of_many_names_the_first_are_shown(run: Run, repo: Path) -> None:
    more = len(MECHANISMS) - 5
    last = run("apply", "--repo", "repo").out.splitlines()[-1]
    assert last.startswith("repo knows SE, ")
    assert last.endswith(f" and {more} more.")
    assert last.count(",") == 4
    assert repo.exists()


def test_a_template_can_be_the_config(run: Run, repo: Path) -> None:
    assert run("apply", "--repo", "repo", "--module", "SE", "--config", "yolov5n").code == 0
    assert (repo / "models/yolov5n.yaml").exists()
    missing = run("apply", "--repo", "repo", "--config", "none.yaml")
    assert (missing.code, "Templates: " in missing.err) == (2, True)


def test_json_tells_what_is_written(run: Run, repo: Path, config: Path) -> None:
    args = ("apply", "--repo", "repo", "--config", config.name, "--json")
    found = json.loads(run(*args, "--dry-run").out)
    assert found["written"] is False
    assert found["mechanisms"] == ["SE"]
    assert found["changes"] == [
        {"file": "models/yaml_attn_modules.py", "state": "new"},
        {"file": "models/yolo.py", "state": "changed"},
        {"file": "models/small_SE.yaml", "state": "new"},
    ]
    assert found["train"].startswith("python train.py --cfg models/small_SE.yaml ")
    assert parser(repo) == parser_source()
    assert json.loads(run(*args).out) == {**found, "written": True}
    assert json.loads(run("apply", "--repo", "repo", "--undo", "--json").out)["changes"][1] == {
        "file": "models/yaml_attn_modules.py",
        "state": "removed",
    }


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


def test_rows_that_the_fork_builds_with_its_own_class_are_told_last(
    run: Run, tmp_path: Path, config: Path
) -> None:
    repo = write_checkout(tmp_path / "repo", common="class SE(nn.Module):\n    pass\n")
    result = run("apply", "--repo", "repo", "--config", config.name)
    assert result.out.endswith("repo needs nothing of yaml-attn for this config.\n")
    assert "SE is the checkout's own class in models/common.py:" in result.err
    assert f"`yaml-attn build {config.name} --repo repo` tries it." in result.err
    assert not (repo / "models/yaml_attn_modules.py").exists()
    assert (
        json.loads(run("apply", "--repo", "repo", "--config", config.name, "--json").out)["train"]
        is None
    )


def test_what_is_not_recognised_is_refused(run: Run, tmp_path: Path) -> None:
    parser = parser_source().replace("parse_model", "parse").encode()
    repo = write_checkout(tmp_path / "repo", parser=parser)
    result = run("apply", "--repo", "repo")
    assert result.code == 1
    assert "yolo.py: has no parse_model" in result.err
    assert "Looked for, in a function parse_model" in result.err
    assert not (repo / "models/yaml_attn_modules.py").exists()
    assert run("apply", "--repo", "nowhere").code == 2


def test_a_class_of_the_users_is_made_known_by_own_or_by_module(
    run: Run, repo: Path, config: Path, tmp_path: Path
) -> None:
    write_own(tmp_path)
    config.write_text(config.read_text().replace("SE,", "Mine,"))
    call = ("apply", "--repo", "repo", "--config", config.name, "--dry-run")
    unknown = run(*call)
    assert (unknown.code, unknown.out) == (2, "")
    assert "layer 2: names Mine, which neither repo nor yaml-attn has" in unknown.err
    assert "--own FILE.py:CLASS names a class of yours." in unknown.err
    for option in ("--own", "--module"):
        assert "repo would know Mine.\n" in run(*call, option, "./mine.py:Mine").out
    json_ = run(*call, "--own", "./mine.py:Mine", "--json", "--check")
    assert json.loads(json_.out)["mechanisms"] == ["Mine"]
    assert (json_.code, parser(repo)) == (1, parser_source())
    run("apply", "--repo", "repo", "--own", "./mine.py:Mine")
    assert run(*call).code == 0  # known already


@pytest.mark.parametrize("undo", [False, True])
def test_an_edit_made_meanwhile_stays_and_nothing_is_written(
    run: Run, repo: Path, monkeypatch: pytest.MonkeyPatch, undo: bool
) -> None:
    if undo:
        run("apply", "--repo", "repo", "--module", "SE")
    real = Plan.write

    def edited(plan: Plan) -> None:
        (repo / "models/yolo.py").write_text("mine")
        real(plan)

    monkeypatch.setattr(Plan, "write", edited)
    result = run("apply", "--repo", "repo", *(["--undo"] if undo else ["--module", "SE"]))
    assert (result.code, parser(repo)) == (2, "mine")
    assert "was changed since it was read" in result.err
    assert (repo / "models/yaml_attn_modules.py").exists() is undo


@pytest.mark.parametrize("linked", ["models", "models/yolo.py", "models/yaml_attn_modules.py"])
def test_no_link_leads_out_of_the_checkout(
    run: Run, repo: Path, tmp_path: Path, linked: str
) -> None:
    undo = linked == "models/yaml_attn_modules.py"
    if undo:
        run("apply", "--repo", "repo", "--module", "SE")
    outside = tmp_path / "outside"
    (repo / linked).rename(outside)
    (repo / linked).symlink_to(outside)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    words = ["--undo"] if undo else ["--module", "SE"]
    for more in (["--dry-run"], []):
        result = run("apply", "--repo", "repo", *words, *more)
        assert (result.code, "is a link that leads out of repo" in result.err) == (2, True)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
