from __future__ import annotations

from pathlib import Path

import pytest
from configs import STYLES, Style, write
from hypothesis import given, settings
from hypothesis import strategies as st
from necks import V5, V8, config

from yaml_attn.checks import fix
from yaml_attn.checks.base_match import Base, Library, Match, align
from yaml_attn.checks.fix import Repair, repair
from yaml_attn.checks.run import Checker
from yaml_attn.checks.selection import Selection
from yaml_attn.dialects import several_maps
from yaml_attn.document.document import Document
from yaml_attn.document.syntax import read_yaml
from yaml_attn.errors import InternalError, PlaceError
from yaml_attn.files import templates
from yaml_attn.graph.edits import apply, plan_after
from yaml_attn.graph.network import Network

SE = "[-1, 1, SE, [256]]"


class Given(Library):
    """Compares with one network."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.base = Base(Path("base.yaml"), "given", network, {})

    def match(self, *about: object) -> Match:
        network = about[1]
        assert isinstance(network, Network)
        return align(self.base, network, given=True)


def repaired(text: str | bytes, base: str | None = None, ignore: str = "") -> Repair:
    data = text if isinstance(text, bytes) else text.encode()
    network = Document.parse((base or config(V8)).encode()).network
    checker = Checker(Given(network), Selection.of([], [ignore] if ignore else []))
    return repair(checker, checker.check_document(Path("x.yaml"), Document.parse(data)))


def froms(found: Repair) -> list[object]:
    assert found.after.document
    return [row.values[0] for row in found.after.document.rows]


def test_stale_references_are_renumbered_and_nothing_else_changes() -> None:
    text = config(V8, {4: [V8[4], SE]})
    found = repaired(text)
    assert found.after.document
    assert found.after.document.text == config(
        V8,
        {
            4: [V8[4], SE],
            15: "[[-1, 11], 1, Concat, [1]]",
            18: "[[-1, 8], 1, Concat, [1]]",
            20: "[[14, 17, 20], 1, Detect, [nc]]",
        },
    )
    assert not found.after.failed
    assert len(found.fixed) == 5


def test_a_relative_number_stays_relative() -> None:
    text = config(V8, {4: [V8[4], SE], 12: "[[-1, -11], 1, Concat, [1]]"})
    base = config(V8, {12: "[[-1, -10], 1, Concat, [1]]"})
    assert froms(repaired(text, base))[13] == [-1, -11]
    assert froms(repaired(text.replace("[-1, -11]", "[-1, -10]"), base))[13] == [-1, -11]


def test_comments_and_numbers_are_repaired_too() -> None:
    text = config(V8, {4: [V8[4], SE.replace("1, SE", "3, SE")], 5: f"{V8[5]}  # 5-P4/16"})
    found = repaired(text, ignore="YA1")
    assert found.after.document
    assert found.after.document.text == text.replace("3, SE", "1, SE").replace("# 5-P4", "# 6-P4")


def test_a_reference_out_of_range_is_repaired_against_the_base() -> None:
    text = config(V8, {4: [V8[4], SE], 20: "[[14, 17, 50], 1, Detect, [nc]]"})
    assert froms(repaired(text))[-1] == [14, 17, 20]


def test_one_repair_can_bring_the_next_to_light() -> None:
    # The attention is read by a stale number alone: repaired, it is dead, and its reader clear.
    text = config(
        V8,
        {
            7: ["[-1, 1, SE, [512]]", "[-2, 1, SPPF, [512, 5]]"],
            15: "[[-1, 11], 1, Concat, [1]]",
            20: "[[14, 17, 20], 1, Detect, [nc]]",
        },
    )
    found = repaired(text)
    assert [each.code for each in found.fixed] == ["YA102", "YA206"]
    assert froms(found)[8] == -1
    assert not found.after.failed


def test_nothing_is_repaired_without_certainty() -> None:
    dead = {13: [V8[13], "[-1, 1, SE, [128]]"], 14: "[13, 1, Conv, [128, 3, 2]]"}
    assert not repaired(config(V8, {**dead, 20: "[[13, 17, 20], 1, Detect, [nc]]"})).changed
    assert not repaired(config(V5), config(V8)).changed


def test_left_out_checks_are_not_repaired() -> None:
    assert not repaired(config(V8, {4: [V8[4], SE]}), ignore="YA").changed
    silenced = V8[20] + "  # yaml-attn: ignore[YA102]"
    found = repaired(config(V8, {4: [V8[4], SE], 20: silenced}))
    assert froms(found)[-1] == [13, 16, 19]


BASES = {name: read_yaml(path.read_text("utf-8")) for name, path in templates().items()}


@st.composite
def stale(draw: st.DrawFn) -> tuple[str, bytes, list[list[object]]]:
    """A template with attention inserted in any style of file, none or some numbers moved."""
    name = draw(st.sampled_from(["yolov5s.yaml", "yolov5s6.yaml", "yolov5s-v5.0.yaml"]))
    values = BASES[name]
    base = Network.read({key: values[key] for key in ("backbone", "head")})
    plans = []
    for key in sorted(draw(st.sets(st.integers(0, len(base) - 2), min_size=1, max_size=3))):
        if several_maps(base, key):
            continue
        try:
            plans.append(plan_after(base, key, "SE", [64]))
        except PlaceError:
            continue
    network = apply(base, plans)
    right = [row for rows in network.rows().values() for row in rows]
    keep = draw(st.sampled_from(["all", "some", "none"]))
    rows = []
    for index, row in enumerate(right):
        key = network.layers[index].key
        was = base.spell(base[key]) if key < len(base) else row[0]
        kept = keep == "all" or (keep == "some" and draw(st.booleans()))
        rows.append([was if kept else row[0], *row[1:]])
    backbone = sum(layer.section == "backbone" for layer in network.layers)
    return name, write(rows, backbone, draw(STYLES)), right


@settings(max_examples=60, deadline=None)
@given(stale())
def test_whatever_was_kept_is_repaired_in_any_style(
    case: tuple[str, bytes, list[list[object]]],
) -> None:
    name, data, _ = case
    network = Network.read({key: BASES[name][key] for key in ("backbone", "head")})
    checker = Checker(Given(network), Selection.of(["YA1", "YA2"], ["YA207"]))
    before = checker.check_document(Path("x.yaml"), Document.parse(data))
    found = repair(checker, before)
    assert found.after.document
    # Several attentions in a row may leave a choice; all that is sure is repaired in one go.
    assert not [each for each in found.after.findings if each.code.startswith("YA1")]
    assert not repair(checker, found.after).changed
    old, new = data.decode(), found.after.document.data.decode()
    assert old.count("\n") == new.count("\n")
    assert old.count("\r") == new.count("\r")
    assert old[:1] == new[:1]


def test_a_text_that_is_not_as_planned_is_never_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = config(V8, {4: [V8[4], SE]})
    for wrong in ("nc: 3\n", "backbone: [", ""):
        with monkeypatch.context() as patch:
            patch.setattr(fix, "splice", lambda old, _, wrong=wrong: old.replace("nc: 2\n", wrong))
            with pytest.raises(InternalError, match="nothing was written"):
                repaired(text)
    monkeypatch.setattr(fix, "splice", lambda old, _: old)
    with pytest.raises(InternalError, match="planned rows"):
        repaired(text)


def test_repairs_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix, "_ROUNDS", 1)  # the second round would find nothing any more
    with pytest.raises(InternalError, match="do not come to an end; nothing was written"):
        repaired(config(V8, {4: [V8[4], SE]}))


def test_the_style_of_the_number_alone_changes() -> None:
    style = Style("flow", "  ", "  ", "\r\n", True, False, True, "cjk")
    rows = [read_yaml(row) for row in V8]
    rows.insert(5, read_yaml(SE))
    data = write(rows, 9, style)
    found = repaired(data)
    assert found.after.document
    old, new = data.decode("utf-8"), found.after.document.data.decode("utf-8")
    changed = [(a, b) for a, b in zip(old.split("\n"), new.split("\n"), strict=True) if a != b]
    assert len(changed) == 3
