"""Building with stand-ins for checkouts; the real ones are built with by test_build_real.py."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from frameworks.lookalikes import parser_source, write_checkout, write_ultralytics
from own_class import parameters, write_own

from yaml_attn.building.report import BuildReport
from yaml_attn.errors import (
    BuildError,
    ConfigError,
    OutputError,
    UsageError,
    WiringError,
    YamlAttnError,
)
from yaml_attn.frameworks.checkout.build import Request, build, build_all, package_of
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.frameworks.checkout.worker import builder
from yaml_attn.modules import SE

HEAD = """

    class Detect(nn.Module):
        def __init__(self, nc, ch):
            super().__init__()
            self.nl = len(ch)
            self.m = nn.ModuleList(nn.Conv2d(each, nc, 1) for each in ch)

        def forward(self, x):
            return [layer(each) for layer, each in zip(self.m, x)]


    Conv.default_act = nn.SiLU()
"""

# It talks on every channel there is, as they do.
NOISE = """
import os

print("importing", __name__)
os.write(1, b"from below")
"""

CONFIG = """\
nc: 7
depth_multiple: 0.5
width_multiple: 0.5
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 4, nn.Identity, []]
head:
  - [-1, 1, Conv, [128, 3, 2]]
  - [[0, 2], 1, Detect, [nc]]
"""


EDITS = {
    "    def __init__(self, cfg):": "    def __init__(self, cfg, ch=3, nc=None):",
    '    gw = d["width_multiple"]\n': """\
    gw, gd, nc = d["width_multiple"], d["depth_multiple"], d["nc"]
    if d.get("activation"):
        Conv.default_act = nn.PReLU()
""",
    "        if m in [Conv]:\n": """\
        n = max(round(n * gd), 1) if n > 1 else n
        if m in [Conv]:
""",
    "        # what follows": """\
        elif m is Detect:
            args.append([ch[x] for x in f])
        # what follows""",
}


def source() -> str:
    """The stand-in's parser with a head, depth scaling and an activation that stays."""
    text = parser_source()
    for old, new in EDITS.items():
        assert old in text
        text = text.replace(old, new)
    return text


def write_repo(root: Path, parser: str | None = None) -> Path:
    text = (source() if parser is None else parser).encode()
    return write_checkout(root, text, common=textwrap.dedent(HEAD))


def row(text: str) -> str:
    return CONFIG.replace("4, nn.Identity, []", text)


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


