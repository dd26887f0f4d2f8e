"""How a study file is refused: with the key, the line, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from ablation.studies import OWN, Read, Write

from yaml_attn.ablation import load_study
from yaml_attn.errors import UsageError

BASES = "bases: small.yaml\n"
PLACES = f"{BASES}places: [2]\n"
BOTH = f"{PLACES}modules: [SE]\n"

REFUSED = [
    ("- SE\n", None, "is no study", "`bases`"),
    ("", None, "is no study", "`bases`"),
    ("modules: [SE]\nplaces: [2]\n", 1, "`bases` is missing", "yolov5s.yaml"),
    (PLACES, 1, "`modules` is missing", "SE"),
    (BASES, 1, "`places` is missing, and so is `replace`", "before SPPF"),
    (f"{BOTH}module: CBAM\n", 4, "module: there is no such key", "Did you mean modules?"),
    (f"{BOTH}epochs: 3\n", 4, "epochs: there is no such key", "Keys: bases, modules"),
    (f"{PLACES}modules:\n  SEE:\n", 4, "modules.SEE: no bundled attention", "Did you mean SE"),
    (f"{PLACES}modules: [SE, C3]\n", 3, "modules[1]: no bundled", "yaml-attn modules"),
    (f"{PLACES}modules:\n  SE: {{ratios: 8}}\n", 4, "modules.SE: SE has no parameter", "ratio"),
    (f"{PLACES}modules:\n  SE: {{ratio: [8, x]}}\n", 4, "ratio='x' is no int", ""),
    (f"{PLACES}modules:\n  SE: {{ratio: []}}\n", 4, "modules.SE.ratio: is empty", ""),
    (f"{PLACES}modules:\n  SE: 8\n", 4, "modules.SE: 8 is no mapping", ""),
    (f"{PLACES}modules:\n  SE:\n  SE: {{ratio: 8}}\n", 5, "modules: SE is there twice", ""),
    (f"{PLACES}modules: []\n", 3, "modules: is empty", ""),
    (f"{PLACES}modules: [true]\n", 3, "modules[0]: True is no text", ""),
    (f"{PLACES}modules: ['']\n", 3, "modules[0]: is empty", ""),
    (f"{PLACES}modules: [./no.py:X]\n", 3, "modules[0]: ", ""),
    (
        f"{PLACES}modules: [CrossAttention]\n",
        3,
        "reads two maps, and no place names so many",
        "inputs 8,4",
    ),
    (
        f"{BASES}modules: [SE]\nplaces: ['inputs 2,1']\n",
        2,
        "reads one map, and no place names so many",
        "",
    ),
    (f"{BASES}modules: [SE]\nplaces: [2, 'inputs 2,1']\n", 3, "names two maps", "CrossAttention"),
    (f"{BASES}modules: [SE]\nplaces: []\n", 3, "places: is empty", ""),
    (f"{BASES}modules: [SE]\nplaces: [[]]\n", 3, "places[0]: is empty", "baseline"),
    (f"{BASES}modules: [SE]\nplaces: [edge 4]\n", 3, "does not name two places", "edge 4:16"),
    (f"{BASES}modules: [SE]\nplaces: [behind P3]\n", 3, "behind P3 is no place", "before SPPF"),
    (f"{BASES}modules: [SE]\nplaces: [P3, befor 6]\n", 3, "no place", "Did you mean before 6?"),
    (f"{BASES}modules: [SE]\nplaces: [befor eech C3]\n", 3, "no place", "mean before each C3?"),
    ("nc: 2\nbackbone: []\nhead: []\n", 1, "this is a model config, not a study", "--base"),
    (f"{BASES}modules: [SE]\nplaces: [before]\n", 3, "before is no place", ""),
    (f"{BASES}modules: [SE]\nplaces: [1.5]\n", 3, "places[0]: 1.5 is no text", ""),
    (
        f"{BASES}modules: [SE]\nplaces:\n  - 2\n  - {{subset: [1, 2]}}\n",
        5,
        "places[1].subset: there is no such key",
        "Did you mean subsets?",
    ),
    (
        f"{BASES}modules: [SE]\nplaces: {{singly: [1], up_to: 2}}\n",
        3,
        "must have one of the keys",
        "up_to: 2",
    ),
    (
        f"{BASES}modules: [SE]\nplaces: {{subsets: [1, 2], up_to: 0}}\n",
        3,
        "places.up_to: 0 is no whole number from 1",
        "",
    ),
    (f"{BASES}replace: [C3]\n", 2, "C3 is no replacement", "C3 -> C3[M]"),
    (f"{BASES}replace: [C3 -> M]\n", 2, "M alone is no block", "C3+M"),
    (f"{BASES}replace: ['C3 -> C3[M]']\n", 2, "M stands for", ""),
    (f"{BASES}replace: ['C3 -> C3[SEE]']\n", 2, "no bundled attention", "Did you mean SE"),
    (f"{BASES}replace: ['Conv -> Conv[SE]']\n", 2, "Conv has no bottleneck", "C2f"),
    (f"{BASES}replace: {{}}\n", 2, "replace: is empty", ""),
    (f"{BASES}replace: {{C3: [C3[SE]]}}\n", 2, "is not YAML", "quote what has brackets: 'C3[SE]'"),
    (f"{BOTH}name: '{{base}}_{{mod}}'\n", 4, "name: there is no {mod}", "{module}"),
    (f"{BOTH}name: SE\n", 4, "every variant would have the same name", "{base}"),
    (f"{BOTH}baseline: 1\n", 4, "baseline: 1 is neither true nor false", ""),
    (f"{BOTH}identity_init: 1\n", 4, "identity_init: 1 is neither true nor false", ""),
    (f"{BOTH}max_variants: 0\n", 4, "max_variants: 0 is no whole number", ""),
    (f"{BOTH}imgsz: 0\n", 4, "imgsz: 0 is no whole number", ""),
    (f"{BOTH}nc: true\n", 4, "nc: True is no whole number", ""),
    (f"{BOTH}channels: c1\n", 4, "'c1' is none of nominal, c2", ""),
    (f"{BOTH}builder: torch\n", 4, "'torch' is none of bundled, ultralytics", ""),
    (f"{BOTH}dialect: yolov6\n", 4, "'yolov6' is none of yolov3, ", ""),
    (f"{BOTH}include: [{{modul: SE}}]\n", 4, "include[0].modul: there is no such key", "module?"),
    ("bases: []\nmodules: [SE]\nplaces: [2]\n", 1, "bases: is empty", ""),
    (f"{BASES}modules: [SE]\nplaces: [P3+]\n", 3, "P3+ lacks a place beside the +", ""),
    (f"{PLACES}modules: [C3SE]\n", 3, "C3SE is a block with attention", "replace: {C3: 'C3[SE]'}"),
    (f"{PLACES}modules: [SE+]\n", 3, "SE+ lacks a module beside the +", "SE+CBAM"),
    (f"{PLACES}modules: [SE+CBAN]\n", 3, "no bundled attention", "Did you mean CBAM"),
    (f"{PLACES}modules: [SE@P3 + CBAM@P5]\n", 3, "names places", "--module SE --after P3"),
    (f"{PLACES}modules: [C3+SE]\n", 3, "C3+SE is a block with attention", "replace: "),
    (f"{PLACES}modules: [SE+CrossAttention]\n", 3, "reads 2 maps", "by itself"),
    (f"{PLACES}modules: {{SE+ECA: {{ratio: 8}}}}\n", 3, "does not say whose", "SE.ratio: 8"),
    (f"{PLACES}modules: {{SE+ECA: {{ECA.ratio: 8}}}}\n", 3, "ECA has no parameter ratio", ""),
    (f"{PLACES}modules: SE, CBAM\n", 3, "no bundled", "Several are a list: [SE, CBAM]"),
    (f"{PLACES}modules:\n\tSE:\n", 4, "is not YAML", "Replace the tab"),
    (f"{PLACES}modules:\n  SE\uff1a\n  CBAM:\n", 4, 'has "\uff1a" (U+FF1A', 'Write ":"'),
    (f"{PLACES}modules: {{SE\uff1a{{}}}}\n", 3, "is not YAML", 'It has "\uff1a" (U+FF1A'),
    (f"{PLACES}modules: [SE\uff0cCBAM]\n", 3, "modules[0]: no bundled", 'Write ","'),
    (f"{BOTH}exclude: [*_SE]\n", 4, "is not YAML", "Quote what begins with a star: '*_SE'"),
    (f"{PLACES}modules:[SE]\nnc: 2\n", 4, "is not YAML", "behind the colon in line 3"),
    (f"{PLACES}modules: {{SE:\nnc: 2\n", 4, "is not YAML", "missing here or in the line above"),
    (f"{PLACES}modules:\n  - SE\n  CBAM:\n", 5, "is not YAML", "all with a `-` or none"),
]


@pytest.mark.parametrize(("text", "line", "message", "hint"), REFUSED)
def test_a_key_or_value_without_a_meaning_is_refused_with_its_line(
    read: Read, text: str, line: int | None, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    error = caught.value
    assert message in error.message
    assert hint in (error.hint or "")
    assert Path(str(error.path)).name == "study.yaml"
    assert error.line == line


def test_a_study_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_study(tmp_path / "none.yaml")
    (tmp_path / "study.yaml").write_bytes(b"bases: \xff")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_study(tmp_path / "study.yaml")


def test_a_key_with_nothing_behind_it_is_left_out(read: Read) -> None:
    study = read(f"{BOTH}nc:\nname:\nreplace:\n")
    assert (study.nc, study.name.text, study.swaps) == (None, "{base}_{module}_{place}", ())


def test_a_byte_order_mark_and_cjk_do_no_harm(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf" + f"# 消融实验\r\n{BOTH}".encode())
    assert [each.name for each in load_study(path).attentions] == ["SE"]


def test_every_combination_of_parameters_is_a_module(read: Read) -> None:
    found = read(
        f"{PLACES}modules:\n"
        "  SE: {ratio: [8, 16], identity_init: [false, true]}\n"
        "  CA: [{ratio: 8}, {}]\n"
    ).attentions
    assert [(each.name, dict(each.parameters)) for each in found] == [
        ("SE", {"ratio": 8}),
        ("SE", {"ratio": 8, "identity_init": True}),
        ("SE", {}),  # 16 and false are the defaults
        ("SE", {"identity_init": True}),
        ("CoordAtt", {"ratio": 8}),
        ("CoordAtt", {}),
    ]


def test_an_item_of_the_list_may_have_parameters(read: Read) -> None:
    found = read(f"{PLACES}modules: [CBAM, SE: {{ratio: [4, 8]}}]\n").attentions
    assert [(each.name, dict(each.parameters)) for each in found] == [
        ("CBAM", {}),
        ("SE", {"ratio": 4}),
        ("SE", {"ratio": 8}),
    ]


def test_a_class_of_the_users_is_looked_for_beside_the_study(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir("/")
    [found] = read(f"{PLACES}modules: {{./mine.py:Scale: {{by: 3.0}}}}\n").attentions
    assert (found.written, found.name, dict(found.parameters)) == (
        "./mine.py:Scale",
        "Scale",
        {"by": 3.0},
    )


def test_two_classes_that_rows_could_not_tell_apart_are_refused(read: Read, tmp_path: Path) -> None:
    for name in ("mine.py", "other.py"):
        (tmp_path / name).write_text(OWN)
    with pytest.raises(UsageError, match=r"modules\[1\]: the rows of two classes would say Scale"):
        read(f"{PLACES}modules: ['./mine.py:Scale', './other.py:Scale']\n")


def test_m_stands_for_every_module_that_a_block_can_hold(read: Read) -> None:
    swaps = read(
        f"{BASES}places: [2, 'inputs 2,1']\n"
        "modules:\n  SE: {ratio: [4, 8]}\n  CrossAttention:\n  CBAM:\n"
        "replace: ['C3 -> C3[M]', C3 -> C3+M]\n"
    ).swaps
    assert [each.block for each in swaps] == ["C3[SE]", "C3[CBAM]", "C3+SE", "C3+CBAM"]
