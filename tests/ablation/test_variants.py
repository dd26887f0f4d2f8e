"""Which variants a study is: all that it asks for, each once, under names that never clash."""

from __future__ import annotations

from pathlib import Path

import pytest
from ablation.studies import Names, Read
from configs import SMALL

from yaml_attn.ablation import expand
from yaml_attn.ablation.opening import open_bases
from yaml_attn.ablation.variants import variants_of
from yaml_attn.errors import UsageError

HEAD = "bases: small.yaml\nmodules: [SE]\n"


def test_modules_meet_places_in_the_order_of_the_study(names: Names) -> None:
    assert names(
        "bases: small.yaml\nmodules: {SE: {ratio: [4, 16]}, ECA: }\nplaces: [2, before 6, [2, 3]]\n"
    ) == [
        "small_baseline",
        "small_SE-ratio4_2",
        "small_SE-ratio4_before-6",
        "small_SE-ratio4_2-3",
        "small_SE_2",
        "small_SE_before-6",
        "small_SE_2-3",
        "small_ECA_2",
        "small_ECA_before-6",
        "small_ECA_2-3",
    ]


def test_adding_to_a_study_renames_nothing(names: Names) -> None:
    before = names(f"{HEAD}places: [2, P2]\n")
    after = names(
        "bases: [yolov5s, small.yaml]\nmodules: {CBAM: , SE: {ratio: [8, 16]}}\n"
        "places: [stages, 2, P2]\nreplace: {C3: C3+SE}\n"
    )
    assert set(before) < set(after)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ("{singly: [1, 2, 3]}", ["1", "2", "3"]),
        ("{together: [1, 2, 3]}", ["1-2-3"]),
        ("{subsets: [1, 2, 3], up_to: 2}", ["1", "2", "3", "1-2", "1-3", "2-3"]),
        ("{subsets: [1, 2, 3]}", ["1", "2", "3", "1-2", "1-3", "2-3", "1-2-3"]),
        ("{subsets: [1, 2], up_to: 9}", ["1", "2", "1-2"]),
        ("['1,2', [1, 3], 1 + before 6]", ["1-2", "1-3", "1-before-6"]),
        ("[[1+2, 3]]", ["1-2-3"]),
        ("{subsets: [1+2, 3]}", ["1-2", "3", "1-2-3"]),
        ("[each head.C3+1]", ["6-1"]),
        ("[each backbone.Conv]", ["0", "1", "3"]),
        ("[before each head.C3]", ["before-6"]),
        ("{subsets: [each detect, 1], up_to: 2}", ["6", "3", "1", "6-3", "6-1", "3-1"]),
        ("{together: [each detect]}", ["6-3"]),
        ("[[each detect]]", ["6-3"]),
        ("['C3[0]', 'C3[-1]', 'C3[*]', -3]", ["C3-0", "C3-last", "C3-all", "last3"]),
        ("[edge 2:5]", ["2-to-5"]),
    ],
)
def test_places_are_taken_singly_together_or_in_subsets(
    names: Names, places: str, expected: list[str]
) -> None:
    found = names(f"{HEAD}baseline: false\nplaces: {places}\n")
    assert found == [f"small_SE_{each}" for each in expected]


