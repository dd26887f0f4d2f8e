from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from yaml_attn.config import alignment
from yaml_attn.config.compare import Comparison, Rewired, compare
from yaml_attn.config.network import IMAGE, Layer, Network, Source

TEMPLATES = Path(__file__).parents[2] / "templates"
MODULES = [("Conv", [64, 3, 2]), ("Conv", [64, 1, 1]), ("C3", [64]), ("nn.Upsample", ["None", 2])]
NEW = 1000  # keys of inserted layers

quickly = settings(max_examples=80, deadline=None)


def read(path: Path) -> Network:
    return Network.read(yaml.safe_load(path.read_bytes().decode("utf-8-sig")))


def chain(*modules: str, **wiring: Any) -> Network:
    """One row a module, all reading -1, or `_3=[-1, 0]` for row 3."""
    rows = [
        [wiring.get(f"_{index}", -1), 1, *([name, []] if name != "Conv" else [name, [64, 1, 1]])]
        for index, name in enumerate(modules)
    ]
    return Network.read({"backbone": rows})


def insert(network: Network, after: int, key: int, module: str, args: list[Any]) -> Network:
    """A layer behind the one with key `after`, read by all that read that one."""
    at = network.index[after]
    layers = [
        replace(layer, sources=tuple(moved(source, after, key) for source in layer.sources))
        for layer in network.layers
    ]
    new = Layer(key, layers[at].section, (Source(after, True),), False, 1, module, args)
    return Network((*layers[: at + 1], new, *layers[at + 1 :]))


def moved(source: Source, old: int, new: int) -> Source:
    return source._replace(key=new) if source.key == old else source


def reread(network: Network) -> Network:
    """The network as its own spelled rows give it: all that a comparison may know."""
    return Network.read(network.rows())


def true_map(edited: Network) -> dict[int, int]:
    return {key: index for key, index in sorted(edited.index.items()) if key < NEW}


def origin(network: Network, key: int) -> int:
    """The layer of the base that a reader of this layer reads, in the end."""
    while key >= NEW:
        key = network[key].sources[0].key
    return key


@st.composite
def networks(draw: st.DrawFn, largest: int = 9) -> Network:
    """Small networks full of equal rows, with joins, spelled relative and absolute."""
    size = draw(st.integers(2, largest))
    head = draw(st.integers(1, size))
    rows: dict[str, list[Any]] = {"backbone": [], "head": []}
    for at in range(size):
        joins = at > 1 and draw(st.booleans())
        targets = draw(st.lists(st.integers(0, at - 1), min_size=2, max_size=3)) if joins else []
        if not joins and at:
            targets = [draw(st.integers(max(0, at - 2), at - 1))]
        spelled = [target - at if draw(st.booleans()) else target for target in targets]
        module, args = ("Concat", [1]) if joins else draw(st.sampled_from(MODULES))
        source = spelled if joins else spelled[0] if at else -1
        rows["backbone" if at < head else "head"].append(
            [source, draw(st.integers(1, 2)), module, args]
        )
    return Network.read(rows)


@st.composite
def insertions(draw: st.DrawFn) -> tuple[Network, Network]:
    """A network, and the same with one to four attentions in it, keys kept."""
    base = draw(networks())
    edited = base
    for number in range(draw(st.integers(1, 4))):
        after = draw(st.sampled_from([layer.key for layer in edited.layers]))
        module = draw(st.sampled_from(["SE", "CBAM"]))
        edited = insert(edited, after, NEW + number, module, [64])
    return base, edited


def cost(old: Network, new: Network, pairs: Iterable[tuple[int, int]]) -> int:
    """The table of costs written out again."""
    pairs = dict(pairs)
    modules_old = {layer.module for layer in old.layers}
    modules_new = {layer.module for layer in new.layers}
    total = 0
    for at, layer in enumerate(old.layers):
        if at not in pairs:
            total += 5 if layer.module in modules_new else 4
            continue
        other = new.layers[pairs[at]]
        total += 4 * (layer.module != other.module) + 2 * (layer.args != other.args)
        total += (layer.number != other.number) + (layer.section != other.section)
        if layer.module != other.module and (len(layer.sources) > 1) != (len(other.sources) > 1):
            total += 100
    for at, layer in enumerate(new.layers):
        if at not in pairs.values():
            total += 5 if layer.module in modules_old else 4
    return total


