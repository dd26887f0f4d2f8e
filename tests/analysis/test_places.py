"""Which layers a place means, and what is said when it means none."""

from __future__ import annotations

import re
from contextlib import suppress
from math import log2
from typing import Any, NoReturn

import facts
import pytest
from configs import document, networks
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn.analysis.places import named_places, resolve, resolve_place
from yaml_attn.dialects.module_specs import strides as told
from yaml_attn.document.document import Document
from yaml_attn.errors import PlaceError
from yaml_attn.files import templates
from yaml_attn.graph.edits import apply, plan_after
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import known

SMALL_STRIDES = [2, 4, 4, 8, 4, 4, 4, None]

Rows = list[list[Any]]


def network(backbone: Rows, head: Rows) -> Network:
    return Network.read({"backbone": backbone, "head": head})


def chain(*modules: str) -> Rows:
    return [[-1, 1, module, []] for module in modules]


def unneeded() -> NoReturn:
    raise AssertionError("strides were computed")


def yolov5s() -> Network:
    return Document.load(templates()["yolov5s.yaml"]).network


def built_strides(model: str) -> list[float | None]:
    """Strides as the framework itself had them at 640 pixels; None for the head.

    To the power of two, because nn.ZeroPad2d makes a map larger by a pixel.
    """
    shapes = [layer.shape for layer in facts.layers("yolov5", model)]
    return [
        None if isinstance(shape[0], list) else 2.0 ** round(log2(640 / shape[1]))
        for shape in shapes
    ]


@pytest.mark.parametrize(
    ("place", "layers"),
    [
        (8, (8,)),
        (-2, (23,)),
        ("8", (8,)),
        ("-25", (0,)),
        ("SPPF", (9,)),
        ("Detect", (24,)),
        ("C3[0]", (2,)),
        ("C3[-1]", (23,)),
        ("C3[*]", (2, 4, 6, 8, 13, 17, 20, 23)),
        ("SPPF[0]", (9,)),
        ("backbone.C3", (2, 4, 6, 8)),
        ("backbone.C3[*]", (2, 4, 6, 8)),
        ("backbone.C3[-1]", (8,)),
        ("head.C3[0]", (13,)),
        ("head.C3[ 1 ]", (17,)),
        ("nn.Upsample[1]", (15,)),
        ("head.nn.Upsample", (11, 15)),
        ("head.nn.Upsample[0]", (11,)),
        ("backbone[3]", (3,)),
        ("head[0]", (10,)),
        ("head[-1]", (24,)),
        ("backbone.*", tuple(range(10))),
        ("head.*", tuple(range(10, 25))),
        ("head[*]", tuple(range(10, 25))),
        ("6,4,8", (6, 4, 8)),
        ("8, -17, SPPF, backbone.C3[-1]", (8, 9)),
    ],
)
def test_indexes_modules_and_sections_need_no_strides(
    place: int | str, layers: tuple[int, ...]
) -> None:
    assert resolve(yolov5s(), place, unneeded) == layers


@pytest.mark.parametrize(
    ("place", "layers"),
    [
        ("C3[SE]", (0,)),
        ("C3[SE][*]", (0,)),
        ("C2f[CBAM][0]", (1,)),
        ("head.C2f[CBAM]", (2,)),
        ("C2f_CBAM[*],C3[SE]", (1, 2, 0)),
    ],
)
def test_a_block_with_attention_is_meant_by_its_name_on_the_command_line(
    place: str, layers: tuple[int, ...]
) -> None:
    blocks = network(chain("C3SE", "C2f_CBAM"), chain("C2f_CBAM", "Detect"))
    assert resolve(blocks, place, unneeded) == layers
    with pytest.raises(PlaceError, match="SE in the brackets is neither a number nor"):
        resolve(yolov5s(), "C3[SE]", unneeded)