MANY = ", ".join(map(str, range(24)))
GRID = ", ".join(f"p{at}: [1, 2, 3, 4]" for at in range(40))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"modules: [SE]\nplaces: {{subsets: [{MANY}]}}\n", "places.subsets: 16,777,216 variants"),
        (f"modules: [SE, ECA]\nplaces: {{subsets: [{MANY}]}}\n", ": 33,554,431 variants"),
        (f"modules: [SE]\nplaces: {{subsets: [{MANY}], up_to: 12}}\n", ": 9,740,686 variants"),
        (f"modules: [SE]\nplaces: [2, {{subsets: [{MANY}], up_to: 4}}]\n", ": 12,952 variants"),
        (
            f"modules: [SE]\nplaces: {{subsets: [{', '.join(map(str, range(2000)))}]}}\n",
            r": more than 10\^30 variants",
        ),
        (
            f"modules: {{SE: {{{GRID}}}}}\nplaces: [2]\n",
            "modules: 1,208,925,819,614,629,174,706,176",
        ),
        (
            "modules: [SE]\nplaces: [1, 2]\nmax_variants: 2\n",
            ": 3 variants, and 2 is the most",
        ),
    ],
)
def test_more_variants_than_can_be_are_counted_and_refused_before_one_is_made(
    read: Read, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr("yaml_attn.ablation.expanding._refuse_unknown_places", lambda *_: None)
    monkeypatch.delattr("yaml_attn.ablation.expanding.variants_of")
    with pytest.raises(UsageError, match=message) as caught:
        expand(read(f"bases: small.yaml\n{text}"))
    assert "`max_variants: N`" in str(caught.value.hint)


def test_the_number_of_variants_is_what_is_made(read: Read) -> None:
    text = (
        "bases: [small.yaml, yolov8.yaml]\nscales: all\nmodules: {SE: {ratio: [4, 8]}, ECA: }\n"
        "places: [1, {subsets: [1, 2, each backbone.Conv], up_to: 3}, {together: [1, 2]}]\n"
        "replace: {C3: [C3+SE, C3x]}\n"
    )
    study = read(text)
    made = [each for base in open_bases(study) for each in variants_of(study, base)]
    expand(read(f"{text}max_variants: {len(made)}\n"))
    with pytest.raises(UsageError, match=f": {len(made)} variants, and {len(made) - 1} is"):
        expand(read(f"{text}max_variants: {len(made) - 1}\n"))


def test_two_variants_that_are_one_file_are_one(read: Read) -> None:
    found = expand(read(f"{HEAD}places: [P2, 6, [3, 1], [1, 3], P2]\nreplace: {{C3: C3}}\n"))
    assert [each.name for each in found.variants] == [
        "small_baseline",
        "small_SE_P2",
        "small_SE_3-1",
    ]
    assert found.merged == {
        "small_SE_6": "small_SE_P2",
        "small_SE_1-3": "small_SE_3-1",
        "small_C3_C3": "small_baseline",
    }


def test_a_mechanism_of_two_inputs_goes_where_two_are_named(names: Names) -> None:
    text = "bases: small.yaml\nmodules: [SE, CrossAttention]\nplaces: [2, 'inputs 3,2']\n"
    assert names(text)[1:] == ["small_SE_2", "small_CrossAttention_3-with-2"]


def test_consumers_and_channels_hold_for_all_but_edges(read: Read) -> None:
    text = f"{HEAD}places: [2, edge 2:5]\nconsumers: next\nchannels: c2\n"
    _, after, edge = expand(read(text)).variants
    [request], [other] = after.requests, edge.requests
    assert (request.consumers, request.channels, other.consumers) == ("next", "c2", "all")  # type: ignore[union-attr]
    # c2 is the row above, which the attention on a later edge does not read.
    assert after.problem is None
    assert "`c2` is the channels of the row above" in str(edge.problem)


def test_replace_means_every_layer_of_a_module(read: Read) -> None:
    found = expand(read("bases: small.yaml\nreplace: {C3: C3+SE, head.C3: [C3SE, C3Ghost]}\n"))
    assert [each.name for each in found.variants] == [
        "small_baseline",
        "small_C3-then-SE_C3",
        "small_C3SE_head-C3",
        "small_C3Ghost_head-C3",
    ]
    config = found.variants[1].base.config.edit(*found.variants[1].requests)
    assert [each.new for each in config.changes if each.replaced] == [2, 6]


def test_what_cannot_be_is_told_and_the_rest_goes_on(read: Read) -> None:
    found = expand(read("bases: [small.yaml, yolov5s]\nmodules: [SE]\nplaces: [SPPF, 7]\n"))
    problems = {each.name: each.problem for each in found.variants}
    assert "SPPF is no place" in str(problems.pop("small_SE_SPPF"))
    assert "Detect" in str(problems.pop("small_SE_7"))
    assert set(problems.values()) == {None}


def test_a_place_that_no_base_has_is_a_mistake_of_the_study(read: Read) -> None:
    with pytest.raises(UsageError, match=r"places\[1\]: SPPF is no place") as caught:
        expand(read(f"{HEAD}places: [2, SPPF]\n"))
    assert caught.value.line == 3
    with pytest.raises(UsageError, match=r"places\[0\]: C3 could be any of 2 layers"):
        expand(read(f"{HEAD}places: [each C3]\n"))
    with pytest.raises(UsageError, match=r"replace\.C2f: C2f is no place"):
        expand(read("bases: small.yaml\nreplace: {C2f: C3}\n"))


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("include: {module: SE (ratio 16)}", ["baseline", "SE_2", "SE_1"]),
        ("include: '*_2'", ["baseline", "SE_2", "SE-ratio4_2", "ECA_2"]),
        ("include: [{module: SE}]", ["baseline", "SE_2", "SE_1", "SE-ratio4_2", "SE-ratio4_1"]),
        ("exclude: [{module: [SE, ECA], place: 2}]", ["baseline", "SE_1", "SE-ratio4_1", "ECA_1"]),
        ("exclude: [{module: 'SE-*'}]", ["baseline", "SE_2", "SE_1", "ECA_2", "ECA_1"]),
        (
            "include: [small_ECA_1.yaml, {place: 2}]\nexclude: [{module: ECA, place: 2}]",
            ["baseline", "SE_2", "SE-ratio4_2", "ECA_1"],
        ),
        ("include: ['*_1']\nbaseline: false\nexclude: ['*ECA*', '*ratio*']", ["SE_1"]),
    ],
)
def test_include_and_exclude_choose_among_all_but_the_baseline(
    names: Names, patterns: str, expected: list[str]
) -> None:
    text = "bases: small.yaml\nmodules: {SE: {ratio: [16, 4]}, ECA: }\nplaces: [2, 1]\n"
    assert names(text + patterns) == [f"small_{each}" for each in expected]


