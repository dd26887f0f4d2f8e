"""What must hold for every file, every layout and every insertion."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import yaml
from configs import STYLES, Style, networks, write
from hypothesis import assume, given
from hypothesis import strategies as st

from yaml_attn.document.document import Document, encode
from yaml_attn.document.rewrite import prove, rewrite
from yaml_attn.errors import ConfigError, PlaceError
from yaml_attn.graph.edits import (
    Insertion,
    Removal,
    Replacement,
    apply,
    contract,
    plan_after,
    plan_before,
)
from yaml_attn.graph.network import Network


def targets(rows: list[list[Any]]) -> list[list[int]]:
    """What each row reads, by index: the frameworks' own rule, written without ours."""
    found = []
    for at, row in enumerate(rows):
        references = row[0] if isinstance(row[0], list) else [row[0]]
        found.append([at + each if each < 0 else each for each in references])
    return found


def rows_of(text: str) -> list[list[Any]]:
    values = yaml.safe_load(text)
    return [*values["backbone"], *values["head"]]


@st.composite
def insertions(draw: st.DrawFn) -> tuple[Document, Insertion]:
    rows, backbone = draw(networks())
    document = Document.parse(write(rows, backbone, draw(STYLES)))
    network = document.network
    at = draw(st.integers(0, len(network) - 1))
    readers = network.consumers(network.layers[at].key)
    chosen = [st.just("all"), st.just("next")]
    if readers:
        chosen.append(st.lists(st.sampled_from(readers), min_size=1, unique=True))
    plan = draw(st.sampled_from([plan_after, plan_before]))
    try:
        insertion = plan(network, at, "SE", [8, 16], draw(st.one_of(chosen)))
    except PlaceError:
        insertion = plan_after(network, network.layers[-1].sources[0].key, "SE", [8, 16])
    return document, insertion


@st.composite
def several(draw: st.DrawFn) -> tuple[Document, list[Insertion]]:
    """A document and insertions after some of its layers, two after one of them perhaps."""
    rows, backbone = draw(networks())
    document = Document.parse(write(rows, backbone, draw(STYLES)))
    network = document.network
    read = [layer.key for layer in network.layers[:-1] if network.consumers(layer.key)]
    chosen = draw(st.lists(st.sampled_from(read), min_size=1, max_size=4))
    return document, [plan_after(network, key, f"A{at}", [8]) for at, key in enumerate(chosen)]


@given(several(), st.randoms())
def test_the_order_of_edits_at_different_places_does_not_matter(
    drawn: tuple[Document, list[Insertion]], random: Random
) -> None:
    document, edits = drawn
    shuffled = sorted(edits, key=lambda _: random.random())
    # Layers on the same connections follow one another as given, so these keep their order.
    shuffled.sort(key=lambda edit: edit.source)
    ordered = sorted(edits, key=lambda edit: edit.source)
    same_place = [[e.module for e in ordered if e.source == k.source] for k in ordered]
    kept = [[e.module for e in shuffled if e.source == k.source] for k in ordered]
    assume(same_place == kept)
    assert apply(document.network, shuffled).rows() == apply(document.network, edits).rows()


@given(several())
def test_edits_at_once_are_the_composition_of_single_edits(
    drawn: tuple[Document, list[Insertion]],
) -> None:
    document, edits = drawn
    at_once = apply(document.network, edits)
    one_by_one, index_map = document.network, {key: key for key in document.network.index}
    for number, edit in enumerate(edits):
        # After the layers inserted there before, as "at once" orders them.
        last = [at for at, other in enumerate(edits[:number]) if other.source == edit.source]
        source = len(document.rows) + last[-1] if last else edit.source
        before = one_by_one
        one_by_one = apply(before, [plan_after(before, source, edit.module, edit.args)])
        step = {at: one_by_one.index[key] for key, at in before.index.items()}
        index_map = {key: step[at] for key, at in index_map.items()}
    assert one_by_one.rows() == at_once.rows()
    assert index_map == {key: at_once.index[key] for key in index_map}


@given(several())
def test_removing_all_that_was_inserted_gives_back_the_base_byte_for_byte(
    drawn: tuple[Document, list[Insertion]],
) -> None:
    document, edits = drawn
    network = apply(document.network, edits)
    text = rewrite(document, network)
    prove(document, network, text)
    inserted = Document.parse(encode(text, bom=document.bom))
    new = [Removal(network.index[len(document.rows) + at]) for at in range(len(edits))]
    without = apply(inserted.network, new)
    undone = rewrite(inserted, without)
    prove(inserted, without, undone)
    assert encode(undone, bom=inserted.bom) == document.data