@pytest.mark.parametrize(
    ("place", "option"), [("before SPPF", "--before SPPF"), ("P3,edge  4:16", "--edge 4:16")]
)
def test_a_place_of_a_study_is_said_as_an_option(place: str, option: str) -> None:
    with pytest.raises(PlaceError, match=f"is no place: `insert` takes it as {option}$"):
        resolve(yolov5s(), place, built_strides("yolov5s"))


@pytest.mark.parametrize(
    ("place", "layers"),
    [
        ("P3", (17,)),
        ("P5,P3", (23, 17)),
        ("detect", (17, 20, 23)),
        ("stages", (2, 4, 6, 9)),
        ("P4,4,detect,stages", (20, 4, 17, 23, 2, 6, 9)),
    ],
)
def test_keywords_mean_what_the_strides_say(place: str, layers: tuple[int, ...]) -> None:
    assert resolve(yolov5s(), place, built_strides("yolov5s")) == layers
    assert resolve(yolov5s(), place, lambda: built_strides("yolov5s")) == layers


def test_keys_are_given_where_an_edit_has_moved_the_layers() -> None:
    base = yolov5s()
    edited = apply(base, [plan_after(base, 4, "SE", [])])
    strides = built_strides("yolov5s")
    strides.insert(5, strides[4])
    assert resolve(edited, "5", strides) == (25,)
    assert resolve(edited, "P3", strides) == (17,)
    assert resolve(edited, "stages", strides) == (2, 25, 6, 9)
    assert resolve_place(edited, 6) == 5


@pytest.mark.parametrize("model", sorted(facts.models("yolov5")))
def test_levels_and_detect_agree_with_the_strides_of_the_built_head(model: str) -> None:
    wired, strides = facts.network("yolov5", model), built_strides(model)
    by_level = [resolve(wired, f"P{int(s).bit_length() - 1}", strides) for s in golden_head(model)]
    assert [len(keys) for keys in by_level] == [1] * len(by_level)
    assert sum(by_level, ()) == resolve(wired, "detect", strides)


def golden_head(model: str) -> list[float]:
    found: list[float] = facts.models("yolov5")[model]["strides"]
    return found


@pytest.mark.parametrize(
    ("model", "ends"),
    [
        ("yolov5s", (2, 4, 6, 9)),
        ("yolov5s-ghost", (2, 4, 6, 9)),
        ("yolov5s6", (2, 4, 6, 8, 11)),
        ("yolov5-p7", (2, 4, 6, 8, 10, 13)),
        ("yolov3", (2, 4, 6, 8, 10)),
        ("yolov3-tiny", (2, 4, 6, 8, 12)),
    ],
)
def test_stages_end_before_the_next_downsampling(model: str, ends: tuple[int, ...]) -> None:
    assert resolve(facts.network("yolov5", model), "stages", built_strides(model)) == ends


def test_a_stage_that_shrinks_in_two_branches_ends_before_both() -> None:
    backbone: Rows = [
        *chain("Conv", "Down", "Conv", "Conv", "MP", "Conv"),
        [-3, 1, "Conv", []],  # YOLOv7: 1x1 at the old stride, then the other branch shrinks
        [-1, 1, "Down", []],
        [[-1, -3], 1, "Concat", [1]],
        *chain("Conv"),
    ]
    strides = [1, 2, 2, 2, 4, 4, 2, 4, 4, 4, None]
    assert resolve(network(backbone, chain("Detect")), "stages", strides) == (3, 9)


def test_what_keeps_the_resolution_of_the_image_is_no_stage() -> None:
    wired = network(chain("Conv", "Conv", "Down", "Conv"), chain("Detect"))
    assert resolve(wired, "stages", [1, 1, 2, 2, None]) == (3,)
    with pytest.raises(PlaceError, match="no stages; its strides are 1\n"):
        resolve(wired, "stages", [1, 1, 1, 1, None])