REQUESTS = {
    "plain": Request(CONFIG, "own.yaml"),
    "SE": Request(row("1, SE, [64]"), "own.yaml"),
    "ratio": Request(row("1, SE, [64, 4]"), "own.yaml", imgsz=32, flops=[1]),
    "two": Request(
        CONFIG.replace("  - [[0, 2]", "  - [[-1, 0], 1, CoExcitation, [128, 64]]\n  - [[0, 3]"),
        "own.yaml",
    ),
    "nc": Request(CONFIG, "own.yaml", nc=3, flops=False),
    "real": Request(row("1, CBAM, [64]"), "own.yaml", imgsz=64, real=True),
    "activation": Request(CONFIG + "activation: nn.PReLU()\n", "own.yaml"),
    "after": Request(row("1, Act, []"), "own.yaml"),
    "alias": Request(row("1, SEBlock, [64]"), "own.yaml"),
    "unknown": Request(row("1, Comv, [64]"), "own.yaml"),
    "arguments": Request(row("1, Conv, [64, 3, 2, 1, 1]"), "own.yaml"),
    "own": Request(row("1, ECA, [64]"), "own.yaml"),
    "wiring": Request(CONFIG.replace("[0, 2]", "[0, 9]"), "own.yaml"),
    "no nc": Request(CONFIG.replace("nc: 7", "n: 7"), "own.yaml"),
    "no width": Request(CONFIG.replace("width_multiple", "width"), "own.yaml"),
    "no config": Request("backbone: 3", "own.yaml"),
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What a checkout, which must stay as it is, answers to all of them."""
    repo = write_repo(tmp_path_factory.mktemp("repo") / "fork", NOISE + source())
    common = repo / "models/common.py"
    more = "\n\nclass Act(nn.Module):\n    def __new__(cls):\n"
    more += "        return type(Conv.default_act)()\n"
    more += "\n\nclass ECA(nn.Identity):\n"
    more += "    def __init__(self, *, channels):\n        super().__init__()\n"
    common.write_text(common.read_text() + more)
    before = files(repo)
    answers = build_all(repo, list(REQUESTS.values()), dialect="yolov5")
    assert files(repo) == before
    return dict(zip(REQUESTS, answers, strict=True))


def test_the_report_is_of_what_the_checkout_built(answers: Mapping[str, BuildReport]) -> None:
    report = answers["plain"]
    assert [layer.shape for layer in report.layers] == [
        (32, 320, 320),
        (32, 320, 320),
        (64, 160, 160),
        ((7, 320, 320), (7, 160, 160)),
    ]
    assert [layer.number for layer in report.layers] == [1, 2, 1, 1]
    assert [layer.parameters for layer in report.layers] == [
        3 * 9 * 32 + 64,
        0,
        32 * 9 * 64 + 128,
        7 * 33 + 7 * 65,
    ]
    assert report.parameters == sum(layer.parameters for layer in report.layers)
    assert (report.strides, report.imgsz) == ((2.0, 4.0), 640)
    assert report.layers[0].flops == 2 * 3 * 9 * 32 * 320**2


def test_attention_is_known_as_apply_would_make_it(answers: Mapping[str, BuildReport]) -> None:
    own = sum(each.numel() for each in SE(32).parameters())
    assert answers["SE"].layers[1].parameters == own
    assert answers["SE"].parameters - answers["plain"].parameters == own
    ratio = answers["ratio"]
    assert ratio.layers[1].parameters == sum(each.numel() for each in SE(32, 4).parameters())
    assert ratio.layers[1].shape == (32, 16, 16)
    assert [layer.index for layer in ratio.layers if layer.flops is not None] == [1]
    assert answers["two"].layers[3].shape == (64, 160, 160)
    assert answers["two"].layers[3].parameters > 0


def test_classes_and_a_real_run_are_as_asked_for(answers: Mapping[str, BuildReport]) -> None:
    assert answers["nc"].layers[-1].parameters == 3 * 33 + 3 * 65
    assert answers["nc"].flops is None
    assert answers["real"].layers[1].module == "CBAM"


def test_one_configs_activation_is_not_the_next_ones(answers: Mapping[str, BuildReport]) -> None:
    assert isinstance(answers["activation"], BuildReport)
    assert answers["after"].layers[1].parameters == 0  # a PReLU has one


@pytest.mark.parametrize(
    ("case", "kind", "message", "hint"),
    [
        ("alias", UsageError, "SEBlock is another name of SE", "Write SE."),
        ("unknown", BuildError, "the checkout has no module Comv", "Did you mean Conv? "),
        ("arguments", BuildError, "Conv(32, 32, 3, 2, 1, 1) cannot be constructed: ", "So the"),
        (
            "own",
            BuildError,
            "ECA(64) cannot be constructed: ",
            "ECA is the checkout's own class in ",
        ),
        ("wiring", WiringError, "reads 9: there is no layer 9, the last is 3", ""),
        ("no nc", ConfigError, "the key nc is missing", "It must be"),
        (
            "no width",
            BuildError,
            "the checkout cannot build it: KeyError: 'width_multiple'",
            "Does",
        ),
        ("no config", ConfigError, "is not a model config", "Its top-level keys"),
    ],
)
def test_what_cannot_be_built_is_told_and_the_others_are_built(
    answers: Mapping[str, YamlAttnError], case: str, kind: type, message: str, hint: str
) -> None:
    error = answers[case]
    assert isinstance(error, kind)
    assert error.message.startswith(message)
    assert (error.hint or "").startswith(hint)


def test_one_config_is_built_or_raises(tmp_path: Path) -> None:
    repo = write_repo(tmp_path / "fork")
    with pytest.raises(BuildError, match="layer 1: the checkout has no module Comv"):
        build(repo, row("1, Comv, [64]"), "own.yaml", dialect="yolov7")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import os; os._exit(7)", "the checkout's process ended without an answer .exit code 7"),
        ("import time; time.sleep(60)", "the checkout did not build it within 2 seconds"),
    ],
)
def test_a_process_that_dies_or_hangs_is_told(tmp_path: Path, line: str, message: str) -> None:
    repo = write_repo(tmp_path / "fork", f"{line}\n")
    with pytest.raises(BuildError, match=message):
        build(repo, CONFIG, "own.yaml", dialect="yolov5", timeout=2)


@pytest.mark.parametrize(
    ("dialect", "package"),
    [
        ("yolov5", "models"),
        ("yolov3", "models"),
        ("ultralytics", "ultralytics"),
        ("yolov10", "ultralytics"),
    ],
)
def test_the_package_that_reads_a_dialect_is_found(
    tmp_path: Path, dialect: str, package: str
) -> None:
    write_repo(tmp_path)
    write_ultralytics(tmp_path)
    assert package_of(tmp_path, dialect) == package


def test_a_folder_that_is_no_checkout_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no folder\n--repo must be a checkout of YOLOv5"):
        package_of(tmp_path / "none", "yolov5")
    with pytest.raises(UsageError, match=r"is no checkout of a framework\n--repo must be"):
        package_of(tmp_path, "yolov5")
    write_repo(tmp_path)
    with pytest.raises(UsageError, match=r"has a models/yolo.py, but no ultralytics/nn/tasks"):
        build(tmp_path, CONFIG, "own.yaml", dialect="ultralytics")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Builds one config with a checkout in this process, as the other process does."""
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)

    def run(text: str, own: tuple[tuple[str, str], ...] = (), repo: Path = tmp_path) -> BuildReport:
        request = dataclasses.asdict(Request(text, "own.yaml", imgsz=64, own=own))
        report: BuildReport = builder(repo, "yolov5")(**request)
        return report

    yield run
    for name in [name for name in sys.modules if name.split(".")[0] in {"models", "utils"}]:
        del sys.modules[name]