def test_a_pattern_in_brackets_may_be_a_name(names: Names) -> None:
    text = "bases: small.yaml\nreplace: {C3: ['C3[SE]', 'C3[ECA]']}\nbaseline: false\n"
    assert names(f"{text}include: [{{module: 'C3[SE]'}}]\n") == ["small_C3-SE_C3"]


def test_a_pattern_that_fits_nothing_is_a_mistake(read: Read) -> None:
    with pytest.raises(UsageError, match=r"exclude\[0\]: fits none") as caught:
        expand(read(f"{HEAD}places: [2]\nexclude: ['*CBAM*']\n"))
    assert "Names: small_SE_2." in str(caught.value.hint)
    with pytest.raises(UsageError, match="fits none") as caught:
        expand(read(f"{HEAD}places: [1, 2, 3, 4+5, 5]\nexclude: [{{place: 7}}]\n"))
    assert "Places: 1, 2, 3, 4+5 and others." in str(caught.value.hint)
    with pytest.raises(UsageError, match="none of the variants is left"):
        expand(read(f"{HEAD}places: [2]\nexclude: [{{module: SE}}]\n"))


def test_places_are_found_as_they_are_written_or_shown(names: Names) -> None:
    text = f"{HEAD}baseline: false\nplaces: [1+2, '1,3']\n"
    for place in ("1+2", "'1,2'", "'1, 2'", "1-2"):
        assert names(f"{text}include: {{place: {place}}}\n") == ["small_SE_1-2"]


def test_two_different_variants_never_share_a_name(read: Read, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name: two variants would be called SE: SE at 2 of small"):
        expand(read(f"{HEAD}places: [2, 3]\nname: '{{module}}'\n"))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "small.yaml").write_text(SMALL.replace("16, 3, 2", "24, 3, 2"))
    bases = "bases: [small.yaml, old/small.yaml]\nmodules: [SE]\nplaces: [2]\n"
    with pytest.raises(UsageError, match=r"bases\[1\]: two variants would be called") as caught:
        expand(read(bases))
    assert "Name the bases" in str(caught.value.hint)
    named = expand(
        read(bases.replace("[small.yaml, old/small.yaml]", "{a: small.yaml, b: old/small.yaml}"))
    )
    assert [each.name for each in named.variants] == [
        "a_baseline",
        "a_SE_2",
        "b_baseline",
        "b_SE_2",
    ]


