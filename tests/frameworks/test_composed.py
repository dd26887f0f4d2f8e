"""Attention inside a framework's own blocks, in stand-ins; the real ones: test_composed_real.py."""

from __future__ import annotations

import copy
import inspect
import io
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from configs import SMALL
from frameworks.lookalikes import parser_source, write_checkout, write_ultralytics
from torch import nn

from yaml_attn.blocks.csp import C3
from yaml_attn.document.document import Document
from yaml_attn.errors import BuildError, UsageError
from yaml_attn.frameworks.checkout import hosting
from yaml_attn.frameworks.checkout.module_globals import home_of
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.frameworks.export.single_file import bundled, read_head
from yaml_attn.mechanisms.custom import OwnMechanism
from yaml_attn.modules.attentive import (
    AttentiveBlock,
    AttentiveBottleneck,
    AttentiveRow,
    put_inside,
)
from yaml_attn.modules.se import SE
from yaml_attn.weights.checkpoint import read_checkpoint

BLOCKS = """

    class Bottleneck(nn.Module):
        def __init__(self, c1, c2, shortcut=True, e=0.5):
            super().__init__()
            self.cv1, self.cv2 = Conv(c1, int(c2 * e)), Conv(int(c2 * e), c2, 3)
            self.add = shortcut and c1 == c2

        def forward(self, x):
            return x + self.cv2(self.cv1(x)) if self.add else self.cv2(self.cv1(x))


    class C3(nn.Module):
        def __init__(self, c1, c2, n=1, shortcut=True, e=0.5):
            super().__init__()
            c = int(c2 * e)
            self.cv1, self.cv2, self.cv3 = Conv(c1, c), Conv(c1, c), Conv(2 * c, c2)
            self.m = nn.Sequential(*(Bottleneck(c, c, shortcut, 1.0) for _ in range(n)))

        def forward(self, x):
            return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))
"""

C3K2 = """

    class C3k2(C3):
        def __init__(self, c1, c2, n=1, c3k=False, e=0.5, shortcut=True):
            super().__init__(c1, c2, n, shortcut, e)
            if c3k:
                self.m = nn.Sequential(*(C3(int(c2 * e), int(c2 * e), 2) for _ in range(n)))
"""

# A block of another kind than its name says, and one that the parser would not be fooled about.
ODD = """

    class C3x(nn.Module):
        def __init__(self, c1, c2):
            super().__init__()
            self.conv = Conv(c1, c2)
"""

REPEATED = (
    "args = [c1, c2, *args[1:]]\n",
    """\
args = [c1, c2, *args[1:]]
            if m in {C3, C3k2}:
                args.insert(2, n)
                n = 1
""",
)
FORCED = """\
n = 1
            if m is C3k2:
                PSA.legacy = False
                args[3:4] = [True]
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A stand-in for `ultralytics.nn.tasks` with blocks, where the mechanisms are registered."""
    forget()
    write_ultralytics(tmp_path)
    blocks, file = (tmp_path / "ultralytics/nn" / name for name in ("blocks.py", "tasks.py"))
    blocks.write_text(blocks.read_text() + textwrap.dedent(BLOCKS + C3K2 + ODD))
    parser = file.read_text().replace("Conv, PSA}", "Conv, PSA, Bottleneck, C3, C3k2, C3x}")
    parser = parser.replace(
        "import Concat, Conv,", "import Bottleneck, C3, C3k2, C3x, Concat, Conv,"
    )
    parser = parser.replace(*REPEATED)
    parser = parser.replace("n = 1\n", FORCED, 1)
    file.write_text(parser)
    monkeypatch.syspath_prepend(tmp_path)
    import_module("yaml_attn.frameworks.ultralytics")
    yield import_module("ultralytics.nn.tasks")
    forget()


def forget() -> None:
    for name in list(sys.modules):
        if name.split(".")[0] == "ultralytics" or name == "yaml_attn.frameworks.ultralytics":
            del sys.modules[name]


def config(*rows: list[Any], width: float = 0.5) -> dict[str, Any]:
    backbone = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]]]
    return {"width_multiple": width, "backbone": backbone, "head": [*rows]}


def gates(module: nn.Module) -> dict[str, int]:
    return {
        name: each.fc1.in_channels for name, each in module.named_modules() if isinstance(each, SE)
    }