def test_a_second_backbone_fed_by_the_first_has_stages_of_its_own() -> None:
    backbone: Rows = [
        *chain("Silence", "Conv", "Conv", "ELAN", "ADown", "ELAN"),
        [3, 1, "CBLinear", [[8]]],  # YOLOv9-E
        [5, 1, "CBLinear", [[8]]],
        [0, 1, "Conv", []],
        *chain("Conv"),
        [[6, 7, -1], 1, "CBFuse", []],
        *chain("ELAN", "ADown"),
        [[7, -1], 1, "CBFuse", []],
        *chain("ELAN"),
    ]
    strides = [1, 2, 4, 4, 8, 8, 4, 8, 2, 4, 4, 4, 8, 8, 8, None]
    found = resolve(network(backbone, chain("Detect")), "stages", strides)
    # 8 is a lone downsampling behind a stage, as the ResNetLayers below are.
    assert found == (3, 8, 11, 14)


def test_a_block_that_shrinks_within_is_a_stage_unless_it_comes_first() -> None:
    resnet = network(chain(*["ResNetLayer"] * 5), chain("Detect"))
    assert resolve(resnet, "stages", [4, 4, 8, 16, 32, None]) == (1, 2, 3, 4)


def test_a_level_with_auxiliary_inputs_means_all_of_them() -> None:
    head: Rows = [[[0, 1, 2, 3], 1, "IAuxDetect", []]]
    wired = network(chain("A", "B", "C", "D"), head)
    assert resolve(wired, "P3", [8, 16, 8, 16, None]) == (0, 2)
    assert resolve(wired, "P4", [8, 16, None, 16, None]) == (1, 3)


def test_the_empty_from_of_yolov5_v1_reads_the_outputs() -> None:
    head: Rows = [*chain("nn.Conv2d"), [-2, 1, "Conv", []], *chain("nn.Conv2d")]
    wired = network(chain("A", "B"), [*head, [[], 1, "Detect", []]])
    assert resolve(wired, "detect", unneeded) == (4, 2)
    assert resolve(wired, "P3", [4, 8, 8, 16, 16, None]) == (2,)


def test_a_keyword_wins_over_a_module_of_its_name() -> None:
    wired = network(
        chain("P3", "stages", "stages"), [[-1, 1, "detect", []], [[0, 3], 1, "Detect", []]]
    )
    strides = [8, 16, 16, 16, None]
    assert resolve(wired, "detect", strides) == (0, 3)
    assert resolve(wired, "detect[0]", strides) == (3,)
    assert resolve(wired, "P3[-1]", strides) == (0,)
    assert resolve(wired, "backbone.stages", strides) == (1, 2)
    assert resolve(wired, "stages", strides) == (2,)
    assert [place.name for place in named_places(wired, strides)] == [
        *["P3", "P4", "detect", "stages"],
        *["backbone.P3", "backbone.stages", "head.detect", "Detect"],
    ]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (25, "there is no layer 25\nThe layers are 0 (Conv) to 24 (Detect), or -25 to -1."),
        ("4,-26", "there is no layer -26\nThe layers are 0 (Conv) to 24 (Detect), or -25 to -1."),
        (
            "C3",
            (
                "C3 could be any of 8 layers: 2, 4, 6, 8 in the backbone and 13, 17, 20, 23 in the "
                "head\nOne of them: C3[0], C3[-1]. All of them: C3[*]. "
                "All of a section: backbone.C3 or head.C3."
            ),
        ),
        (
            "spff",
            (
                "spff is no place: no layer of this file has the module spff\nDid you mean SPPF? "
                "Modules of this file: Conv, C3, SPPF, nn.Upsample, Concat, Detect. "
                "`yaml-attn places FILE` lists every name."
            ),
        ),
        ("p3", "Did you mean P3"),
        ("DETECT", "Did you mean detect"),
        ("P3[0]", "no layer of this file has the module P3\nDid you mean P3"),
        ("stage", "Did you mean stages?"),
        ("P4,", "an empty text is no place"),
        ("*", "* is no place"),
        ("C3[1]x", "C3[1]x is no place"),
        ("9" * 5000, "is no place"),
        (
            "backbone.Concat",
            (
                "backbone.Concat is no place: no layer of the backbone has the module Concat\n"
                "Did you mean head.Concat? Modules of the backbone: Conv, C3, SPPF."
            ),
        ),
        ("backbone.c3", "Did you mean backbone.C3"),
        ("backbone", "backbone is a section, not a layer\nAll of its layers: backbone.*; "),
        ("head.", "head is a section"),
        (
            "backbone.C3[4]",
            (
                "there is no backbone.C3[4]: it can mean 4 layers\nIn file order: 2 (C3), 4 (C3), "
                "6 (C3), 8 (C3). Valid: [0] to [3], [-4] to [-1], [*]."
            ),
        ),
        ("nn.Upsample", "nn.Upsample could be any of 2 layers: 11, 15 in the head\n"),
        (
            "nn.Upsample[2]",
            (
                "it can mean 2 layers\nIn file order: 11 (nn.Upsample), 15 (nn.Upsample). "
                "Valid: [0] to [1], [-2] to [-1], [*]."
            ),
        ),
        ("Con", "Did you mean Conv or Concat? Modules"),
        ("upsa", "Did you mean nn.Upsample? Modules"),
        (
            "Yggdrasil",
            (
                "no layer of this file has the module Yggdrasil\nModules of this file: Conv, C3, "
                "SPPF, nn.Upsample, Concat, Detect. `yaml-attn places FILE` lists every name."
            ),
        ),
        ("SPPF[1]", "it can mean 1 layer\nIn file order: 9 (SPPF). Valid: [0], [-1], [*]."),
        ("C3[SE]", "C3[SE]: SE in the brackets is neither a number nor *"),
        ("C3[]", "C3[]: nothing in the brackets is neither a number nor *"),
        (
            "P6",
            (
                "the head reads nothing at stride 64, which P6 means\nIt reads 17 (C3) at 8; "
                "20 (C3) at 16; 23 (C3) at 32. Name one by its index, or all of them: detect."
            ),
        ),
    ],
)
def test_a_place_that_means_no_layer_is_refused_with_what_there_is(
    place: int | str, message: str
) -> None:
    with pytest.raises(PlaceError, match=re.escape(message)):
        resolve(yolov5s(), place, built_strides("yolov5s"))


