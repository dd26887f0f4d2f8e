"""`yaml-attn weights`: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
import torch
from configs import SMALL, SMALL_V8
from conftest import Run
from torch import nn
from weights.small_v8 import state_v8

from yaml_attn.building import bundled
from yaml_attn.document.document import Document
from yaml_attn.weights import read_checkpoint

CALL = ("weights", "--weights", "small.pt", "--base", "small.yaml", "--config", "small_SE.yaml")


@cache
def model() -> nn.Module:
    document = Document.parse(SMALL.encode())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return bundled.build(document.network, document.settings)


@pytest.fixture(autouse=True)
def files(run: Run, tmp_path: Path) -> Path:
    """A base with its checkpoint, and a config with an attention that starts as the identity."""
    (tmp_path / "small.yaml").write_text(SMALL)
    torch.save({"epoch": 9, "model": model(), "optimizer": {"state": {}}}, tmp_path / "small.pt")
    edit = ("insert", "--base", "small.yaml", "--module", "SE", "--after", 2, "--identity-init")
    assert run(*edit).code == 0
    return tmp_path


def test_it_writes_a_checkpoint_and_says_what_became_of_every_tensor(run: Run, files: Path) -> None:
    result = run(*CALL)
    assert result.code == 0
    lines = result.out.splitlines()
    assert re.match(
        r"small\.pt: 83 tensors of model \(.*Model\), float32; left out: optim", lines[0]
    )
    assert lines[1].split() == "old new module transferred new tensors dropped other shape".split()
    assert lines[2].split() == ["3", "SE", "0", "2", "0", "0"]
    naive = (
        "By key and shape alone, as frameworks load: 42 of 83 tensors, 0 of them into the wrong "
        "layer; 2,815 numbers right."
    )
    reads = (
        "What the head reads differs from the base's by at most, of its own size: P2 0, P3 0 "
        "(at random images, with their statistics)."
    )
    use = (
        "Use: yaml-attn apply --repo FOLDER --config small_SE.yaml, then in that checkout the "
        "command that it prints, which starts from small_SE.pt."
    )
    fewer = (
        "train.py counts fewer tensors: it leaves out the head's anchors, and with another number "
        "of classes what that changes."
    )
    assert lines[3:] == [
        "Transferred 83 of 83 tensors, 9,767 of 9,767 numbers.",
        naive,
        reads,
        "Wrote small_SE.pt, a checkpoint.",
        use,
        fewer,
        "It holds weights for training, and no network: detect with what training leaves.",
    ]
    written = torch.load(files / "small_SE.pt", weights_only=False)
    state = written["model"].float().state_dict()
    document = Document.load(files / "small_SE.yaml")
    edited = bundled.build(document.network, document.settings)
    edited.load_state_dict(state)
    assert torch.equal(
        state["model.7.cv1.conv.weight"], model().state_dict()["model.6.cv1.conv.weight"]
    )
    # Without --cfg, `train.py` builds the config that the checkpoint holds.
    assert written["model"].yaml["head"][-1] == [[7, 4], 1, "Detect", ["nc", "anchors"]]
    assert written["model"].yaml["nc"] == 2


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_it_writes_a_state_dict(name: str, run: Run, files: Path) -> None:
    result = run(*CALL, "--state-dict", "-o", name)
    assert "load_state_dict" in result.out
    assert len(read_checkpoint(files / name).state) == 85
    if name == "x.pt":
        assert len(torch.load(files / name, weights_only=True)) == 85


def test_json_lists_every_tensor(run: Run, files: Path) -> None:
    found = json.loads(run(*CALL, "--json", "--dry-run").out)
    assert (found["tensors"], found["transferred"], found["new"]) == (83, 83, 2)
    assert (found["dropped"], found["shape_mismatch"], found["rewired"]) == (0, 0, 0)
    assert found["naive"] == {
        "right": 42,
        "wrong": 0,
        "right_numbers": 2815,
        "wrong_numbers": 0,
    }
    assert len(found["moved"]) == 85
    assert found["moved"][0] == {
        "source": "model.0.conv.weight",
        "target": "model.0.conv.weight",
        "outcome": "transferred",
        "shape_before": [8, 3, 3, 3],
        "shape_after": [8, 3, 3, 3],
    }
    assert (found["difference"], found["written"], found["warning"]) == (0, False, None)
    assert [each["difference"] for each in found["levels"]] == [0, 0]
    assert not (files / "small_SE.pt").exists()


def test_another_number_of_classes_is_listed(run: Run) -> None:
    out = run(*CALL, "--nc", 5).out
    assert "model.7.m.0.weight 7x16x1x1: model.8.m.0.weight is 10x16x1x1" in out
    assert re.search(r"^ +7 +8 +Detect +1 +0 +0 +4$", out, re.MULTILINE)
    assert "Transferred 79 of 83 tensors" in out


def test_all_lists_every_layer_with_weights(run: Run) -> None:
    out = run(*CALL, "--all").out
    assert re.search(r"^ +6 +7 +C3 +\d+ +0 +0 +0$", out, re.MULTILINE)


def test_a_layer_that_disturbs_the_network_is_said_so(run: Run) -> None:
    run("insert", "--base", "small.yaml", "--module", "SE", "--after", 2, "-o", "b.yaml")
    result = run(*CALL[:-1], "b.yaml")
    assert re.search(r"of its own size: P\d [\d.]+ %, P\d [\d.]+ %", result.out)
    assert "layer 3 (SE) does not start as the identity" in result.err
    assert "give its row the arguments [16, 16, False, True]" in result.err


def test_stale_inputs_are_pointed_out(run: Run, files: Path) -> None:
    stale = (files / "small_SE.yaml").read_text().replace("[[7, 4]", "[[6, 4]")
    (files / "stale.yaml").write_text(stale)
    assert "1 inputs read other layers than in the base" in run(*CALL[:-1], "stale.yaml").out


@pytest.fixture
def v8(run: Run, files: Path) -> Path:
    """The same in Ultralytics' form, for all scales: edited, and weights of s."""
    (files / "yolov8-small.yaml").write_text(SMALL_V8)
    torch.save(state_v8(width=2), files / "s.pt")
    edit = ("insert", "-b", "yolov8-small.yaml", "-m", "SE", "--after", 2, "--identity-init")
    assert run(*edit, "--no-build", "-q").code == 0
    return files