def pairs_of(found: Comparison) -> dict[int, int]:
    return dict(sorted({**found.index_map, **found.replaced}.items()))


@quickly
@given(networks())
def test_a_network_compared_with_itself_is_the_identity(network: Network) -> None:
    identity = {index: index for index in range(len(network))}
    assert compare(network, reread(network)) == Comparison(identity, {}, (), (), (), ())


@quickly
@given(insertions())
def test_insertions_are_found_and_nothing_is_rewired(pair: tuple[Network, Network]) -> None:
    base, edited = pair
    found = compare(base, reread(edited))
    inserted = tuple(edited.index[layer.key] for layer in edited.layers if layer.key >= NEW)
    assert found == Comparison(true_map(edited), {}, (), inserted, (), ())


@quickly
@given(insertions())
def test_removal_is_insertion_read_backwards(pair: tuple[Network, Network]) -> None:
    base, edited = pair
    forth, back = compare(base, reread(edited)), compare(reread(edited), base)
    assert back.index_map == {new: old for old, new in forth.index_map.items()}
    assert back.removed == forth.inserted
    assert back.inserted == back.changed == back.rewired == ()


@quickly
@given(insertions(), st.data())
def test_one_wrong_reference_is_reported_exactly(
    pair: tuple[Network, Network], data: st.DataObject
) -> None:
    base, edited = pair
    wrong = [
        (reader, position, target)
        for at, reader in enumerate(edited.layers)
        for position, source in enumerate(reader.sources)
        for target in edited.layers[:at]
        if reader.key < NEW and origin(edited, target.key) != origin(edited, source.key)
    ]
    if not wrong:
        return
    reader, position, target = data.draw(st.sampled_from(wrong))
    sources = list(reader.sources)
    sources[position] = sources[position]._replace(key=target.key)
    broken = Network(
        tuple(
            replace(layer, sources=tuple(sources)) if layer is reader else layer
            for layer in edited.layers
        )
    )
    right = base[reader.key].sources[position].key
    expected = IMAGE if right == IMAGE else edited.index[right]
    found = compare(base, reread(broken))
    assert found.index_map == true_map(edited)
    assert found.rewired == (
        Rewired(edited.index[reader.key], position, expected, edited.index[target.key]),
    )


@quickly
@given(networks(), networks())
def test_every_row_is_accounted_for_once_and_in_order(old: Network, new: Network) -> None:
    found = compare(old, new)
    pairs = pairs_of(found)
    assert list(pairs.values()) == sorted(set(pairs.values()))
    assert sorted([*pairs, *found.removed]) == list(range(len(old)))
    assert sorted([*pairs.values(), *found.inserted]) == list(range(len(new)))
    assert all(old.layers[i].module == new.layers[j].module for i, j in found.index_map.items())
    assert all(old.layers[i].module != new.layers[j].module for i, j in found.replaced.items())


@quickly
@given(networks(largest=5), networks(largest=5))
def test_no_alignment_costs_less(old: Network, new: Network) -> None:
    cheapest = min(
        cost(old, new, zip(left, right, strict=True))
        for size in range(min(len(old), len(new)) + 1)
        for left in combinations(range(len(old)), size)
        for right in combinations(range(len(new)), size)
    )
    assert cost(old, new, pairs_of(compare(old, new)).items()) == cheapest


def test_references_left_at_their_old_numbers_are_rewired() -> None:
    base = read(TEMPLATES / "yolov5s.yaml")
    rows = base.rows()
    rows["backbone"].append([-1, 1, "CBAM", [1024]])
    found = compare(base, Network.read(rows))
    assert found.inserted == (10,)
    assert found.rewired == (
        Rewired(20, 1, expected=15, reads=14),
        Rewired(23, 1, expected=11, reads=10),
        Rewired(25, 0, expected=18, reads=17),
        Rewired(25, 1, expected=21, reads=20),
        Rewired(25, 2, expected=24, reads=23),
    )