def test_a_parser_of_another_shape_builds_what_needs_none_of_ours(
    tmp_path: Path, here: Callable[..., BuildReport]
) -> None:
    write_repo(
        tmp_path, source().replace("            c2 = ch[f]\n\n", "            c2 = ch[f] + 0\n\n")
    )
    assert here(CONFIG).layers[1].number == 2
    with pytest.raises(ConfigError, match=r"has no parse_model of a shape that is known"):
        here(row("1, SE, [64]"))


def test_a_checkout_that_has_been_applied_is_used_as_it_is(
    tmp_path: Path, here: Callable[..., BuildReport]
) -> None:
    write_repo(tmp_path)
    Checkout(tmp_path).plan(["SE"]).write()
    modules = tmp_path / "models/yaml_attn_modules.py"
    modules.write_text(modules.read_text() + "\nassert __file__ == " + repr(str(modules)))
    assert here(row("1, SE, [64]")).layers[1].parameters > 0
    # Another mechanism would have to be written into that file, which was edited.
    with pytest.raises(OutputError, match="was edited by hand"):
        here(row("1, CBAM, [64]"))
    Checkout(tmp_path).plan(["SE"], force=True).write()
    assert here(row("1, CBAM, [64]")).layers[1].module == "CBAM"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("import no_such_package.x", "the checkout needs no_such_package, which is not installed"),
        ("import models.absent", "the checkout has no models/absent.py, which it imports itself"),
        ("raise SystemExit('too old')", "the checkout cannot be imported: SystemExit: too old"),
        ("import (", "the checkout cannot be imported: SyntaxError: "),
    ],
)
def test_a_checkout_that_cannot_be_imported_says_why(
    tmp_path: Path, here: Callable[..., BuildReport], line: str, message: str
) -> None:
    write_repo(tmp_path, f"{line}\n{source()}")
    with pytest.raises(UsageError, match=message):
        here(CONFIG)


def test_a_package_is_named_as_pip_names_it(
    tmp_path: Path, here: Callable[..., BuildReport]
) -> None:
    write_repo(tmp_path, "raise ModuleNotFoundError(name='cv2')\n")
    with pytest.raises(UsageError, match="pip install opencv-python"):
        here(CONFIG)


def test_a_users_class_is_known_unless_the_checkout_has_one_of_its_name(
    tmp_path: Path, here: Callable[..., BuildReport]
) -> None:
    write_repo(tmp_path)
    own = (("Mine", write_own(tmp_path)),)
    rows = row("1, SE, [64]").replace("  - [[0, 2]", "  - [-1, 1, Mine, [128]]\n  - [[0, 3]")
    assert here(rows, own).layers[3].parameters == parameters(64)
    with pytest.raises(BuildError, match="the checkout has no module Mine") as caught:
        here(rows)
    assert "--own FILE.py:CLASS" in (caught.value.hint or "")
    common = tmp_path / "models/common.py"
    common.write_text(common.read_text() + "\n\nclass Mine(nn.BatchNorm2d): ...\n")
    assert here(row("1, Mine, [32]"), own).layers[1].parameters == 64


def test_a_fork_of_ultralytics_is_built_with_itself(tmp_path: Path) -> None:
    write_ultralytics(tmp_path)
    own = (("Mine", write_own(tmp_path)),)
    (tmp_path / "ultralytics/__init__.py").write_text("__version__ = '8.1.34'\n")
    tasks = tmp_path / "ultralytics/nn/tasks.py"
    model = """
        class DetectionModel(Model):
            def __init__(self, cfg, ch=3, nc=None, verbose=True):
                super().__init__(cfg)

        Conv.default_act = None
    """
    tasks.write_text(tasks.read_text() + textwrap.dedent(model))
    before = files(tmp_path)
    text = row("1, SE, [64]").replace("[[0, 2], 1, Detect, [nc]]", "[[0, 0], 1, Concat, [1]]")
    requests = [Request(text.replace("SE", each), "yolov10n.yaml") for each in ("SE", "XY", "Mine")]
    requests[2] = dataclasses.replace(requests[2], own=own)
    report, error, mine = build_all(tmp_path, requests, dialect="yolov10")
    assert isinstance(report, BuildReport)
    assert report.layers[1].parameters == sum(each.numel() for each in SE(32).parameters())
    assert str(error).startswith("layer 1: the checkout's Ultralytics 8.1.34 has no module XY")
    assert isinstance(mine, BuildReport)
    assert mine.layers[1].parameters == parameters(32)
    assert files(tmp_path) == before
