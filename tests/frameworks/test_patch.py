"""Making mechanisms known to a stand-in checkout; the real ones are run by the `_real` tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from configs import SMALL
from frameworks.lookalikes import parser_source, write_checkout
from own_class import OWN, parameters, write_own

from yaml_attn.document.document import Document
from yaml_attn.errors import OutputError, UsageError
from yaml_attn.frameworks.checkout.module_globals import names_in_scope
from yaml_attn.frameworks.checkout.parse_model import UnrecognisedError
from yaml_attn.frameworks.checkout.patch import Checkout
from yaml_attn.mechanisms.custom import OwnMechanism, load_own
from yaml_attn.mechanisms.registry import MECHANISMS

BUILD = """
import json, sys
import torch
from models.yolo import Model
rows = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]]]
head = [[-1, 1, "SE", [128, 4]], [0, 1, "CBAM", [64]], [-1, 1, "SimAM", []], [-1, 2, "SE", ["c2"]]]
model = Model({"width_multiple": 0.5, "backbone": rows, "head": head})
assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 32, 16, 16)
print(json.dumps([[each.type, each.np] for each in model.model[2:5]]))
assert model.model[5][1].fc1.in_channels == 32
sys.exit("yaml_attn" in sys.modules)
"""


BUILD_TWO = """
import sys
import torch
from models.yolo import Model
rows = [[-1, 1, "Conv", [64, 3, 2]], [-1, 1, "Conv", [128, 3, 2]]]
for name in sys.argv[1:]:
    head = [[[-1, 0], 1, name, [128, 64]], [-1, 1, "Conv", [32]]]
    model = Model({"width_multiple": 0.5, "backbone": rows, "head": head}).eval()
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 16, 8, 8), name
    assert model.model[3].conv.in_channels == 64, name
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return write_checkout(tmp_path / "repo")


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def config(folder: Path, text: str = SMALL, name: str = "small.yaml") -> Document:
    path = folder / name
    path.write_text(text)
    return Document.load(path)


def test_rows_build_with_the_channels_that_they_really_read(repo: Path) -> None:
    Checkout(repo).plan(["SE", "CBAM", "SimAM"]).write()
    command = [sys.executable, "-c", BUILD]
    result = subprocess.run(command, capture_output=True, text=True, cwd=repo, check=False)
    assert result.returncode == 0, result.stderr
    types = [each.rpartition(".") for each, _ in json.loads(result.stdout)]
    assert {module for module, *_ in types} == {"models.yaml_attn_modules"}
    parameters = [count for _, count in json.loads(result.stdout)]
    se, cbam = (MECHANISMS[name].load() for name in ("SE", "CBAM"))
    expected = [sum(p.numel() for p in each.parameters()) for each in (se(64, 4), cbam(32))]
    assert parameters == [*expected, 0]


def test_rows_that_read_two_layers_build_with_the_channels_of_both(repo: Path) -> None:
    names = [name for name, each in MECHANISMS.items() if each.inputs == 2]
    Checkout(repo).plan(names).write()
    command = [sys.executable, "-c", BUILD_TWO, *names]
    result = subprocess.run(command, capture_output=True, text=True, cwd=repo, check=False)
    assert (result.returncode, bool(names)) == (0, True), result.stderr


def test_undo_gives_every_byte_back(repo: Path) -> None:
    crlf = parser_source().replace("\n", "\r\n").encode()
    (repo / "models/yolo.py").write_bytes(crlf)
    before = files(repo)
    Checkout(repo).plan(["SE"]).write()
    changed = {name for name, data in files(repo).items() if before.get(name) != data}
    assert changed == {"models/yolo.py", "models/yaml_attn_modules.py"}
    Checkout(repo).plan_undo().write()
    assert files(repo) == before
    assert Checkout(repo).plan_undo().changes == ()


def test_doing_it_again_changes_nothing_and_adds_what_is_new(repo: Path) -> None:
    Checkout(repo).plan(["SE"]).write()
    assert Checkout(repo).plan(["SE"]).changes == ()
    assert Checkout(repo).plan().changes == ()
    more = Checkout(repo).plan(["ECA"])
    assert [each.path.name for each in more.changes] == ["yaml_attn_modules.py"]
    assert more.mechanisms == ("SE", "ECA")


def test_without_names_all_mechanisms_become_known(repo: Path) -> None:
    assert Checkout(repo).plan().mechanisms == tuple(MECHANISMS)


def test_line_ends_that_git_changed_are_no_change(repo: Path) -> None:
    Checkout(repo).plan(["SE"]).write()
    for name in ("yolo.py", "yaml_attn_modules.py"):
        path = repo / "models" / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Checkout(repo).plan(["SE"]).changes == ()


