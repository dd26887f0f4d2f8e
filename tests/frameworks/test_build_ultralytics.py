"""Building with a stand-in for Ultralytics; the real one is built with by test_build_real.py."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import torch
from frameworks.lookalikes import write_ultralytics
from torch import nn

from yaml_attn.building.report import BuildReport
from yaml_attn.errors import BuildError, ConfigError, UsageError
from yaml_attn.frameworks.runtime.build import available, build
from yaml_attn.modules import SE

# What a framework does besides: it prints, logs, warns, keeps an activation, runs its rows.
MODELS = """

    import logging
    import warnings

    import torch

    LOGGER = logging.getLogger("ultralytics")
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(logging.StreamHandler())


    class Detect(nn.Module):
        def __init__(self, nc):
            super().__init__()
            self.bias, self.nl = nn.Parameter(torch.zeros(nc)), 1

        def forward(self, x):
            return {"boxes": x.flatten(2), "nothing": None}


    class Segment(Detect):
        pass


    class RTDETRDecoder(Detect):
        num_denoising = 100

        def forward(self, x):
            if self.training and self.num_denoising:
                raise RuntimeError("no targets")
            return super().forward(x)


    class DetectionModel(Model):
        def __init__(self, cfg, ch=3, nc=None, verbose=True):
            print("building", cfg["yaml_file"])
            LOGGER.error("overriding nc")
            warnings.warn("deprecated")
            if cfg.get("activation"):
                Conv.default_act = nn.ReLU6()
            if cfg.get("scales"):
                depth, width, _ = cfg["scales"][cfg["scale"]]
                cfg = {**cfg, "width_multiple": width}
            assert (nc, None) == (cfg["nc"], cfg["none"])
            cfg["head"][-1][3] = [nc]
            super().__init__(cfg)
            if not isinstance(self.model[-1], RTDETRDecoder):
                self(torch.zeros(1, ch, 64, 64))


    class RTDETRDetectionModel(DetectionModel):
        pass
"""

CONFIG = """\
nc: 7
none: None
scales:
  n: [0.5, 0.25, 1024]
  s: [1.0, 0.5, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 4, nn.Identity, []]
head:
  - [-1, 1, Conv, [128, 3, 2]]
  - [[-1], 1, Concat, [1]]
  - [-1, 1, Detect, [nc]]
"""


@pytest.fixture(autouse=True)
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The stand-in, installed; nothing of it is imported yet."""
    write_ultralytics(tmp_path)
    package = tmp_path / "ultralytics"
    (package / "__init__.py").write_text("__version__ = '8.9.0'\n")
    file = package / "nn/tasks.py"
    more = textwrap.dedent(MODELS).replace(
        "class Detect(", "Conv.default_act = nn.SiLU()\n\n\nclass Detect(", 1
    )
    file.write_text(file.read_text() + more)
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield file
    forget()


def forget() -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == "ultralytics" or name == "yaml_attn.frameworks.ultralytics":
            del sys.modules[name]


def built(text: str = CONFIG, name: str = "yolov8.yaml", **options: object) -> BuildReport:
    return build(text, name, **{"scale": "s", "imgsz": 64, **options})


def test_the_report_is_of_what_the_framework_built() -> None:
    report = built()
    assert [layer.shape for layer in report.layers[:4]] == [
        (32, 32, 32),
        (32, 32, 32),
        (64, 16, 16),
        (64, 16, 16),
    ]
    assert report.layers[4].shape == ((64, 256), ())
    assert [layer.number for layer in report.layers] == [1, 4, 1, 1, 1]
    assert [layer.parameters for layer in report.layers] == [
        3 * 9 * 32 + 64,
        0,
        32 * 9 * 64 + 128,
        0,
        7,
    ]
    assert [layer.flops for layer in report.layers[:3]] == [
        2 * 3 * 9 * 32 * 32**2,
        0,
        2 * 32 * 9 * 64 * 16**2,
    ]