V8 = ("weights", "-w", "s.pt", "-b", "yolov8s-small.yaml", "-c", "yolov8-small_SE.yaml")


def test_a_config_for_all_scales_is_read_at_the_bases(run: Run, v8: Path) -> None:
    result = run(*V8)
    lines = result.out.splitlines()
    assert "Transferred 10 of 10 tensors" in result.out
    assert "the framework initialises them" in result.out
    assert "Both configs are read at scale s." in lines
    # The name that Ultralytics finds this file by, and takes the scale from.
    use = "model=yolov8s-small_SE.yaml pretrained=yolov8-small_SE.pt data=..."
    assert f"Use: yaml-attn yolo train {use}" in lines
    assert result.err == ""
    written = torch.load(v8 / "yolov8-small_SE.pt", weights_only=False)
    assert written["train_args"] == {"task": "detect"}
    yaml = written["model"].yaml
    # Without the scale, training this file would build the first one.
    assert (yaml["scale"], yaml["yaml_file"], yaml["nc"]) == ("s", "yolov8s-small_SE.yaml", 2)


def test_a_name_that_cannot_tell_the_scale_is_warned_of(run: Run, v8: Path) -> None:
    (v8 / "yolov8-small_SE.yaml").rename(v8 / "mine.yaml")
    result = run(*V8[:-1], "mine.yaml", "--nc", 5)
    assert "mine.yaml tells none, so that it is read at n" in result.err
    assert re.search(r"^ +7 +8 +Detect +0 +0 +0 +0 +2$", result.out, re.MULTILINE)
    assert "2 more go to a layer that is constructed otherwise than in the base" in result.out
    yaml = torch.load(v8 / "mine.pt", weights_only=False)["model"].yaml
    assert (yaml["scale"], yaml["nc"]) == ("s", 5)


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (("-b", "yolov8-small.yaml"), "They fit scale s: --scale s", 1),
        (("-c", "yolov8n-small_SE.yaml"), "base is read at scale s, and .* at scale n", 2),
        (("-c", "small_SE.yaml"), "the base is read as ultralytics, and .* as yolov5", 2),
        (("-w", "missing.pt", "-o", "s.pt"), r"missing\.pt: no such file", 2),
    ],
)
def test_what_does_not_belong_together_is_refused(
    options: tuple[str, ...], message: str, code: int, run: Run, v8: Path
) -> None:
    before = (v8 / "s.pt").read_bytes()
    result = run(*V8, *options)
    assert result.code == code
    assert re.search(message, result.err)
    assert (v8 / "s.pt").read_bytes() == before