def test_a_file_of_an_older_version_is_written_again(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr("yaml_attn.frameworks.export.single_file.__version__", "0.0.1")
        Checkout(repo).plan(["SE"]).write()
    plan = Checkout(repo).plan()
    assert [each.path.name for each in plan.changes] == ["yaml_attn_modules.py"]
    assert plan.mechanisms == ("SE",)


def test_edits_by_hand_are_not_lost_without_force(repo: Path) -> None:
    Checkout(repo).plan(["SE"]).write()
    path = repo / "models/yaml_attn_modules.py"
    path.write_text(path.read_text() + "# mine\n")
    for plan in (Checkout(repo).plan, Checkout(repo).plan_undo):
        with pytest.raises(OutputError, match="was edited by hand"):
            plan()
    assert Checkout(repo).plan(force=True).changes
    path.write_text("# all mine\n")
    with pytest.raises(OutputError, match="is not a file of yaml-attn"):
        Checkout(repo).plan_undo(force=True)


def test_a_name_that_the_fork_has_itself_is_left_alone(tmp_path: Path) -> None:
    own = "class SE(nn.Module):\n    pass\n\n\nif True:\n    ECA = CBAM = SE\n"
    repo = write_checkout(tmp_path / "repo", common=own)
    plan = Checkout(repo).plan()
    assert not {"SE", "ECA"} & set(plan.mechanisms)
    assert plan.left_out["SE"].startswith("models/common.py:")
    with pytest.raises(UsageError, match=r"SE is the checkout's own in models/common.py:\d+"):
        Checkout(repo).plan(["SE"])


def test_names_are_found_through_imports_without_running_anything(tmp_path: Path) -> None:
    repo = write_checkout(tmp_path / "repo", common="raise SystemExit\nfrom .more import *\n")
    (repo / "models/more.py").write_text(
        "try:\n    import a.b\nexcept E:\n    from x import y as z\n"
    )
    found = names_in_scope(repo / "models/yolo.py", repo)
    assert found["Conv"].startswith("models/common.py:")
    assert found["z"] == "models/more.py:4"
    assert {"a", "Sum", "nn", "parse_model", "Model", "deepcopy"} <= set(found)
    (repo / "models/more.py").write_text("def (\n")
    assert "z" not in names_in_scope(repo / "models/yolo.py", repo)


def test_a_config_brings_its_mechanisms_and_goes_where_the_others_are(
    repo: Path, tmp_path: Path
) -> None:
    document = config(tmp_path, SMALL.replace("[-1, 1, Conv,", "[-1, 1, SE,", 1))
    plan = Checkout(repo).plan((), document)
    assert plan.mechanisms == ("SE",)
    plan.write()
    assert (repo / "models/small.yaml").read_bytes() == document.data
    assert Checkout(repo).plan((), document).changes == ()
    inside = Document.load(repo / "models/small.yaml")
    assert Checkout(repo).plan((), inside).changes == ()


def test_another_config_of_this_name_is_not_replaced_without_force(
    repo: Path, tmp_path: Path
) -> None:
    document = config(tmp_path, name="own.yaml")
    before = files(repo)
    with pytest.raises(OutputError, match="exists already, and is another"):
        Checkout(repo).plan(["SE"], document)
    assert files(repo) == before
    Checkout(repo).plan(["SE"], document, force=True).write()
    assert (repo / "models/own.yaml").read_bytes() == document.data


def test_a_config_with_an_alias_says_which_name_to_write(repo: Path, tmp_path: Path) -> None:
    text = SMALL.replace("[-1, 1, Conv,", "[-1, 1, SELayer,", 1)
    with pytest.raises(UsageError, match="SELayer is another name of SE") as caught:
        Checkout(repo).plan((), config(tmp_path, text))
    assert caught.value.hint == "Write SE."
    assert caught.value.line


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--repo must be a checkout"):
        Checkout(tmp_path).plan(["SE"])


def test_a_parser_of_another_shape_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    source = parser_source().replace("parse_model", "parse").encode()
    repo = write_checkout(tmp_path / "repo", parser=source)
    before = files(repo)
    with pytest.raises(UnrecognisedError, match=r"yolo\.py: has no parse_model"):
        Checkout(repo).plan(["SE"])
    assert files(repo) == before


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "C3, [16]",
            "Mine, [16]",
            r"layer 2: names Mine, which neither",
            "as one of YOLOv5; .*--own",
        ),
        ("C3, [16]", "MP, [16]", r"layer 2: names MP, which neither", "as one of YOLOv7;"),
        ("width_multiple: 1.0", "", "has no width_multiple, which .* from every", "of YOLOv5;"),
        ("anchors: [[", "scales: [[", "has no anchors, which", "of Ultralytics: `yaml-attn yolo "),
    ],
)
def test_a_config_that_cannot_be_built_here_is_refused(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    reads = 'na = d["anchors"]\n    act = d["act"] if "act" in d else None\n    gw = d'
    source = parser_source().replace("gw = d", reads)
    repo = write_checkout(tmp_path / "repo", parser=source.encode())
    before = files(repo)
    with pytest.raises(UsageError, match=message) as caught:
        Checkout(repo).plan(["SE"], config(tmp_path, SMALL.replace(old, new, 1)))
    assert re.search(hint, caught.value.hint or "")
    assert files(repo) == before


def test_a_block_that_our_file_imports_stays_the_checkouts(tmp_path: Path) -> None:
    parser = parser_source().replace("m in [Conv]", "m in [Conv, C3]").encode()
    repo = write_checkout(tmp_path / "repo", parser=parser)
    Checkout(repo).plan(["C3SE"]).write()
    assert "import C3\n" in (repo / "models/yaml_attn_modules.py").read_text()
    assert Checkout(repo).plan((), config(tmp_path)).mechanisms == ("C3SE",)


def test_a_config_that_the_fork_builds_with_a_class_of_its_own_is_copied_alone(
    tmp_path: Path,
) -> None:
    repo = write_checkout(tmp_path / "repo", common="class SE(nn.Module):\n    pass\n")
    document = config(tmp_path, SMALL.replace("C3, [16]", "SE, [16]", 1))
    plan = Checkout(repo).plan((), document)
    assert ([each.path.name for each in plan.changes], plan.mechanisms) == (["small.yaml"], ())
    assert plan.left_out["SE"].startswith("models/common.py:")


@pytest.mark.parametrize("file", ["ultralytics/nn/tasks.py", "nn/tasks.py"])
def test_ultralytics_needs_no_file(tmp_path: Path, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    with pytest.raises(UsageError, match="is Ultralytics, which needs no file") as caught:
        Checkout(tmp_path).plan(["SE"])
    assert "`yaml-attn yolo train model=FILE`" in (caught.value.hint or "")


# --- a class of the user's


def mine(folder: Path, text: str = OWN) -> list[OwnMechanism]:
    return [load_own(write_own(folder, text=text))]


def test_a_users_class_is_built_by_its_rows_with_the_channels_that_they_read(
    repo: Path, tmp_path: Path
) -> None:
    plan = Checkout(repo).plan(["SE", "SimAM"], own=mine(tmp_path))
    assert plan.mechanisms == ("SE", "SimAM", "Mine")
    plan.write()
    build = BUILD.replace('"CBAM", [64]]', '"Mine", [64, 2.0]]')
    result = subprocess.run(
        [sys.executable, "-c", build], capture_output=True, text=True, cwd=repo, check=False
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)[1] == ["models.yaml_attn_modules.Mine", parameters(32)]


def test_it_stays_as_it_was_written_until_it_is_given_again(repo: Path, tmp_path: Path) -> None:
    before = files(repo)
    Checkout(repo).plan(own=mine(tmp_path)).write()
    assert Checkout(repo).plan(own=mine(tmp_path)).changes == ()
    newer = mine(tmp_path, OWN.replace("= 1.0", "= 2.0"))
    for names in ([], ["ECA"], ["SE"]):
        Checkout(repo).plan(names).write()
        assert "scale: float = 1.0" in (repo / "models/yaml_attn_modules.py").read_text()
    plan = Checkout(repo).plan(own=newer)
    assert plan.mechanisms == ("SE", "ECA", "Mine")
    plan.write()
    assert "scale: float = 2.0" in (repo / "models/yaml_attn_modules.py").read_text()
    undo = Checkout(repo).plan_undo()
    assert set(undo.mechanisms) == {"SE", "ECA", "Mine"}
    undo.write()
    assert files(repo) == before


def test_a_class_that_the_fork_has_itself_is_refused(tmp_path: Path) -> None:
    repo = write_checkout(tmp_path / "repo", common="class Mine(nn.Module):\n    pass\n")
    with pytest.raises(UsageError, match=r"Mine is the checkout's own in models/common.py:\d+"):
        Checkout(repo).plan(own=mine(tmp_path))


def test_a_class_whose_file_needs_more_than_torch_is_refused(repo: Path, tmp_path: Path) -> None:
    own = mine(tmp_path, "import yaml\n" + OWN)
    with pytest.raises(UsageError, match="imports yaml; the file to write needs PyTorch") as caught:
        Checkout(repo).plan(own=own)
    assert "into mine.py itself" in (caught.value.hint or "")
    assert not (repo / "models/yaml_attn_modules.py").exists()