def test_places_that_need_an_unknown_stride_say_so() -> None:
    small = document().network
    unknown: list[float | None] = [2, 4, None, 8, 4, None, None, None]
    with pytest.raises(
        PlaceError, match=r"known to be at stride 4 \(P2\)\nIt reads 6 \(C3\) at an"
    ):
        resolve(small, "P2", unknown)
    assert resolve(small, "P3", unknown) == (3,)
    with pytest.raises(PlaceError, match=r"2 \(C3\) has a stride that is unknown"):
        resolve(small, "stages", unknown)
    names = {place.name for place in named_places(small, unknown)}
    assert names.isdisjoint({"P2", "stages"})
    assert names >= {"P3", "detect"}


def test_a_backbone_without_stages_and_a_head_without_inputs_are_refused() -> None:
    with pytest.raises(PlaceError, match="no stages; its strides are 2, 4\n"):
        resolve(network(chain("Conv", "Conv"), chain("Detect")), "stages", [2, 4, None])
    with pytest.raises(PlaceError, match=r"the last layer, 0 \(Detect\), reads no layer"):
        resolve(network([], chain("Detect")), "detect", unneeded)


def test_a_file_of_one_row_and_an_empty_section_are_named_as_they_are() -> None:
    one = network([], chain("Detect"))
    with pytest.raises(PlaceError, match=r"^there is no layer 1\nThe layers are 0 .Detect. to 0 "):
        resolve(one, 1, unneeded)
    with pytest.raises(PlaceError, match=r"Modules of the backbone: none\. `yaml-attn"):
        resolve(one, "backbone.Conv", unneeded)


