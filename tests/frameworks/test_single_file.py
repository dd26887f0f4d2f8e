"""The file that `export` writes is our source, needs torch alone, and computes the same."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from yaml_attn.errors import UnknownModuleError, UsageError
from yaml_attn.frameworks.export import single_file as subject
from yaml_attn.frameworks.export.definitions import PARTS, read_source
from yaml_attn.frameworks.export.single_file import TABLE, bundled, read_head, standalone
from yaml_attn.mechanisms.custom import OwnMechanism
from yaml_attn.mechanisms.registry import MECHANISMS, Mechanism

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, *_):
        if name == "yaml_attn":
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Blocked())
"""

RUN = """
import importlib.util, sys, torch
try:
    import yaml_attn
except ImportError:
    pass
else:
    sys.exit("yaml_attn can be imported here")
spec = importlib.util.spec_from_file_location("attention", sys.argv[1])
attention = importlib.util.module_from_spec(spec)
sys.modules["attention"] = attention
spec.loader.exec_module(attention)
saved = torch.load(sys.argv[2])
found = {}
for name, (arguments, state, inputs, _) in saved.items():
    layer = getattr(attention, name)(*arguments)
    layer.load_state_dict(state)
    with torch.no_grad():
        found[name] = layer.eval()(inputs if len(inputs) > 1 else inputs[0])
torch.save(found, sys.argv[3])
print(*(each.__name__ for each in attention.YAML_ATTN_MODULES))
print(*attention.__all__)
"""


def layer_and_inputs(mechanism: Mechanism) -> tuple[list[int], torch.nn.Module, list[torch.Tensor]]:
    torch.manual_seed(0)
    channels = [32, 24][: mechanism.inputs]
    layer = mechanism.load()(*channels)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return channels, layer.eval(), [torch.randn(2, each, 9, 8) for each in channels]


def test_all_mechanisms_compute_the_same_where_yaml_attn_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "attention.py").write_text(standalone(tuple(MECHANISMS.values())))
    saved = {}
    for name, mechanism in MECHANISMS.items():
        channels, layer, inputs = layer_and_inputs(mechanism)
        with torch.no_grad():
            expected = layer(inputs if len(inputs) > 1 else inputs[0])
        saved[name] = (channels, layer.state_dict(), inputs, expected)
    torch.save(saved, tmp_path / "ours.pt")
    files = [tmp_path / name for name in ("attention.py", "ours.pt", "theirs.pt")]
    code = BLOCK + RUN
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    table, public = result.stdout.splitlines()
    assert table.split() == list(MECHANISMS)
    assert public.split() == sorted([*MECHANISMS, TABLE])
    found = torch.load(files[2])
    for name, (*_, expected) in saved.items():
        assert torch.equal(found[name], expected), name


@pytest.mark.parametrize("name", MECHANISMS)
def test_one_mechanism_stands_alone_with_what_it_needs_and_nothing_else(name: str) -> None:
    text = standalone(bundled([name]))
    tree = ast.parse(text)
    compile(text, "attention.py", "exec")
    defined = {
        each.name if isinstance(each, ast.ClassDef | ast.FunctionDef) else each.targets[0].id  # type: ignore[attr-defined]
        for each in tree.body
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.Assign)
    } - {"__all__", TABLE}
    imported = {
        alias.asname or alias.name
        for each in tree.body
        if isinstance(each, ast.Import | ast.ImportFrom)
        for alias in each.names
    } - {"annotations"}
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert defined | imported <= used
    free = used - defined - imported - local_names(tree) - set(dir(__builtins__)) - {"super"}
    free -= set(vars(__import__("builtins"))) | {TABLE, "__all__"}
    assert free == set()
    assert "yaml_attn" not in "".join(ast.unparse(each) for each in imports(tree))


def imports(tree: ast.Module) -> list[ast.stmt]:
    return [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]


def local_names(tree: ast.Module) -> set[str]:
    stored = {
        each.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    return stored | {each.arg for each in ast.walk(tree) if isinstance(each, ast.arg)}


def test_comments_docstrings_and_the_papers_come_along() -> None:
    text = standalone(bundled(["CBAM"]))
    source = "\n".join(read_source("cbam").lines)
    for kept in re.findall(r"^class CBAM.*?(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL):
        assert kept.strip() in text
    assert "# Paper: CBAM, Woo, Park, Lee, Kweon, ECCV 2018, arXiv 1807.06521 (eq. 1-3)." in text
    assert "# Not the convolution before a norm" in text
    assert "def laid_out_as" not in text  # a part that CBAM does without


def test_the_same_names_give_the_same_bytes_in_any_order_and_spelling() -> None:
    assert standalone(bundled(["CBAM", "SE"])) == standalone(bundled(["se_layer", "cbam", "SE"]))


def test_the_name_that_two_files_define_is_renamed_in_every_selection() -> None:
    both = standalone(bundled(["SOCA", "NAM"]))
    assert "EPSILON_SOCA = 1e-5" in both
    assert "EPSILON_NAM = 1e-6" in both
    for name in ("SOCA", "NAM"):
        assert not re.search(r"\bEPSILON\b", standalone(bundled([name])))


def test_the_head_says_what_is_in_the_file_and_whether_it_was_edited() -> None:
    text = standalone(bundled(["SE", "CBAM"]))
    assert read_head(text) == subject.Written(("SE", "CBAM"), unchanged=True)
    edited = text.replace("ratio: int = 16", "ratio: int = 8", 1)
    assert read_head(edited) == subject.Written(("SE", "CBAM"), unchanged=False)
    assert read_head("import torch\n") is None


def test_only_bundled_mechanisms_can_be_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownModuleError, match="is called SEE"):
        bundled(["SEE"])
    other = OwnMechanism("Mine", "package:Mine", "package")
    monkeypatch.setattr(subject, "find", lambda _: other)
    with pytest.raises(UsageError, match="Mine is a class of package"):
        bundled(["Mine"])


def test_every_file_of_mechanisms_can_be_read_into_definitions() -> None:
    for file in {PARTS, *(each.file for each in MECHANISMS.values())}:
        source = read_source(file)
        names = [each.name for each in source.definitions]
        assert len(names) == len(set(names)), file