def parameters(module: nn.Module) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize("width", [0.25, 0.5, 1.0])
def test_each_bottleneck_has_attention_of_its_own_channels(tasks: ModuleType, width: float) -> None:
    row = [-1, 3, "C3SE", [256, True]]
    model = tasks.Model(config(row, width=width))
    layer = model.model[2]
    assert type(layer) is tasks.C3
    hidden = int(128 * width)
    assert gates(layer) == {f"m.{at}.attn": hidden for at in range(3)}
    assert (layer.i, layer.f, layer.np) == (2, -1, parameters(layer))
    assert layer.type == "ultralytics.nn.blocks.C3[SE]"
    assert model.yaml["head"] == [row]
    assert model(torch.zeros(1, 3, 32, 32)).shape[1] == 256 * width


def test_what_the_parser_does_for_a_block_it_does_here(tasks: ModuleType) -> None:
    model = tasks.Model(config([-1, 1, "C3k2SE", [64, False]]))
    assert gates(model.model[2]) == {"m.0.m.0.attn": 8, "m.0.m.1.attn": 8}
    assert tasks.PSA.legacy is False


def test_a_block_that_is_a_bottleneck_is_repeated_around(tasks: ModuleType) -> None:
    model = tasks.Model(config([-1, 2, "BottleneckSE", [128]], [-1, 1, "BottleneckSE", [64]]))
    twice, once = model.model[2:]
    assert [type(each) for each in (*twice, once)] == [AttentiveBottleneck] * 3
    assert gates(twice) == {"0.attn": 64, "1.attn": 64}
    assert (once.i, once.np, once.add) == (3, parameters(once), False)
    assert [each.type.rpartition(".")[2] for each in (twice, once)] == ["Bottleneck[SE]"] * 2
    assert model(torch.zeros(1, 3, 32, 32)).shape[1] == 32


@pytest.mark.parametrize(("name", "found"), [("C3SE", "C3[SE]"), ("C3ThenSE", "C3+SE")])
def test_weights_of_the_plain_block_fit_and_the_identity_changes_nothing(
    tasks: ModuleType, name: str, found: str
) -> None:
    own = [256, True, 0.5, 16, "False", True]  # the block's, then SE's
    plain = tasks.Model(config([-1, 2, "C3", [256]])).eval()
    model = tasks.Model(config([-1, 2, name, own])).eval()
    assert model.model[2].type.rpartition(".")[2] == found
    missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
    assert (bool(missing), unexpected) == (True, [])
    assert all("attn" in key.split(".") for key in missing)
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(model(x), plain(x))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    for other in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        assert torch.equal(other(x), plain(x))
        assert gates(other) == gates(model)


def test_a_checkpoint_is_read_without_running_anything_of_it(
    tasks: ModuleType, tmp_path: Path
) -> None:
    model = tasks.Model(config([-1, 2, "C3SE", [256]], [-1, 2, "C3ThenSE", [256]]))
    torch.save({"model": model}, tmp_path / "best.pt")
    read = read_checkpoint(tmp_path / "best.pt")
    assert set(read.state) == set(model.state_dict())


def test_behind_a_block_it_stays_when_the_blocks_forward_is_exchanged(tasks: ModuleType) -> None:
    layer = tasks.Model(config([-1, 2, "C3ThenSE", [256]])).model[2].eval()
    assert type(layer) is AttentiveBlock
    assert gates(layer) == {"attn": 128}
    for module in layer.modules():  # as an exporter does
        if isinstance(module, tasks.C3):
            module.forward = lambda x: x
    assert torch.any(layer(torch.rand(1, 64, 8, 8)))


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ("C2fSE", r"is C2f\[SE\], and this version of Ultralytics has no C2f", ""),
        ("C3[SE]", "is how the command line spells it", "Here it is C3SE."),
        ("C3ShuffleAttention", "9 is not a multiple of 2", "Behind the block's own arguments"),
        ("C3xSE", "C3x has no bottleneck", ""),
    ],
)
def test_what_cannot_be_is_told_with_its_row(
    tasks: ModuleType, row: str, message: str, hint: str
) -> None:
    args = [128, True, 0.15] if "Shuffle" in row else [128]
    with pytest.raises(BuildError, match=message) as caught:
        tasks.Model(config([-1, 1, row, args]))
    assert caught.value.layer == 2
    assert hint in (caught.value.hint or "")


