"""YAML with positions, and single values as they are written."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from yaml_attn.document import syntax
from yaml_attn.document.document import Document
from yaml_attn.document.syntax import Node, compose, read_yaml, write_scalar
from yaml_attn.errors import DocumentError


def spelled(text: str, node: Node) -> str:
    return text[slice(*node.span)]


def test_nodes_know_what_they_are_and_where_they_stand() -> None:
    text = "a:\n  - [1, 'x']  # why\n\n  - {k: v}\n\n# below\nb: &n !!str 3\n"
    root = compose(text)
    assert (root.kind, root.line, root.column, root.flow) == ("mapping", 1, 1, False)
    (first, rows), (second, three) = root.pairs
    assert (first.kind, first.text, second.text, second.line) == ("scalar", "a", "b", 7)
    assert (rows.kind, rows.flow, rows.line, rows.column) == ("list", False, 2, 3)
    # A block list ends with its last item: the comments below are not its own.
    assert spelled(text, rows) == "- [1, 'x']  # why\n\n  - {k: v}"
    row, mapping = rows.children
    assert (row.kind, row.flow, spelled(text, row)) == ("list", True, "[1, 'x']")
    assert (mapping.kind, mapping.flow, spelled(text, mapping)) == ("mapping", True, "{k: v}")
    assert [(each.text, spelled(text, each)) for each in row.children] == [("1", "1"), ("x", "'x'")]
    assert (row.text, row.line, row.column) == ("", 2, 5)
    assert (three.text, spelled(text, three)) == ("3", "&n !!str 3")
    assert three.children == ()
    assert not three.flow


def test_an_alias_is_the_node_of_its_anchor() -> None:
    root = compose("a: &x [1]\nb: *x\n")
    (_, one), (_, other) = root.pairs
    assert one is other


def test_an_empty_list_ends_at_its_bracket() -> None:
    text = "a: []  # why\nb:\n"
    (_, empty), (_, nothing) = compose(text).pairs
    assert spelled(text, empty) == "[]"
    assert (nothing.kind, nothing.text, spelled(text, nothing)) == ("scalar", "", "")


def test_an_error_of_a_node_tells_its_place() -> None:
    error = compose("a:\n  - 1\n").children[1].children[0].error("is odd", "Mend it.")
    assert str(error) == "line 2:5: is odd\nMend it."
    assert compose("a: 1\n").error("is odd").hint is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (8, "8"),
        (-1, "-1"),
        (True, "True"),
        (False, "False"),
        (None, "null"),
        (0.5, "0.5"),
        (1e-05, "1.0e-05"),
        ("nearest", "nearest"),
        ("nn.SiLU()", "nn.SiLU()"),
        ("yes", "'yes'"),
        ("None", "None"),
        ("null", "'null'"),
        ("8", "'8'"),
        ("1e-3", "1e-3"),
        ("", "''"),
        ("a, b", "'a, b'"),
        ("[", "'['"),
        ("# x", "'# x'"),
        ("it's", "it's"),
        ("&a", "'&a'"),
        ("a b " * 60, f"'{'a b ' * 60}'"),  # not broken over lines
        ("\u6ce8", '"\\u6CE8"'),
        ("a\nb", '"a\\nb"'),
        ("a\tb", '"a\\tb"'),
        (dt.date(2001, 1, 1), "2001-01-01"),
        ({"k": 1}, "{k: 1}"),
    ],
)
def test_a_value_is_written_so_that_it_is_read_again(value: Any, written: str) -> None:
    assert write_scalar(value) == written
    assert yaml.safe_load(f"[{written}]") == [value]
    assert write_scalar(value) == written


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("nc: 1: 2\n", 1, 6),
        ("nc: 1\n\x07", None, None),
        ("nc: 2001-99-99\n", None, None),
        ("nc: @x\n", 1, 5),
    ],
)
def test_what_is_no_yaml_is_refused_where_it_is_not(
    text: str, line: int | None, column: int | None
) -> None:
    with pytest.raises(DocumentError) as caught:
        Document.parse(text.encode() + b"\nbackbone: []\n", Path("x.yaml"))
    assert str(caught.value).startswith("x.yaml:")
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("text", ["{" * 3000, "- " * 3000 + "1\n"])
def test_endless_nesting_is_refused(text: str) -> None:
    with pytest.raises(DocumentError):
        Document.parse(text.encode() + b"\nbackbone: []\n", Path("x.yaml"))


@pytest.mark.parametrize(
    ("text", "line", "column"), [("a:\t1\n", 1, 1), ("- 1\n- ['x':1]\n", 2, 1)]
)
def test_what_libyaml_reads_and_ruamel_does_not_is_refused(
    text: str, line: int, column: int
) -> None:
    with pytest.raises(DocumentError, match="is not YAML") as caught:
        compose(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_an_alias_counts_as_the_values_that_it_stands_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntax, "_MOST", 7)
    assert read_yaml("[&a [1, 2], *a]") == [[1, 2], [1, 2]]
    with pytest.raises(DocumentError, match="too large"):
        read_yaml("[&a [1, 2], *a, 3]")


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML's own parser refuses the tab")
@pytest.mark.parametrize("comment", ["# x", "# *"])
def test_a_tab_that_libyaml_reads_is_no_matter_where_aliases_may_be(comment: str) -> None:
    assert read_yaml(f"a: 1\t{comment}\n") == {"a": 1}


def test_equal_scalars_of_other_types_stay_apart() -> None:
    values = read_yaml("[1, '1', 1.0, true, yes, 'yes', ~, 'null', 0x1]")
    assert [repr(each) for each in values] == [
        *("1", "'1'", "1.0", "True", "True", "'yes'", "None", "'null'", "1")
    ]  # fmt: skip