def test_references_shifted_too_far_are_rewired() -> None:
    base = read(TEMPLATES / "yolov5s.yaml")
    rows = base.rows()
    rows["head"].insert(8, [-1, 1, "SE", [256]])
    rows["head"][3 - 1][0] = [-1, 7]
    rows["head"][-1][0] = [18, 21, 24]
    found = compare(base, Network.read(rows))
    assert found.inserted == (18,)
    assert found.rewired == (Rewired(12, 1, expected=6, reads=7),)


def test_reading_past_or_through_an_attention_is_both_faithful() -> None:
    base = chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1])
    through = chain("Conv", "C3", "SE", "CBAM", "SPPF", "Concat", _5=[-1, 3])
    past = chain("Conv", "C3", "SE", "CBAM", "SPPF", "Concat", _5=[-1, 1])
    on_the_skip = chain("Conv", "C3", "SPPF", "SE", "Concat", _3=1, _4=[-2, -1])
    assert compare(base, through).rewired == ()
    assert compare(base, past).rewired == ()
    assert compare(base, on_the_skip).rewired == ()


def test_the_order_of_a_concat_matters() -> None:
    base = chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1])
    swapped = chain("Conv", "C3", "SPPF", "Concat", _3=[1, -1])
    assert compare(base, swapped).rewired == (Rewired(3, 0, 2, 1), Rewired(3, 1, 1, 2))


def test_inputs_that_were_added_or_lost_are_rewired() -> None:
    two = chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1])
    three = chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1, 0])
    assert compare(two, three).rewired == (Rewired(3, 2, None, 0),)
    assert compare(three, two).rewired == (Rewired(3, 2, 0, None),)


def test_another_module_in_the_same_place_is_a_replacement() -> None:
    base = chain("Conv", "C3", "Conv", "C3", "SPPF", "Concat", _5=[-1, 3])
    found = compare(base, chain("Conv", "C3", "Conv", "C3SE", "SPPF", "Concat", _5=[-1, 3]))
    assert found.replaced == {3: 3}
    assert 3 not in found.index_map
    assert found.inserted == found.removed == found.rewired == ()


def test_a_replacement_is_wired_wrongly_like_any_other_row() -> None:
    base = chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1])
    found = compare(base, chain("Conv", "C3", "SPPF", "BiFPN", _3=[-1, 0]))
    assert found.replaced == {3: 3}
    assert found.rewired == (Rewired(3, 1, expected=1, reads=0),)


def test_a_join_is_no_replacement_for_a_row_with_one_input() -> None:
    found = compare(chain("Conv", "C3", "SPPF"), chain("Conv", "C3", "Add", _2=[0, 1]))
    assert found.replaced == {}
    assert (found.removed, found.inserted) == ((2,), (2,))


def test_a_module_that_only_the_new_network_has_is_rather_new_than_a_replacement() -> None:
    found = compare(chain("C3", "SPPF"), chain("SE", "C3"))
    assert (found.index_map, found.inserted, found.removed) == ({0: 1}, (0,), (1,))
    assert found.replaced == {}


def test_other_args_number_or_section_are_changes_of_the_same_layer() -> None:
    rows = [[-1, 1, "Conv", [64]], [-1, 3, "C3", [64]], [-1, 1, "SPPF", [64]]]
    base = Network.read({"backbone": rows})
    other = Network.read(
        {
            "backbone": [[-1, 1, "Conv", [32]], [-1, 1, "C3", [64]]],
            "head": [[-1, 1, "SPPF", [64]]],
        }
    )
    found = compare(base, other)
    assert found.index_map == {0: 0, 1: 1, 2: 2}
    assert found.changed == (0, 1, 2)


def test_what_read_a_removed_attention_has_to_read_what_that_read() -> None:
    base = chain("Conv", "C3", "SE", "SPPF", "Concat", _4=[-1, 2])
    assert compare(base, chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 1])).rewired == ()
    found = compare(base, chain("Conv", "C3", "SPPF", "Concat", _3=[-1, 0]))
    assert found.rewired == (Rewired(3, 1, expected=1, reads=0),)


def test_what_read_a_removed_join_may_read_anything_now() -> None:
    base = chain("Conv", "C3", "SPPF", "Concat", "C3", _3=[-1, 1])
    assert compare(base, chain("Conv", "C3", "SPPF", "C3")).rewired == ()


