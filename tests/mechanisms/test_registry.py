from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from yaml_attn import modules
from yaml_attn.errors import UnknownModuleError
from yaml_attn.mechanisms import catalog, registry
from yaml_attn.mechanisms.registry import MECHANISMS, Mechanism, find, known

FAMILIES = {"channel", "spatial", "channel and spatial", "self-attention", "convolution"}

every_mechanism = pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=lambda m: m.name)


@pytest.fixture
def ambiguous(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry in which the alias `Twin` belongs to two mechanisms."""
    twins = {name: replace(MECHANISMS[name], aliases=("Twin",)) for name in ("SE", "ECA")}
    monkeypatch.setattr(registry, "MECHANISMS", twins)
    registry._meanings.cache_clear()
    yield
    registry._meanings.cache_clear()


def test_no_two_entries_have_the_same_name() -> None:
    files = Path(catalog.__file__).parent.glob("*.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    entries = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Mechanism"]
    assert len(entries) == len(MECHANISMS)


def test_no_name_means_two_mechanisms() -> None:
    keys = Counter(
        key
        for mechanism in MECHANISMS.values()
        for key in {registry._key(name) for name in (mechanism.name, *mechanism.aliases)}
    )
    assert [key for key, times in keys.items() if times > 1] == []


@every_mechanism
def test_every_alias_finds_its_mechanism_in_any_spelling(mechanism: Mechanism) -> None:
    for name in (mechanism.name, *mechanism.aliases):
        for spelling in (name, name.lower(), name.upper(), f"{name[:2]}_{name[2:]}"):
            assert find(spelling) is mechanism
            assert known(spelling)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("CA", "CoordAtt"),
        ("SA", "ShuffleAttention"),
        ("eca_layer", "ECA"),
        ("simam_module", "SimAM"),
        ("SE_Block", "SE"),
        ("cbam", "CBAM"),
    ],
)
def test_the_names_of_the_papers_code_are_known(written: str, name: str) -> None:
    assert find(written).name == name


@pytest.mark.parametrize(
    ("written", "guess"), [("SEAttn", "SE"), ("CBMA", "CBAM"), ("CoordAtention", "CoordAtt")]
)
def test_an_unknown_name_gives_the_close_ones(written: str, guess: str) -> None:
    assert not known(written)
    with pytest.raises(UnknownModuleError, match=f"is called {written}") as caught:
        find(written)
    assert caught.value.hint is not None
    assert guess in caught.value.hint
    assert "`yaml-attn modules` lists what there is" in caught.value.hint
    assert f" ./my_attn.py:{written}" in caught.value.hint


@pytest.mark.parametrize("refused", registry.REFUSED, ids=lambda each: each.name)
def test_what_has_no_form_as_a_layer_is_refused_with_the_reason(refused: registry.Refused) -> None:
    for name in (refused.name, *refused.aliases, refused.name.upper()):
        assert registry.refused(name) is refused
        assert not known(name)
        with pytest.raises(UnknownModuleError) as caught:
            find(name)
        assert str(caught.value) == refused.reason
    assert refused.reason.count("\n") == 2
    assert not any(known(name) for name in (refused.name, *refused.aliases))
    assert registry.refused("SE") is None


@pytest.mark.parametrize(
    ("written", "what"),
    [("EMA", "Efficient Multi-Scale"), ("lska", "Kernel"), ("MyAttention", "MyAttention")],
)
def test_no_other_mechanism_is_guessed_where_none_is_meant(written: str, what: str) -> None:
    with pytest.raises(UnknownModuleError, match=what) as caught:
        find(written)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("written", ["Conv", "C3", "nn.Upsample", "", "zzz"])
def test_other_layers_are_not_taken_for_attention(written: str) -> None:
    assert not known(written)
    with pytest.raises(UnknownModuleError):
        find(written)


@pytest.mark.usefixtures("ambiguous")
def test_an_alias_of_two_is_refused_naming_both() -> None:
    assert not known("twin")
    with pytest.raises(UnknownModuleError, match="Twin could mean SE or ECA"):
        find("Twin")
    assert find("se").name == "SE"


@every_mechanism
def test_every_entry_says_where_it_comes_from(mechanism: Mechanism) -> None:
    assert mechanism.family in FAMILIES
    assert 2017 <= mechanism.year <= 2030
    assert mechanism.title
    assert mechanism.venue
    assert mechanism.summary.endswith(".")
    source = Path(modules.__file__).with_name(f"{mechanism.file}.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert str(mechanism.year) in docstring
    assert mechanism.arxiv is None or mechanism.arxiv in docstring


def test_the_parameters_are_read_in_the_order_of_the_signature() -> None:
    ratio, bias, identity_init = MECHANISMS["SE"].parameters
    assert (ratio.name, ratio.default, ratio.annotation) == ("ratio", 16, "int")
    assert (bias.name, bias.default, identity_init.name) == ("bias", False, "identity_init")


@every_mechanism
def test_what_is_adapted_is_said_in_the_file_too(mechanism: Mechanism) -> None:
    source = Path(modules.__file__).with_name(f"{mechanism.file}.py").read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert bool(mechanism.adapted) == bool(re.search(r"\bAdapted\b", docstring))


@every_mechanism
def test_identity_init_and_the_variant_come_last(mechanism: Mechanism) -> None:
    names = [parameter.name for parameter in mechanism.parameters]
    tail = ["identity_init", "variant"] if "variant" in names else ["identity_init"]
    assert names[-len(tail) :] == tail


def test_reading_the_registry_imports_no_torch() -> None:
    code = """
import sys
from yaml_attn import modules
names = [p.name for m in modules.MECHANISMS.values() for p in m.parameters]
assert names and modules.find("se").name == "SE"
assert not any(name.split(".")[0] == "torch" for name in sys.modules)
modules.SE
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_gives_the_classes_by_name() -> None:
    assert modules.SE is MECHANISMS["SE"].load()
    with pytest.raises(AttributeError, match="no attribute 'SENet'"):
        _ = modules.SENet


@pytest.mark.parametrize("each", MECHANISMS.values(), ids=MECHANISMS)
def test_what_each_argument_means_is_said(each: Mechanism) -> None:
    channels = 2 if each.inputs > 1 else 1
    assert list(each.meanings)[channels:] == [parameter.name for parameter in each.parameters]
    assert all(each.meanings.values())