def test_names_that_differ_in_capitals_alone_are_one_name(read: Read, tmp_path: Path) -> None:
    (tmp_path / "Small.yml").write_text(SMALL.replace("16, 3, 2", "24, 3, 2"))
    with pytest.raises(UsageError, match="two variants would be called Small_baseline"):
        expand(read("bases: [small.yaml, Small.yml]\nreplace: {C3: C3SE}\n"))


def test_a_scale_stands_where_ultralytics_looks_for_it(names: Names) -> None:
    text = "bases: yolov8.yaml\nmodules: [SE]\nplaces: [2]\n"
    assert names(text) == ["yolov8_baseline", "yolov8_SE_2"]
    assert names(f"{text}scales: s\n") == ["yolov8s_baseline", "yolov8s_SE_2"]
    assert names(f"{text}scales: all\nbaseline: false\n") == ["yolov8n_SE_2", "yolov8s_SE_2"]
    assert names(text.replace("yolov8", "yolov8s")) == ["yolov8s_baseline", "yolov8s_SE_2"]
    named = text.replace("yolov8.yaml", "{mine: small.yaml, yolov8-mine: yolov8.yaml}")
    assert names(f"{named}scales: [n]\nbaseline: false\n") == ["mine_SE_2", "yolov8n-mine_SE_2"]


def test_a_scale_that_is_not_there_or_would_be_lost_is_refused(read: Read) -> None:
    text = "bases: {mine: yolov8.yaml}\nmodules: [SE]\nplaces: [2]\n"
    with pytest.raises(UsageError, match="scales: no base has the scale x") as caught:
        expand(read(f"{text}scales: x\n"))
    assert "yolov8.yaml has n, s" in str(caught.value.hint)
    with pytest.raises(UsageError, match=r"bases\.mine: .*read at n, the first"):
        expand(read(f"{text}scales: s\n"))


def test_a_name_for_which_ultralytics_opens_another_file_is_refused(read: Read) -> None:
    # Looking for yolov8_C3x.yaml, the loader tries yolov8_C3.yaml first.
    text = "bases: yolov8.yaml\nreplace: {backbone.C3: [C3x, C3Ghost]}\nname: '{base}_{module}'\n"
    assert len(expand(read(text)).variants) == 3
    with pytest.raises(UsageError, match=r"take yolov8_C3x\.yaml for yolov8_C3\.yaml"):
        expand(read(f"{text.replace('C3Ghost', 'C3Ghost, C3')}baseline: false\n"))


def test_a_base_is_looked_for_beside_the_study_and_among_the_templates(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "yolov5s.yaml").write_text(SMALL)
    monkeypatch.chdir(elsewhere)
    found = expand(read("bases: [yolov5s.yaml, small.yaml]\nreplace: {C3: C3SE}\n"))
    assert [len(base.config.network) for base in found.bases] == [25, 8]


def test_a_base_that_cannot_be_read_is_a_mistake_of_the_study(read: Read, tmp_path: Path) -> None:
    (tmp_path / "cut.yaml").write_text("nc: 2\nbackbone:\n  - [-1, 1, Conv]\nhead: []\n")
    for name, message in (
        ("none.yaml", r"bases\[1\]: .*none\.yaml: no such file"),
        ("cut.yaml", r"bases\[1\]: .*cut\.yaml:3:5: row 0 of the file has 3 items"),
    ):
        with pytest.raises(UsageError, match=message) as caught:
            expand(read(f"replace: {{C3: C3SE}}\nbases:\n  - small.yaml\n  - {name}\n"))
        assert (caught.value.line, caught.value.exit_code) == (4, 2)
        assert Path(str(caught.value.path)).name == "study.yaml"