def test_which_of_equal_rows_is_new_shows_in_who_reads_them() -> None:
    """A stage of equal Convs whose Concat reads every second one, as in YOLOv7."""
    base = chain(*["Conv"] * 5, "Concat", _5=[-1, 2, 0])
    after_first = chain(*["Conv"] * 6, "Concat", _6=[-1, 3, 1])
    after_third = chain(*["Conv"] * 6, "Concat", _6=[-1, 3, 0])
    assert compare(base, after_first).rewired == ()
    assert compare(after_first, base).rewired == ()
    found = compare(base, after_third)
    assert found.rewired == ()
    assert found.index_map[2] <= 3 < found.index_map[3]


def test_which_of_equal_rows_went_shows_in_who_read_them() -> None:
    old = chain("C3", "Conv", "Conv", "C3", _2=0)
    found = compare(old, chain("Conv", "C3"))
    assert (found.index_map, found.removed, found.rewired) == ({2: 0, 3: 1}, (0, 1), ())


def test_a_row_behind_new_ones_that_equal_it_is_told_by_what_it_reads() -> None:
    new = chain("Conv", "Concat", "Conv", "Conv", _1=[-1, 0], _3=0)
    found = compare(chain("C3", "Conv"), new)
    assert (found.index_map, found.replaced) == ({1: 3}, {0: 0})
    assert (found.inserted, found.rewired) == ((1, 2), ())


def test_the_first_row_of_all_may_be_the_new_one_of_equal_rows() -> None:
    new = chain("Conv", "Concat", "Conv", "SPPF", "Detect", _1=[-1, 0], _4=[2, 3])
    found = compare(chain("Conv", "SPPF", "Detect", _2=[0, 1]), new)
    assert (found.index_map, found.inserted) == ({0: 2, 1: 3, 2: 4}, (0, 1))
    assert found.rewired == (Rewired(2, 0, expected=IMAGE, reads=1),)


def test_what_read_a_removed_join_may_read_anything_but_its_other_inputs_count() -> None:
    old = chain("Conv", "Concat", "Concat", "Conv", _1=[-1, 0], _2=[-1, 0])
    found = compare(old, chain("C3", "Conv", "Concat", _2=[-1, 0]))
    assert (found.index_map, found.removed) == ({0: 1, 1: 2}, (2, 3))
    assert found.rewired == (Rewired(2, 1, expected=1, reads=0),)


def test_hundreds_of_equal_rows_take_no_minute() -> None:
    rows = [[-1, 1, "C3", [8]]] * 400
    old = Network.read({"backbone": [*rows, [[-1, 3], 1, "Detect", []]]})
    new = Network.read({"backbone": [*rows, *rows[:200], [[-1, 599], 1, "Detect", []]]})
    start = time.process_time()
    found = compare(old, new)
    assert time.process_time() - start < 5  # 0.3 s; 20 s if all were tried
    assert len(found.inserted) == 200


def test_rows_removed_from_the_top_are_found_although_they_resemble_those_that_stay() -> None:
    top = [[-1, 2, "Conv", [8]], [-1, 1, "Conv", [16]], [-1, 1, "Conv", [32]]]
    rest = [[-1, 1, "Conv", [64]], [-1, 1, "Conv", [128]]]
    found = compare(Network.read({"backbone": [*top, *rest]}), Network.read({"backbone": rest}))
    assert found == Comparison({3: 0, 4: 1}, {}, (), (), (0, 1, 2), ())


def test_a_block_of_rows_beside_an_equal_block_is_placed_by_its_readers() -> None:
    base = chain("SPPF", "Conv", "C3", "Detect", _3=[1, 2])
    new = chain("SPPF", "Conv", "C3", "Conv", "C3", "Detect", _5=[3, 4])
    found = compare(base, new)
    assert found.rewired == ()
    assert found.index_map[2] == 4


@pytest.mark.parametrize("size", ["n", "m", "x"])
def test_models_of_one_family_have_the_same_layers(size: str) -> None:
    found = compare(read(TEMPLATES / "yolov5s.yaml"), read(TEMPLATES / f"yolov5{size}.yaml"))
    assert found.index_map == {index: index for index in range(25)}
    assert found.rewired == found.changed == ()