def test_a_framework_that_has_a_block_of_that_name_keeps_it(tasks: ModuleType) -> None:
    tasks.C3SE = tasks.PSA  # type: ignore[attr-defined]
    assert type(tasks.Model(config([-1, 1, "C3SE", [64]])).model[2]) is tasks.PSA


def test_a_bottleneck_of_another_form_is_refused() -> None:
    class Bottleneck(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cv1, self.cv2, self.cv3 = (nn.Identity() for _ in range(3))

    with pytest.raises(ValueError, match="cv1, cv2, cv3, and not of cv1, cv2"):
        put_inside(nn.Sequential(Bottleneck()), SE)


def checkout(root: Path, common: str = "", parser: tuple[str, str] = ("", "")) -> Checkout:
    source = parser_source().replace("m in [Conv]:", "m in [Conv, Bottleneck, C3]:")
    source = source.replace(*REPEATED).replace("C3, C3k2}", "C3}").replace(*parser)
    return Checkout(write_checkout(root, parser=source.encode(), common=BLOCKS + common))


RUN = """
import copy, io, sys
import torch
from models.common import C3, Bottleneck
from models.yolo import Model
import models.yaml_attn_modules as ours

rows = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]]]
head = [[-1, 2, "C3SE", [128, True, 0.5, 4]], [-1, 1, "C3", [128]], [-1, 2, "BottleneckSE", [128]],
        [-1, 2, "C3ThenSE", [64]], [-1, 1, "SE", [64]]]
names = [row[2] for row in head]

def make(names):
    real = [[f, n, name, args if name == each else args[:1]]
            for (f, n, each, args), name in zip(head, names)]
    return Model({"width_multiple": 0.5, "backbone": rows, "head": real}).eval()

model = make(names)
inside, plain, twice, behind, alone = model.model[2:]
assert [type(inside), type(plain), type(behind).__name__] == [C3, C3, "AttentiveBlock"]
assert [each.attn.fc1.out_channels for each in inside.m] == [8, 8], inside
assert [each.attn.fc1.in_channels for each in (*inside.m, *twice, behind)] == [32, 32, 64, 64, 32]
assert inside.type == "models.yaml_attn_modules.C3SE"
assert inside.np == sum(each.numel() for each in inside.parameters())
assert not any("attn" in name for name, _ in plain.named_modules())

assert ours.C3SE == C3 and C3 == ours.C3SE and ours.C3SE in {C3} and ours.C3SE in [Bottleneck, C3]
assert ours.C3SE != ours.C3ThenSE and ours.C3SE != Bottleneck and ours.C3SE not in (ours.SE, int)
assert issubclass(ours.C3SE, C3)

x = torch.rand(1, 3, 32, 32)
file = io.BytesIO()
torch.save(model, file)
file.seek(0)
for other in (copy.deepcopy(model), torch.load(file, weights_only=False)):
    assert torch.equal(other(x), model(x))
plain = make(["C3", "C3", "Bottleneck", "C3", "SE"])
missing, unexpected = model.load_state_dict(plain.state_dict(), strict=False)
assert not unexpected and missing and all(".attn." in key for key in missing), (missing, unexpected)
sys.exit("yaml_attn" in sys.modules)
"""


def test_a_checkout_builds_its_own_blocks_with_attention(tmp_path: Path) -> None:
    names = ["C3[SE]", "Bottleneck_SE", "C3+SE", "SE"]
    plan = checkout(tmp_path).plan(names)
    assert plan.mechanisms == ("SE", "BottleneckSE", "C3SE", "C3ThenSE")
    plan.write()
    command = [sys.executable, "-W", "error", "-c", RUN]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 0, result.stderr


def test_a_mechanism_that_only_a_block_needs_hides_no_name_of_the_checkouts(tmp_path: Path) -> None:
    own = "\n\n    class SE(nn.Module):\n        pass\n"
    plan = checkout(tmp_path, own).plan(["C3SE"])
    assert plan.mechanisms == ("C3SE",)
    text = (plan.changes[0].after or b"").decode()
    assert '__all__ = [\n    "C3SE",\n    "YAML_ATTN_MODULES",\n]' in text
    head = read_head(text)
    assert head
    assert (head.mechanisms, head.unchanged) == (("C3SE",), True)
    assert text.startswith("# Attention modules for the rows of YOLO configs. Needs PyTorch and ")


def test_doing_it_again_keeps_them_and_undo_takes_them_out(tmp_path: Path) -> None:
    repo = checkout(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.py")}
    repo.plan(["C3SE"]).write()
    assert repo.plan(["C3[SE]"]).changes == repo.plan().changes == ()
    repo.plan(["SE"]).write()
    assert repo.plan().mechanisms == ("SE", "C3SE")
    repo.plan_undo().write()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.py")} == before


def test_a_config_brings_its_blocks(tmp_path: Path) -> None:
    repo, file = checkout(tmp_path / "repo"), tmp_path / "small.yaml"
    file.write_text(SMALL.replace("C3,", "C3SE,"))
    document = Document.load(file)
    assert repo.lacking(document) == ("C3SE",)
    repo.plan((), document).write()
    assert repo.lacking(document) == ()
    file.write_text(SMALL.replace("C3,", "C3_SE,"))
    with pytest.raises(UsageError, match="C3_SE is another name of C3SE") as caught:
        repo.plan((), Document.load(file))
    assert caught.value.hint == "Write C3SE."


@pytest.mark.parametrize(
    ("common", "parser", "message"),
    [
        ("", ("if m in {C3}", "if m is C3"), r"does not ask `m in {C3, ...}` in parse_model"),
        ("", ("C3", "nn.Conv2d"), r"does not ask `m in {C3, ...}` in parse_model"),
        ("    class C3SE(C3):\n        pass\n", ("", ""), "C3SE is the checkout's own"),
        (
            "",
            ("def parse_model", "class C3(nn.Module):\n    pass\n\n\ndef parse_model"),
            "needs C3",
        ),
        ("    del C3\n", ("import *", "import Concat, Conv"), "has no C3"),
    ],
)
def test_where_a_block_cannot_be_taken_for_another_nothing_is_written(
    tmp_path: Path, common: str, parser: tuple[str, str], message: str
) -> None:
    repo = checkout(tmp_path, common, parser)
    with pytest.raises(UsageError, match=message):
        repo.plan(["C3SE"])
    assert not repo.modules.exists()


def test_a_class_is_found_through_imports(tmp_path: Path) -> None:
    files = {
        "models/yolo.py": "from models.a import *\nfrom models.b import X as Y, Z\nC = 1\n",
        "models/a.py": "from .b import *\nclass A: pass\n",
        "models/b.py": "from models.a import *\nclass X: pass\nif 1:\n    class B: pass\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {name: home_of(name, tmp_path / "models/yolo.py", tmp_path) for name in "ABCYZ"}
    stems = {name: path and path.stem for name, path in found.items()}
    assert stems == {"A": "a", "B": "b", "C": "yolo", "Y": "b", "Z": None}


def test_a_file_of_ones_own_cannot_have_a_frameworks_block() -> None:
    with pytest.raises(UsageError, match="C3SE is C3") as caught:
        bundled(["C3SE"])
    assert "apply --module C3SE" in (caught.value.hint or "")


def test_our_classes_call_no_ones_attributes_but_the_blocks() -> None:
    # What frameworks set on a row's layer stays theirs.
    for cls in (AttentiveBlock, AttentiveBottleneck):
        assert not {"i", "f", "type", "np"} & {*vars(cls), *inspect.signature(cls).parameters}


def test_a_row_class_equals_its_block_and_builds_it_with_attention() -> None:
    inside = AttentiveRow("C3SE", (C3,), {"attention": SE})
    behind = AttentiveRow("C3ThenSE", (C3,), {"attention": SE, "behind": True})
    for each in (inside, behind):
        assert each in {C3, nn.Conv2d}
        assert each in [nn.Conv2d, C3]
        assert each not in {nn.Conv2d, SE}
    assert inside != behind
    layer = inside(16, 32, 2, True, 1, 0.5, 4)
    assert type(layer) is C3
    assert [each.attn.fc1.out_channels for each in layer.m] == [8, 8]  # type: ignore[union-attr]
    assert behind(16, 32).kind is C3


def test_a_packages_own_mechanism_is_not_written_into_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "find", lambda _: OwnMechanism("SE", "package:SE", "package"))
    with pytest.raises(UsageError, match=r"C3SE is C3\[SE\], and SE is not one of ours"):
        checkout(tmp_path).plan(["C3SE"])