def test_the_scale_can_be_said(run: Run, v8: Path) -> None:
    assert v8.is_dir()
    result = run(*V8, "-b", "yolov8-small.yaml", "--scale", "s")
    assert "Transferred 10 of 10 tensors" in result.out


@pytest.mark.parametrize(
    ("base", "use"),
    [
        ("small.yaml", "Use: python train.py --cfg b.yaml --weights b.pt"),
        ("yolov8n-small.yaml", 'Use: YOLO("b.yaml").load("b.pt")'),
    ],
)
def test_a_config_without_mechanisms_of_ours_is_trained_as_ever(
    base: str, use: str, run: Run, v8: Path
) -> None:
    if base == "small.yaml":
        (v8 / "b.yaml").write_text(SMALL)
    else:
        (v8 / "b.yaml").write_text(SMALL_V8)
        torch.save(state_v8(), v8 / "small.pt")
    assert use in run(*CALL[:3], "-b", base, "-c", "b.yaml").out.splitlines()


def test_blocks_with_attention_are_mechanisms_of_ours_too(run: Run) -> None:
    edit = ("replace", "-b", "small.yaml", "--at", 2, "-m", "C3[SE]", "-o", "b.yaml")
    assert run(*edit).code == 0
    elsewhere = run(*CALL[:-1], "b.yaml", "-o", "other.pt").out
    assert "Use: yaml-attn apply --repo FOLDER --config b.yaml, then in that" in elsewhere
    assert f"that it prints, with --weights {Path('other.pt').resolve()}." in elsewhere


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (("-o", "small.pt", "-f"), "is the file that the weights come from", 2),
        (("-o", "small.yaml"), "no name for weights", 2),
        (("-o", "there.pt"), "exists already", 2),
        (("--base", "yolov5s"), "is the base's", 1),
    ],
)
def test_what_it_refuses(
    options: tuple[str, ...], message: str, code: int, run: Run, files: Path
) -> None:
    (files / "there.pt").write_text("precious")
    before = (files / "small.pt").read_bytes()
    result = run(*CALL, *options)
    if message == "is the base's":
        message = r"model\.0\.conv\.weight is \[8, 3, 3, 3\], and \[32, 3, 6, 6\] in the base"
    assert result.code == code
    assert re.search(message, result.err)
    assert (files / "there.pt").read_text() == "precious"
    assert (files / "small.pt").read_bytes() == before


def test_a_folder_gets_the_name_of_the_config(run: Run, files: Path) -> None:
    (files / "runs").mkdir()
    result = run(*CALL, "-o", "runs")
    assert (result.code, (files / "runs" / "small_SE.pt").exists()) == (0, True)


def test_a_file_that_is_no_checkpoint_is_named(run: Run, files: Path) -> None:
    (files / "small.pt").write_bytes(b"<html>Not Found</html>")
    result = run(*CALL)
    assert result.code == 1
    assert result.err.startswith("error: small.pt: this is no file of weights")


def test_a_removed_layer_is_listed_under_its_old_number(run: Run, files: Path) -> None:
    assert run(*CALL).code == 0
    back = ("-w", "small_SE.pt", "-b", "small_SE.yaml", "-c", "small.yaml", "-o", "back.pt")
    out = run("weights", *back).out
    assert re.search(r"^ +3 +SE +0 +0 +2 +0$", out, re.MULTILINE)
    assert "model.3.fc1.weight 8x16x1x1: dropped" in out
    restored = read_checkpoint(files / "back.pt").state
    expected = model().state_dict()
    assert list(restored) == list(expected)
    assert all(torch.equal(restored[key], value) for key, value in expected.items())