@pytest.mark.parametrize(
    ("name", "scale", "channels"),
    [
        ("yolov8.yaml", None, 16),
        ("yolov8s-se.yaml", None, 32),
        ("yolov8s.yaml", "n", 16),
        ("custom.yaml", "s", 32),
    ],
)
def test_the_scale_is_the_asked_one_or_that_of_the_name_or_the_first(
    name: str, scale: str | None, channels: int
) -> None:
    report = built(name=name, scale=scale)
    assert (report.layers[0].shape[0], report.layers[1].number) == (channels, channels // 8)


def test_the_image_has_the_channels_that_the_config_says() -> None:
    assert built(f"ch: 4\n{CONFIG}").layers[0].parameters == 4 * 9 * 32 + 64


def test_a_scale_that_the_config_has_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"there is no scale x\nThere are n, s."):
        built(scale="x")


def test_attention_gets_the_channels_that_it_reads_and_is_forgotten_again() -> None:
    text = CONFIG.replace("nn.Identity, []", "SE, [64]")
    report, four = built(text), 4 * sum(each.numel() for each in SE(32).parameters())
    assert report.parameters - built().parameters == report.layers[1].parameters == four
    tasks = import_module("ultralytics.nn.tasks")
    assert not hasattr(tasks, "SE")
    assert not [name for name in vars(tasks) if name.startswith("yaml_attn")]
    # What people import to register must still do so.
    import_module("yaml_attn.frameworks.ultralytics")
    assert tasks.SE.__module__ == "yaml_attn.modules.se"
    built(text)
    assert hasattr(tasks, "SE")


class Mine(nn.Module):
    def __init__(self, channels: int, kernel: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.conv(x).sigmoid()


def test_a_class_of_the_users_is_known_while_it_builds() -> None:
    text = CONFIG.replace("4, nn.Identity, []", "1, Mine, [64, 3]")
    assert built(text, own={"Mine": Mine}).layers[1].parameters == 32 * 9 * 32 + 32
    with pytest.raises(BuildError, match=r"layer 1: Ultralytics 8.9.0 has no module Mine"):
        built(text)


def test_nothing_is_printed_and_no_state_is_left(capfd: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    built(CONFIG + "activation: nn.ReLU6()\n")
    assert torch.equal(torch.rand(1), expected)
    assert capfd.readouterr() == ("", "")
    tasks = import_module("ultralytics.nn.tasks")
    assert isinstance(tasks.Conv.default_act, nn.SiLU)
    assert logging.root.manager.disable == 0


def test_the_classes_are_the_configs_or_those_that_were_asked_for() -> None:
    assert (built().layers[-1].parameters, built(nc=3).layers[-1].parameters) == (7, 3)
    with pytest.raises(ConfigError, match=r"the key nc is missing\nIt must be the number"):
        built(CONFIG.replace("nc: 7", ""))
    assert built(CONFIG.replace("nc: 7", ""), nc=2).layers[-1].parameters == 2


def test_the_head_says_which_model_it_is() -> None:
    report = built(CONFIG.replace("Detect, [nc]", "RTDETRDecoder, [nc]"))
    assert report.layers[-1].shape == ((64, 256), ())
    message = "Ultralytics 8.9.0 has no SegmentationModel, which Segment is the head of"
    with pytest.raises(UsageError, match=message) as caught:
        built(CONFIG.replace("Detect, [nc]", "Segment, [nc]"))
    assert caught.value.hint == "Install a newer one: pip install -U ultralytics"


def test_a_real_run_is_one_of_values() -> None:
    assert built(real=True) == built()


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        (
            "import no_such_package.inside",
            "Ultralytics needs no_such_package, which is not installed",
        ),
        ("import cv2_absent as cv2", "Ultralytics needs cv2_absent"),
        (
            "raise ImportError('libGL.so.1: not found')",
            "cannot be imported: ImportError: libGL.so.1",
        ),
        ("1 / 0", "Ultralytics cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_an_installation_that_does_not_work_is_told_in_a_line(
    tasks: Path, first_line: str, message: str
) -> None:
    tasks.write_text(f"{first_line}\n{tasks.read_text()}")
    with pytest.raises(UsageError, match=message):
        built()


def test_whether_it_is_there_is_found_without_importing_it() -> None:
    assert available()
    assert "ultralytics" not in sys.modules


def test_neither_builder_needs_torch_before_it_builds() -> None:
    names = ("runtime.build", "checkout.build")
    imports = "; ".join(f"import yaml_attn.frameworks.{name}" for name in names)
    code = f"import sys; {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