def test_the_layers_that_p2_adds_to_the_head_are_found() -> None:
    found = compare(read(TEMPLATES / "yolov5s.yaml"), read(TEMPLATES / "yolov5s-p2.yaml"))
    assert found.inserted == tuple(range(18, 25))
    assert found.removed == ()
    assert not found.replaced
    assert [wrong.index for wrong in found.rewired] == [25, 31, 31, 31, 31]


def test_v5_swapped_the_last_rows_of_the_backbone() -> None:
    found = compare(read(TEMPLATES / "yolov5s-v5.0.yaml"), read(TEMPLATES / "yolov5s.yaml"))
    assert found.replaced == {0: 0}
    assert (found.removed, found.inserted) == ((8,), (9,))
    assert found.index_map[9] == 8
    assert found.changed == (4, 9)
    assert found.rewired == ()


def long(size: int, seed: int) -> Network:
    """Rows that repeat one another in no order."""
    draw = random.Random(seed)  # noqa: S311
    kinds = [("Conv", [64 << draw.randrange(4), 3, 1]) for _ in range(8)] + [("C3", [64])]
    return Network.read({"backbone": [[-1, 1, *draw.choice(kinds)] for _ in range(size)]})


def test_few_rows_that_were_added_to_thousands_are_found() -> None:
    base = long(3000, seed=1)
    edited = base
    for number, after in enumerate((100, 1500, 1501, 2900)):
        edited = insert(edited, after, NEW * 10 + number, "SE", [64])
    found = compare(base, reread(edited))
    assert found.inserted == (101, 1502, 1504, 2904)
    assert found.removed == found.rewired == found.changed == ()
    assert not found.replaced


@pytest.mark.parametrize("sizes", [(1500, 1500), (1200, 2500), (40, 3000), (3000, 40)])
def test_long_networks_that_have_little_in_common_are_aligned_in_parts(
    sizes: tuple[int, int],
) -> None:
    old, new = (long(size, seed) for seed, size in enumerate(sizes))
    found = compare(old, new)
    pairs = pairs_of(found)
    assert list(pairs.values()) == sorted(set(pairs.values()))
    assert sorted([*pairs, *found.removed]) == list(range(len(old)))
    assert sorted([*pairs.values(), *found.inserted]) == list(range(len(new)))


def test_what_long_networks_have_in_common_is_found_in_parts_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    top, bottom, one, other = (long(500, seed).rows()["backbone"] for seed in range(4))
    old, new = (Network.read({"backbone": [*top, *rows, *bottom]}) for rows in (one, other[:300]))
    whole = pairs_of(compare(old, new))
    monkeypatch.setattr(alignment, "_MOST_CELLS", 50_000)
    parts = pairs_of(compare(old, new))
    assert parts != whole
    assert sum(parts.get(at) == at for at in range(500)) > 490
    assert sum(parts.get(at) == at - 200 for at in range(1000, 1500)) > 490
    assert cost(old, new, parts.items()) < 1.1 * cost(old, new, whole.items())


@pytest.mark.skipif(
    "YAML_ATTN_CORPUS" not in os.environ,
    reason="YAML_ATTN_CORPUS does not name a folder with published configs and cases.json",
)
def test_published_insertions_and_their_mistakes_are_found() -> None:
    corpus = Path(os.environ["YAML_ATTN_CORPUS"])
    for case in json.loads((corpus / "cases.json").read_text(encoding="utf-8")):
        name = case["file"]
        old, new = read(corpus / case["base"]), read(corpus / name)
        found = compare(old, new)
        inserted = [op["at"] for op in case["ops"]]
        survivors = [index for index in range(len(new)) if index not in inserted]
        assert found.inserted == tuple(sorted(inserted)), name
        assert found.index_map == dict(enumerate(survivors)), name
        assert (not found.changed) == case["args_as_base"], name
        # The corpus leaves out what an input reads that the base does not have.
        rewired = {
            (wrong.index, wrong.expected, None if wrong.expected is None else wrong.reads)
            for wrong in found.rewired
        }
        findings = {(row["row"], row["expected"], row["reads"]) for row in case["findings"]}
        assert rewired == findings, name
        # What else is called wrong there is an attention that nobody reads: no rewiring.
        if case["wrong"] and not found.rewired:
            assert any(not new.consumers(index) for index in found.inserted), name
