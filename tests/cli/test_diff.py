"""`yaml-attn diff`: previews and comparisons in each format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from configs import SMALL
from conftest import Run

EDIT = ["diff", "--base", "small.yaml", "--module", "SE", "--after", "2"]


@pytest.fixture(autouse=True)
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def test_the_text_preview_is_the_diff_the_table_and_the_words(run: Run, tmp_path: Path) -> None:
    result = run(*EDIT, "--format", "text")
    assert (
        result.out
        == """\
--- small.yaml
+++ small_SE.yaml
@@ -7,10 +7,11 @@
   - [-1, 1, Conv, [8, 3, 2]]  # 0-P1/2
   - [-1, 1, Conv, [16, 3, 2]]  # 1-P2/4
   - [-1, 1, C3, [16]]
-  - [-1, 1, Conv, [32, 3, 2]]  # 3
+  - [-1, 1, SE, [16]]
+  - [-1, 1, Conv, [32, 3, 2]]  # 4
 
 head:
   - [-1, 1, nn.Upsample, [None, 2, nearest]]
-  - [[-1, 2], 1, Concat, [1]]  # cat backbone
-  - [-1, 1, C3, [16]]  # 6 (P2/4)
-  - [[6, 3], 1, Detect, [nc, anchors]]  # Detect
+  - [[-1, 3], 1, Concat, [1]]  # cat backbone
+  - [-1, 1, C3, [16]]  # 7 (P2/4)
+  - [[7, 4], 1, Detect, [nc, anchors]]  # Detect

   old  new  from                module       args                reads
     0    0  -1                  Conv         [8, 3, 2]
     1    1  -1                  Conv         [16, 3, 2]
     2    2  -1                  C3           [16]
+         3  -1                  SE           [16]                2 (C3)
~    3    4  -1                  Conv         [32, 3, 2]          3 (SE), not 2 (C3)
     4    5  -1                  nn.Upsample  [None, 2, nearest]
~    5    6  [-1, 2] -> [-1, 3]  Concat       [1]                 3 (SE), not 2 (C3)
     6    7  -1                  C3           [16]
~    7    8  [6, 3] -> [7, 4]    Detect       [nc, anchors]       7 (C3), 4 (Conv)

SE is layer 3: reads 2 (C3), read by 4 (Conv), 6 (Concat).
The backbone has 5 layers instead of 4: where you freeze it with --freeze 4, use --freeze 5.
A checkpoint of the base fits layers 0 to 2 only, for weights are loaded by layer number; \
`yaml-attn weights` moves them all.
"""
    )
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_markdown_can_be_pasted_into_a_pull_request(run: Run) -> None:
    lines = run(*EDIT, "--format", "markdown").out.splitlines()
    assert lines[0] == "```diff"
    end = lines.index("```")
    assert lines[end + 2].startswith("|")
    assert set(lines[end + 3]) == {"|", "-"}
    # A line under a table would be its row.
    assert next(line for line in lines[end + 2 :] if not line.startswith("|")) == ""


def test_json_holds_the_index_map_and_every_reference(run: Run) -> None:
    found = json.loads(run(*EDIT, "--format", "json").out)
    assert found["index_map"] == {str(k): k + (k > 2) for k in range(8)}
    detect = found["layers"][-1]
    assert (detect["from_before"], detect["from_after"]) == ([6, 3], [7, 4])
    assert (detect["state"], detect["rewired"]) == ("changed", [])
    assert json.loads(run(*EDIT, "--json").out) == found


def test_rich_output_is_coloured_only_where_colours_are_shown(run: Run) -> None:
    result = run(*EDIT, "--format", "rich")
    assert "\x1b[" not in result.out
    assert "SE" in result.out


def test_two_files_are_aligned_and_compared(run: Run, tmp_path: Path) -> None:
    run("insert", "--base", "small.yaml", "--module", "SE", "--after", 2, "--no-build")
    preview = run(*EDIT, "--format", "json").out
    compared = run("diff", "small.yaml", "small_SE.yaml", "--format", "json").out
    assert json.loads(compared)["layers"] == json.loads(preview)["layers"]
    assert json.loads(compared)["diff"] == json.loads(preview)["diff"]

    stale = tmp_path / "stale.yaml"
    stale.write_text((tmp_path / "small_SE.yaml").read_text().replace("[[7, 4]", "[[6, 4]"))
    assert "6 (Concat), not 6 (C3)" in run("diff", "small.yaml", "stale.yaml").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["small.yaml"], "give the second file too\nyaml-attn diff small.yaml OTHER.yaml\n"),
        (["small.yaml", "small.yaml", "small.yaml"], "two files are compared, not 3"),
        (["small.yaml", "small.yaml", "--base", "small.yaml"], "not both"),
        (["--base", "small.yaml"], "nothing to compare"),
    ],
)
def test_wrong_use_is_said(run: Run, arguments: list[str], message: str) -> None:
    result = run("diff", *arguments)
    assert (result.code, message in result.err) == (2, True)


def test_the_options_of_insert_are_taken_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    more = ["--imgsz", "320", "--nc", "3", "--no-build", "--dry-run", "--force", "-o", "sub/x.yaml"]
    out = run(*EDIT, *more).out
    assert "+++ x.yaml" in out
    assert "+++ small.yaml" in run(*EDIT, "--in-place").out
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_the_help_leaves_out_what_does_nothing_here(run: Run) -> None:
    text = run("diff", "--help").out
    for option in ("--in-place", "--force", "--dry-run", "--no-build", "--imgsz", "--repo", "-q"):
        assert option not in text
    assert "Takes every option of `insert`" in text
    assert "--after PLACE" in text
