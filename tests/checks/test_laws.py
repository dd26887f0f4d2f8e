"""What must hold for every template: our own insertions are right, and forgetting one is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from configs import STYLES, Style, networks, write
from hypothesis import given, settings
from hypothesis import strategies as st
from necks import HEAD_AT, V5, V7, V8

from yaml_attn.checks.base_match import Base, Library, Match, align
from yaml_attn.checks.run import Checker, Report
from yaml_attn.checks.selection import Selection
from yaml_attn.dialects import several_maps
from yaml_attn.document.document import Document
from yaml_attn.document.syntax import read_yaml
from yaml_attn.errors import PlaceError
from yaml_attn.files import templates
from yaml_attn.graph.edits import apply, plan_after
from yaml_attn.graph.network import Network

PLAIN = Style("block", "  ", " ", "\n", True, True, False, "none")
SHAPES = ["yolov5s.yaml", "yolov5s-p2.yaml"]


class Against(Library):
    """Compares with one network, or with none."""

    def __init__(self, network: Network | None) -> None:
        super().__init__()
        self.network = network

    def match(self, *about: object) -> Match | None:
        if self.network is None:
            return None
        config = about[1]
        assert isinstance(config, Network)
        return align(Base(Path("base.yaml"), "given", self.network, {}), config, given=True)


def report(
    rows: Sequence[Any], backbone: int, base: Network | None, style: Style = PLAIN
) -> Report:
    document = Document.parse(write([list(row) for row in rows], backbone, style))
    return Checker(Against(base), Selection()).check_document(Path("x.yaml"), document)


def flat(network: Network) -> list[list[Any]]:
    return [row for rows in network.rows().values() for row in rows]


def backbone_of(network: Network) -> int:
    return sum(layer.section == "backbone" for layer in network.layers)


def base_of(name: str) -> Network:
    if name in SHAPES:
        values = read_yaml(templates()[name].read_text("utf-8"))
        return Network.read({key: values[key] for key in ("backbone", "head")})
    neck = {"v8": V8, "v5": V5, "v7": V7}[name]
    rows = [read_yaml(row) for row in neck]
    return Network.read({"backbone": rows[: HEAD_AT[id(neck)]], "head": rows[HEAD_AT[id(neck)] :]})


def insertions(base: Network) -> Iterator[Network]:
    """The base with one attention behind any layer, read by all of its readers or the next."""
    for layer in base.layers[:-1]:
        for consumers in ("all", "next"):
            if several_maps(base, layer.key):
                continue
            try:
                plan = plan_after(base, layer.key, "SimAM", [], consumers)  # type: ignore[arg-type]
            except PlaceError:
                continue
            yield apply(base, [plan])


@pytest.mark.parametrize("name", [*SHAPES, "v8", "v5", "v7"])
def test_our_own_insertions_are_never_wrong(name: str) -> None:
    base = base_of(name)
    for network in insertions(base):
        for against in (None, base):
            found = report(flat(network), backbone_of(network), against)
            assert not [each.text for each in found.findings if each.level == "error"]


@pytest.mark.parametrize("name", [*SHAPES, "v8", "v5", "v7"])
def test_an_insertion_without_renumbering_is_found_and_repaired(name: str) -> None:
    base = base_of(name)
    for network in insertions(base):
        rows = flat(network)
        for index, layer in enumerate(network.layers):
            if layer.key < len(base):
                rows[index][0] = base.spell(base[layer.key])
        read = Network.read({"backbone": rows}).rows()["backbone"]
        right = [row[0] for row in flat(network)]
        if [row[0] for row in read] != right:
            found = report(rows, backbone_of(network), base)
            misread = {each.place.layer for each in found.findings if each.code.startswith("YA10")}
            kept = {at for at, row in enumerate(rows) if row[0] != right[at]}
            # Who reads the layer itself where the attention follows reads right as well.
            assert misread <= kept
            assert misread or all(rows[at][0] != right[at] for at in kept)


@settings(max_examples=80, deadline=None)
@given(networks(), STYLES, st.booleans())
def test_no_network_whatever_makes_a_check_fail(
    network: tuple[list[list[Any]], int], style: Style, against: bool
) -> None:
    rows, backbone = network
    base = base_of("v8") if against else None
    found = report(rows, backbone, base, style)
    text = write(rows, backbone, style).decode().removeprefix("\ufeff")
    lines = text.replace("\r\n", "\n").split("\n")
    for each in found.findings:
        assert 1 <= each.place.column <= len(lines[each.place.line - 1]) + 1
        assert each.text