def test_the_named_places_of_a_file() -> None:
    found = named_places(document().network, SMALL_STRIDES)
    assert found == (
        ("P2", (6,), "what the head reads at stride 4"),
        ("P3", (3,), "what the head reads at stride 8"),
        ("detect", (6, 3), "all that the head reads"),
        ("stages", (2, 3), "the last layer of each stage of the backbone"),
        ("backbone.Conv", (0, 1, 3), "the 3 Conv of the backbone"),
        ("backbone.C3", (2,), "the C3 of the backbone"),
        ("head.C3", (6,), "the C3 of the head"),
        ("nn.Upsample", (4,), "the only nn.Upsample"),
        ("Concat", (5,), "the only Concat"),
        ("Detect", (7,), "the only Detect"),
    )


def test_modules_of_one_section_are_counted() -> None:
    named = named_places(network(chain("A", "A", "B"), chain("B", "Detect")), [None] * 5)
    assert [place.meaning for place in named if "." in place.name] == [
        *("the 2 A of the backbone", "the B of the backbone", "the B of the head")
    ]  # fmt: skip


def test_a_module_name_that_no_place_can_spell_is_not_listed() -> None:
    wired = network(chain("A,B", "C[0]", "backbone", "head.X", "7", "ok"), chain("Detect"))
    names = [place.name for place in named_places(wired, [2, 2, 2, 2, 2, 2, None])]
    assert names == ["P1", "detect", "stages", "ok", "Detect"]
    assert resolve(wired, "backbone.head.X", unneeded) == (3,)
    assert resolve(wired, "backbone.7", unneeded) == (4,)


@st.composite
def wired_with_strides(draw: st.DrawFn) -> tuple[Network, list[float | None]]:
    """Any wiring with any strides: places must not need them to make sense."""
    rows, backbone = draw(networks())
    sizes = st.sampled_from([None, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    strides = draw(st.lists(sizes, min_size=len(rows), max_size=len(rows)))
    return network(rows[:backbone], rows[backbone:]), strides


@given(wired_with_strides())
def test_a_negative_index_means_what_its_positive_one_does(
    drawn: tuple[Network, list[float | None]],
) -> None:
    wired, _ = drawn
    for at in range(len(wired)):
        assert resolve(wired, at, unneeded) == resolve(wired, str(at - len(wired)), unneeded)


@given(wired_with_strides())
def test_every_named_place_means_what_the_list_says_and_modules_are_all_listed(
    drawn: tuple[Network, list[float | None]],
) -> None:
    wired, strides = drawn
    places = named_places(wired, strides)
    assert len({place.name for place in places}) == len(places)
    for place in places:
        assert place.keys
        assert resolve(wired, place.name, strides) == place.keys
    keywords = re.compile(r"P\d|detect|stages")
    listed = [key for place in places if not keywords.fullmatch(place.name) for key in place.keys]
    assert sorted(listed) == list(range(len(wired)))


@given(wired_with_strides(), st.data())
def test_a_list_means_what_its_items_mean_once_each_in_order(
    drawn: tuple[Network, list[float | None]], data: st.DataObject
) -> None:
    wired, strides = drawn
    places = st.sampled_from(named_places(wired, strides))
    items = data.draw(st.lists(places, min_size=1, max_size=4))
    keys = [key for place in items for key in place.keys]
    text = ", ".join(place.name for place in items)
    assert resolve(wired, text, strides) == tuple(dict.fromkeys(keys))


@given(wired_with_strides(), st.text(st.characters(codec="ascii"), max_size=12))
def test_any_text_is_a_place_or_refused(
    drawn: tuple[Network, list[float | None]], text: str
) -> None:
    wired, strides = drawn
    with suppress(PlaceError):
        assert resolve(wired, text, strides)


@pytest.mark.parametrize("name", sorted(templates()))
@pytest.mark.parametrize("place", ["stages", "detect", "P3"])
def test_attention_after_a_place_takes_the_place_over(name: str, place: str) -> None:
    base = Document.load(templates()[name]).network
    keys = resolve(base, place, told(base, known))
    edited = apply(base, [plan_after(base, key, "SE", []) for key in keys])
    assert resolve(edited, place, told(edited, known)) == tuple(
        range(len(base), len(base) + len(keys))
    )
