"""Hostile configs, and stand-ins for frameworks that evaluate whatever they find in one.

The real ones meet the same configs in test_hostile_real.py.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hostile
import pytest
from conftest import Run
from frameworks.lookalikes import BLOCKS, DIST, OWN_BLOCKS, TASKS, parser_source, write_checkout

from yaml_attn.errors import UntrustedError, YamlAttnError
from yaml_attn.frameworks.build_checkout import Request, build_all

BASE: Mapping[str, dict[str, Any]] = {
    "yolov5": {
        "nc": 1,
        "anchors": 3,
        "depth_multiple": 1.0,
        "width_multiple": 1.0,
        "backbone": [[-1, 1, "Conv", [8, 3, 2]]],
        "head": [[-1, 1, "nn.Identity", []]],
    },
    "ultralytics": {
        "nc": 1,
        "backbone": [[-1, 1, "Conv", [8, 3, 2]]],
        "head": [[-1, 1, "nn.Identity", []]],
    },
}

EVALUATED = """\
    for key, value in d.items():
        if key not in {"backbone", "head"}:
            try:
                eval(value)
            except Exception:
                pass
"""

LOADERS = """

    import os
    import pickle


    def torch_load(path):
        with open(path, "rb") as file:
            return pickle.load(file)


    attempt_load = load_checkpoint = torch_load


    class DetectMultiBackend(nn.Module):
        def __init__(self, weights="yolov5s.pt"):
            torch_load(weights)


    AutoBackend = DetectMultiBackend
"""

MODEL = """

    class DetectionModel(nn.Module):
        def __init__(self, cfg="yolo26n.yaml", ch=3, nc=None, verbose=False):
            super().__init__()
            self.model, self.save = parse_model(deepcopy(cfg), ch)

        def forward(self, x):
            for m in self.model:
                x = m(x)
            return x
"""


def write(framework: str, root: Path) -> Path:
    """A checkout of one that evaluates every setting, and has what loads files; with the traps."""
    loaders = textwrap.dedent(LOADERS)
    if framework == "yolov5":
        line = '    gw = d["width_multiple"]\n'
        text = parser_source().replace(line, line + EVALUATED).replace("cfg):", "cfg, ch=3):")
        assert EVALUATED in text
        write_checkout(root, (text + loaders).encode())
    else:
        line = 'width = d.get("width_multiple", 1.0)\n'
        tasks = textwrap.dedent(TASKS).replace(line, line + EVALUATED)
        assert EVALUATED in tasks
        # The oldest versions evaluate these too.
        tasks = tasks.replace(
            'getattr(nn, m[3:]) if m.startswith("nn.") else globals()[m]', "eval(m)"
        )
        tasks = tasks.replace("suppress(ValueError)", "suppress(NameError)")
        tasks = tasks.replace("locals()[a] if a in locals() else ast.literal_eval(a)", "eval(a)")
        files = {
            "__init__.py": "__version__ = '8.0.0'\n",
            "nn/__init__.py": "",
            "nn/blocks.py": textwrap.dedent(BLOCKS + OWN_BLOCKS) + "\nConv.default_act = None\n",
            "nn/tasks.py": tasks + loaders + textwrap.dedent(MODEL),
            "utils/__init__.py": "",
            "utils/dist.py": DIST,
        }
        for name, source in files.items():
            path = root / "ultralytics" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
    hostile.lay_traps(root)
    return root


def ask(root: Path, framework: str, configs: list[str], *, trust: bool) -> list[Any]:
    asked = [Request(text, "any.yaml", imgsz=32, trust=trust) for text in configs]
    return build_all(root, asked, dialect=framework, timeout=60)


@pytest.mark.parametrize("framework", BASE)
def test_nothing_of_a_config_runs(framework: str, tmp_path: Path) -> None:
    root = write(framework, tmp_path)
    configs = {name: hostile.config(BASE[framework], name) for name in hostile.shapes()}
    answers = ask(root, framework, [*configs.values()], trust=False)
    assert not (root / hostile.CANARY).exists()
    for name, answer in zip(configs, answers, strict=True):
        # Some are no config to begin with, some name what is not in this stand-in.
        assert isinstance(answer, YamlAttnError), name
    assert sum(isinstance(answer, UntrustedError) for answer in answers) > 100


def test_the_command_says_the_line_and_trusts_when_told(run: Run, tmp_path: Path) -> None:
    root = write("yolov5", tmp_path)
    text = hostile.config(BASE["yolov5"], "module open")
    (tmp_path / "hostile.yaml").write_text(text)
    command = ["build", "hostile.yaml", "--repo", root]
    refused = run(*command)
    line = next(at for at, each in enumerate(text.splitlines(), 1) if "open" in each)
    assert (refused.code, f"hostile.yaml:{line}: layer 1: " in refused.err) == (1, True)
    assert not (root / hostile.CANARY).exists()
    run(*command, "--trust")
    assert (root / hostile.CANARY).exists()


@pytest.mark.parametrize(
    "name", ["a call", "open", "os", "torch_load", "attempt_load", "a loader that runs models"]
)
def test_apply_hands_no_such_config_to_a_checkout(name: str, run: Run, tmp_path: Path) -> None:
    root = write("yolov5", tmp_path / "repo")
    base, (module, _) = BASE["yolov5"], hostile.MODULES[name]
    # Without its arguments, which alone would do.
    plain = {**base, "backbone": [*base["backbone"], [-1, 1, module, []]]}
    (tmp_path / "hostile.yaml").write_text(hostile.dumped(plain))
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    result = run("apply", "--repo", root, "--config", "hostile.yaml")
    assert result.code == 1, name
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_apply_copies_what_is_trusted(run: Run, tmp_path: Path) -> None:
    root = write("yolov5", tmp_path / "repo")
    text = hostile.config(BASE["yolov5"], "setting activation: a call")
    (tmp_path / "hostile.yaml").write_text(text)
    assert run("apply", "--repo", root, "--config", "hostile.yaml").code == 1
    assert run("apply", "--repo", root, "--config", "hostile.yaml", "--trust").code == 0
    assert (root / "models/hostile.yaml").read_text() == text


@pytest.mark.parametrize("framework", BASE)
def test_a_config_that_is_trusted_runs(framework: str, tmp_path: Path) -> None:
    # And so the test above would fail, if these got through.
    names = [
        "setting activation: a call",
        "module open",
        "argument a call",
        "argument behind a variable",
        "module torch_load",
        "module a loader of weights by default",
    ]
    root = write(framework, tmp_path)
    marks = [f"{hostile.CANARY}{at}" for at in range(len(names))]
    configs = [
        hostile.config(BASE[framework], name).replace(hostile.CANARY, mark)
        for name, mark in zip(names, marks, strict=True)
    ]
    for mark, trap in zip(marks[4:], ["evil.pt", "yolov5s.pt"], strict=True):
        data = (root / trap).read_bytes()
        (root / trap).write_bytes(data.replace(hostile.CANARY.encode(), mark.encode()))
    ask(root, framework, configs, trust=True)
    assert [mark for mark in marks if not (root / mark).exists()] == []