@given(networks(), STYLES, st.data())
def test_a_replaced_module_changes_nothing_but_its_name_and_args(
    drawn: tuple[list[list[Any]], int], style: Style, data: st.DataObject
) -> None:
    document = Document.parse(write(*drawn, style))
    key = data.draw(st.sampled_from(list(document.network.index)))
    network = apply(document.network, [Replacement(key, "C3SE", [7, "c2"])])
    text = rewrite(document, network)
    prove(document, network, text)
    row = document.rows[key]
    start, end = row.module.start, row.args.end
    assert text.startswith(document.text[:start])
    assert text.endswith(document.text[end:])
    assert rows_of(text)[key] == [row.values[0], row.values[1], "C3SE", [7, "c2"]]


@given(networks(), STYLES)
def test_a_file_without_an_edit_is_written_back_byte_for_byte(
    drawn: tuple[list[list[Any]], int], style: Style
) -> None:
    data = write(*drawn, style)
    document = Document.parse(data)
    assert document.data == data
    assert encode(rewrite(document, document.network), bom=document.bom) == data
    assert [list(row.values) for row in document.rows] == rows_of(document.text)


@given(networks())
def test_reading_rows_and_writing_them_is_the_identity(
    drawn: tuple[list[list[Any]], int],
) -> None:
    rows, backbone = drawn
    sections = {"backbone": rows[:backbone], "head": rows[backbone:]}
    assert Network.read(sections).rows() == sections


@given(insertions())
def test_every_reference_reaches_the_same_layer_or_the_inserted_one(
    drawn: tuple[Document, Insertion],
) -> None:
    document, insertion = drawn
    key = len(document.rows)
    network = apply(document.network, [insertion])
    before = targets(rows_of(document.text))
    after = targets(rows_of(rewrite(document, network)))
    new = network.index[key]
    assert after[new] == [network.index[insertion.source] if insertion.source >= 0 else -1]
    for old, reads in enumerate(before):
        expected = [
            new
            if each == insertion.source and old in insertion.readers
            else network.index.get(each, -1)
            for each in reads
        ]
        assert after[network.index[old]] == expected
    assert any(new in reads for reads in after), "nobody reads the attention"


@given(insertions())
def test_absolute_references_stay_absolute_and_relative_ones_relative(
    drawn: tuple[Document, Insertion],
) -> None:
    document, insertion = drawn
    network = apply(document.network, [insertion])
    after = rows_of(rewrite(document, network))
    for old, row in enumerate(rows_of(document.text)):
        new_from = after[network.index[old]][0]
        assert isinstance(new_from, list) == isinstance(row[0], list)
        flat = zip(
            row[0] if isinstance(row[0], list) else [row[0]],
            new_from if isinstance(new_from, list) else [new_from],
            strict=True,
        )
        assert all((before < 0) == (now < 0) for before, now in flat)


@given(insertions())
def test_only_the_numbers_that_changed_and_the_new_row_differ(
    drawn: tuple[Document, Insertion],
) -> None:
    document, insertion = drawn
    network = apply(document.network, [insertion])
    text = rewrite(document, network)
    prove(document, network, text)
    row = network.row(network[len(document.rows)])
    # With every number masked, the old text is the new one with some characters left out: at most
    # the new row with a margin of eight, a line end and two commas. Closing brackets are counted,
    # for the one that ends a list in front of a comment may move behind the new row.
    masked, new_masked = (re.sub(r"-?\d+", "0", each) for each in (document.text, text))
    characters = iter(new_masked)
    assert all(character in characters for character in masked.replace("]", ""))
    assert new_masked.count("]") - masked.count("]") == str(row).count("]")
    assert len(new_masked) - len(masked) <= len(str(row)) + 12


@given(insertions())
def test_taking_the_new_row_out_gives_back_the_base_byte_for_byte(
    drawn: tuple[Document, Insertion],
) -> None:
    document, insertion = drawn
    network = apply(document.network, [insertion])
    inserted = Document.parse(encode(rewrite(document, network), bom=document.bom))
    without = contract(inserted.network, [network.index[len(document.rows)]])
    assert encode(rewrite(inserted, without), bom=inserted.bom) == document.data


@given(insertions())
def test_the_new_row_has_the_blanks_of_its_neighbour(drawn: tuple[Document, Insertion]) -> None:
    document, insertion = drawn
    network = apply(document.network, [insertion])
    written = Document.parse(encode(rewrite(document, network), bom=document.bom))
    row = written.rows[network.index[len(document.rows)]]
    spelled = written.text[slice(*row.span)]
    assert re.fullmatch(r"\[-?\d+,( *)1,\1SE,\1\[8,\1 *16\]\]", spelled)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused_with_a_message(data: bytes) -> None:
    try:
        Document.parse(data).network  # noqa: B018
    except ConfigError as error:
        assert error.message  # noqa: PT017 (most examples raise nothing)
