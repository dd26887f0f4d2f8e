"""What a study gives: configs that `insert` would have written, and figures that building gave."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ablation.studies import OWN, Read
from configs import SMALL

from yaml_attn import Insert, load
from yaml_attn.ablation import Folder, Result, Shard, run
from yaml_attn.ablation.producing import Made
from yaml_attn.ablation.tables import start_notes
from yaml_attn.building.memo import Memo
from yaml_attn.building.report import BuildReport, LayerReport
from yaml_attn.config.document import Document
from yaml_attn.config.network import Network
from yaml_attn.errors import InternalError, UsageError
from yaml_attn.escaping import markdown

MODULES = {"Conv", "C3", "nn.Upsample", "Concat", "Detect"}


def manifest(result: Result) -> Any:
    return json.loads(Folder(Path("configs"), result).manifest_data)


def made(result: Result, name: str) -> Made:
    return next(each for each in result.made if each.variant.name == name)


def test_a_config_is_what_insert_writes_and_its_figures_are_what_build_gives(
    read: Read, tmp_path: Path
) -> None:
    result = run(read("bases: small.yaml\nmodules: {SE: {ratio: 8}}\nplaces: [[P2, before 3]]\n"))
    base = load(tmp_path / "small.yaml")
    edited = base.edit(
        Insert("SE", after="P2", parameters={"ratio": 8}),
        Insert("SE", before=3, parameters={"ratio": 8}),
    )
    found = made(result, "small_SE-ratio8_P2-before-3")
    report, before = edited.build(), base.build()
    assert found.data == edited.data
    assert found.facts is not None
    assert found.facts.method == "bundled"
    assert found.facts.parameters == report.parameters
    assert found.facts.flops == report.flops
    assert found.facts.strides == report.strides == (4.0, 8.0)
    assert found.facts.added_parameters == report.parameters - before.parameters
    assert found.facts.added_flops == (report.flops or 0) - (before.flops or 0) > 0
    assert found.facts.strides_kept
    assert made(result, "small_baseline").data == base.data


def test_the_manifest_says_what_each_config_is(read: Read) -> None:
    result = run(
        read(
            "bases: small.yaml\nmodules: {SE: {ratio: 4}}\nplaces: [2]\nreplace: {head.C3: C3+SE}\n"
        )
    )
    found = manifest(result)
    _, inserted, replaced = found["variants"]
    assert found["schema"] == 1
    assert inserted["edits"] == [
        {"insert": "SE", "after": "2", "consumers": "all", "channels": "nominal"}
    ]
    assert inserted["settings"] == {"ratio": 4}
    assert inserted["inserted"] == [
        {"index": 3, "row": [-1, 1, "SE", [16, 4]], "reads": [2], "read_by": [4, 6]}
    ]
    assert inserted["index_map"] == {str(old): old + (old > 2) for old in range(8)}
    assert (inserted["wiring"], inserted["built"]) == ("proved", "bundled")
    assert inserted["parameters"] == found["bases"][0]["parameters"] + inserted["parameters_added"]
    assert inserted["strides"] == [4.0, 8.0]
    assert replaced["edits"] == [{"replace": "head.C3", "with": "C3+SE"}]
    assert replaced["replaced"] == [6]


def test_nothing_of_this_machine_is_in_the_files(read: Read, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    result = run(
        read(f"bases: {tmp_path / 'small.yaml'}\nmodules: [SE, ./mine.py:Scale]\nplaces: [2, 7]\n")
    )
    folder = Folder(tmp_path / "configs", result)
    for data in (folder.manifest_data, *folder.files.values()):
        assert str(tmp_path).encode() not in data
    assert manifest(result)["bases"][0]["file"] == "small.yaml"
    assert manifest(result)["variants"][2]["edits"][0]["insert"] == "./mine.py:Scale"


def test_what_cannot_be_built_is_listed_with_its_reason(read: Read) -> None:
    result = run(
        read("bases: small.yaml\nmodules: {CBAM: {kernel_size: [3, 4]}}\nplaces: [2, 7]\n")
    )
    assert [each.variant.name for each in result.made] == [
        "small_baseline",
        "small_CBAM-kernel_size3_2",
    ]
    failed = {each["name"]: each["problem"] for each in manifest(result)["failed"]}
    assert failed["small_CBAM-kernel_size4_2"].startswith("layer 3: CBAM")
    assert "kernel_size must be odd" in failed["small_CBAM-kernel_size4_2"]
    assert "the last" in failed["small_CBAM-kernel_size3_7"]


def test_a_base_that_cannot_be_built_fails_with_all_its_variants(
    read: Read, tmp_path: Path
) -> None:
    study = read("bases: [small.yaml, same.yaml]\nmodules: [SE]\nplaces: [2]\n")
    path = tmp_path / "small.yaml"
    (tmp_path / "same.yaml").write_text(SMALL)
    path.write_text(SMALL.replace("[-1, 2], 1, Concat", "[-1, 1, 3], 1, Concat"))
    result = run(study)
    assert [each.variant.name for each in result.made] == ["same_baseline", "same_SE_2"]
    assert all("the base cannot be built: layer 5: " in each.problem for each in result.failed)
    assert len(result.failed) == 2


def tampered(report: BuildReport, *, more: int) -> BuildReport:
    """The report of a network whose head has more parameters, and reads the strides swapped."""
    head = replace(report.layers[-1], parameters=report.layers[-1].parameters + more)
    return replace(report, layers=(*report.layers[:-1], head), strides=report.strides[::-1])


def test_no_layer_but_the_edited_ones_may_differ_from_the_base(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_report = Memo.report

    def report(self: Memo, network: Network, *args: Any, **options: Any) -> BuildReport:
        found = true_report(self, network, *args, **options)
        original = {layer.module for layer in network.layers} == MODULES
        return found if original else tampered(found, more=5)

    monkeypatch.setattr(Memo, "report", report)
    with pytest.raises(
        InternalError, match=r"layer 8 \(Detect\) would have 355 parameters instead of 350"
    ):
        run(read("bases: small.yaml\nmodules: [SE]\nplaces: [2]\n"))
    # A block in the place of another may change its readers: that is said.
    replaced = run(read("bases: small.yaml\nreplace: {C3: C3SE}\n")).made[1].facts
    assert replaced is not None
    assert replaced.note == (
        "layer 7 (Detect) has 355 parameters instead of 350; "
        "the head reads strides 8, 4 instead of 4, 8"
    )
    assert replaced.strides_kept is False


def test_without_building_nothing_is_known_but_the_wiring(read: Read) -> None:
    result = run(read("bases: small.yaml\nmodules: [SE]\nplaces: [2]\n"), build=False)
    record = manifest(result)["variants"][1]
    assert (record["wiring"], record["built"], record["parameters"]) == ("proved", None, None)
    assert yaml.safe_load(result.made[1].data)["backbone"][3] == [-1, 1, "SE", [16]]


def test_without_ultralytics_the_new_layers_of_its_configs_alone_are_built(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yaml_attn.verifying.builder_of", lambda *_: None)
    text = "bases: yolov8.yaml\nmodules: [SE]\nplaces: [2]\nscales: [n, s]\nreplace: {C3: C3+SE}\n"
    result = run(read(text))
    records = manifest(result)["variants"]
    assert [each["scale"] for each in records] == ["n"] * 3 + ["s"] * 3
    for record in records:
        assert (record["built"], record["parameters"]) == ("new layers alone", None)
        assert record["strides"] == [4.0, 8.0]
    # 16 channels are 8 at both scales: a quarter and a half, rounded up to eights.
    assert records[1]["parameters_added"] == 2 * 8 * 8
    assert records[2]["parameters_added"] is None
    assert made(result, "yolov8n_SE_2").data == made(result, "yolov8s_SE_2").data


def test_a_new_layer_that_cannot_be_constructed_is_not_possible(read: Read) -> None:
    study = "bases: yolov8.yaml\nmodules: {ECA: {kernel_size: [3, 4]}}\nplaces: [2]\nscales: s\n"
    result = run(read(f"{study}builder: bundled\n"))
    assert [each.variant.name for each in result.made] == [
        "yolov8s_baseline",
        "yolov8s_ECA-kernel_size3_2",
    ]
    [failed] = result.failed
    assert failed.problem.startswith("layer 3: ECA")
    assert "kernel_size must be odd" in failed.problem


def test_a_builder_that_is_not_installed_is_a_mistake(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yaml_attn.verifying.builder_of", lambda *_: None)
    with pytest.raises(UsageError, match="builder: ultralytics is not installed here"):
        run(read("bases: yolov8.yaml\nmodules: [SE]\nplaces: [2]\nbuilder: ultralytics\n"))


@pytest.mark.parametrize(
    ("builder", "installed", "built"),
    [
        ("", True, "ultralytics 9.9"),
        ("", False, "new layers alone"),
        ("builder: ultralytics\n", True, "ultralytics 9.9"),
        ("builder: bundled\n", True, "new layers alone"),
    ],
)
def test_ultralytics_configs_are_built_with_what_is_installed_unless_told_otherwise(
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    builder: str,
    installed: bool,
    built: str,
) -> None:
    def build(text: str, *_: Any, **__: Any) -> BuildReport:
        network = Document.parse(text.encode()).network
        layers = [
            LayerReport(at, each.module, 1, 10, (8, 80, 80), 4.0, 2)
            for at, each in enumerate(network.layers)
        ]
        return BuildReport(tuple(layers), 10 * len(layers), (4.0, 8.0), 640)

    monkeypatch.setattr("yaml_attn.frameworks.build_ultralytics.available", lambda: installed)
    monkeypatch.setattr("yaml_attn.frameworks.build_ultralytics.build", build)
    monkeypatch.setattr("yaml_attn.frameworks.build_ultralytics.version", lambda: "9.9")
    bases = "bases: [yolov8.yaml, small.yaml]\nmodules: [SE]\nplaces: [2]\n"
    found = manifest(run(read(bases + builder)))
    assert found["built_with"] == ["bundled", built]
    assert found["variants"][1]["built"] == built.removesuffix(" 9.9")
    assert (found["variants"][1]["parameters"] is None) == (built == "new layers alone")


def test_the_tables_say_what_their_figures_are_of(read: Read, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(SMALL.replace("nc: 2", "nc: 7"))
    text = "bases: [small.yaml, other.yaml]\nmodules: [SE]\nplaces: [2]\n"
    for study, words in (
        (text, "nc 2 (small); nc 7 (other); unfused."),
        (f"{text}nc: 5\n", "small, other; nc 5; unfused."),
    ):
        result = run(read(study), build=False)
        files, found = Folder(Path("configs"), result).files, manifest(result)
        assert words in files["summary.md"].decode().splitlines()[0]
        assert words in files["summary.tex"].decode()
        rows = list(csv.DictReader(io.StringIO(files["manifest.csv"].decode())))
        assert [row["nc"] for row in rows[::2]] == [str(each["nc"]) for each in found["bases"]]
        assert {row["fused"] for row in rows} == {"no"}
        assert not found["fused"]
        for table in ("summary.md", "summary.tex"):
            assert files[table].decode().count("baseline ") == 2
        assert [row["module"] for row in rows] == ["baseline", "SE"] * 2
        assert [each["module"] for each in found["variants"]] == ["baseline", "SE"] * 2


def test_two_mechanisms_in_a_row_are_what_two_insertions_give(read: Read, tmp_path: Path) -> None:
    (tmp_path / "a+b.py").write_text(OWN)
    result = run(
        read(
            "bases: small.yaml\nbaseline: false\nplaces: [2, [before 6, edge 2:5]]\n"
            "modules: {SE+CBAM: {SE.ratio: [4, 16]}, ' ECA + ./a+b.py:Scale': {}, SE+SE: }\n"
        )
    )
    base = load(tmp_path / "small.yaml")
    both = [Insert(name, after=2, parameters={}) for name in ("SE", "CBAM")]
    assert made(result, "small_SE-then-CBAM_2").data == base.edit(*both).data
    both[0] = replace(both[0], parameters={"ratio": 4})
    found = made(result, "small_SE-ratio4-then-CBAM_2")
    assert found.data == base.edit(*both).data
    assert found.facts is not None
    assert [each["row"][2:] for each in found.inserted] == [["SE", [16, 4]], ["CBAM", [16]]]
    assert [each["reads"] for each in found.inserted] == [[2], [3]]
    record = manifest(result)["variants"][0]
    assert (record["module"], record["settings"]) == ("SE+CBAM", {"SE.ratio": 4})
    assert [each["insert"] for each in record["edits"]] == ["SE", "CBAM"]
    assert found.variant.shown_module == "SE+CBAM (SE.ratio 4)"
    names = [each.variant.name for each in result.made]
    assert names[-4:] == [
        "small_ECA-then-Scale_2",
        "small_ECA-then-Scale_before-6-2-to-5",
        "small_SE-then-SE_2",
        "small_SE-then-SE_before-6-2-to-5",
    ]
    assert len(names) == 8
    assert "./a+b.py:Scale" in {
        edit["insert"] for each in manifest(result)["variants"] for edit in each["edits"]
    }


def test_all_that_can_start_as_the_identity_if_the_study_asks(read: Read, tmp_path: Path) -> None:
    study = (
        "bases: small.yaml\nplaces: [2]\nreplace: {head.C3: C3+SE}\n"
        "modules: {SE: , CBAM: {identity_init: [false, true]}, ECA+SimAM: , DANChannel: }\n"
    )
    asked = run(read(f"{study}identity_init: true\n"))
    base = load(tmp_path / "small.yaml")
    for name in ("SE", "DANChannel"):
        inserted = base.insert(name, after=2, parameters={"identity_init": True})
        assert made(asked, f"small_{name}-identity_init_2").data == inserted.data
    starts = {each["name"]: each["starts_as_identity"] for each in manifest(asked)["variants"]}
    assert starts == {
        "small_baseline": True,
        "small_SE-identity_init_2": True,
        "small_CBAM_2": False,
        "small_CBAM-identity_init_2": True,
        "small_ECA-identity_init-then-SimAM-identity_init_2": False,
        "small_DANChannel-identity_init_2": True,
        "small_C3-then-SE_head-C3": False,
    }
    notes = list(start_notes(asked))
    assert notes[0].startswith("CBAM does not start as the identity in every config, as the study")
    assert notes[1].startswith("SimAM, C3ThenSE do not start as the identity, and --identity-init")
    plain = run(read(study), build=False)
    notes = list(start_notes(plain))
    assert notes[0].startswith("SE, CBAM, ECA do not start as the identity: trained from")
    assert "--identity-init (`identity_init: true`" in notes[0]
    for table, written in (("summary.md", markdown), ("summary.tex", str)):
        text = Folder(Path(), plain).files[table].decode()
        assert all(written(note) in text for note in notes)


def test_a_class_that_can_stand_in_no_network_fails(read: Read, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN.replace("* self.by", "[:, :1]"))
    result = run(read("bases: small.yaml\nmodules: [./mine.py:Scale]\nplaces: [2]\n"))
    assert "cannot be used as an attention layer" in result.failed[0].problem


def test_shards_are_the_whole_study_and_share_nothing(read: Read) -> None:
    study = read("bases: small.yaml\nmodules: [SE, ECA]\nplaces: [1, 2, 3]\n")
    whole = [each.variant.name for each in run(study, build=False).made]
    parts = [run(study, build=False, shard=Shard(number, 3)) for number in (1, 2, 3)]
    assert [each.variant.name for each in parts[0].made] == whole[::3]
    assert sorted(each.variant.name for part in parts for each in part.made) == sorted(whole)
    assert manifest(parts[1])["shard"] == "2/3"


def test_the_tables_hold_what_the_manifest_says(read: Read, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        SMALL.replace("nn.Upsample, [None, 2", "nn.Upsample, [None, 2.0")
    )
    result = run(
        read(
            "bases: {a_b: small.yaml, s: s.yaml}\nmodules: {SE: {ratio: 4}}\n"
            "places: [2, 7]\nreplace: {'C3[*]': C3+SE}\n"
        )
    )
    folder, records = Folder(Path("configs"), result), manifest(result)
    rows = list(csv.DictReader(io.StringIO(folder.files["manifest.csv"].decode())))
    by_name = {row["name"]: row for row in rows}
    for record in records["variants"]:
        row = by_name.pop(record["name"])
        assert int(row["parameters"]) == record["parameters"]
        assert int(row["flops"]) / 1e9 == record["gflops"]
        assert (row["sha256"], row["problem"]) == (record["sha256"], "")
    assert {each["name"]: each["problem"] for each in records["failed"]} == {
        name: row["problem"] for name, row in by_name.items()
    }
    text = folder.files["summary.md"].decode()
    added = records["variants"][1]["parameters_added"]
    assert "| a_b | SE (ratio 4) | 2 | 0.0" in text
    assert f" | +{added:,} | " in text
    assert r"| s | C3+SE | C3[\*] | " in text
    assert "- `a_b_SE-ratio4_7`: nothing can be inserted after layer 7" in text
    latex = folder.files["summary.tex"].decode()
    assert r"a\_b & SE (ratio 4) & 2 & 0.0" in latex
    assert latex.count(r"\midrule") == 2
    body = latex.split(r"\toprule")[1].split(r"\bottomrule")[0]
    columns = {line.count(" & ") for line in body.splitlines() if line.endswith(r"\\")}
    assert columns == {6}


def test_tables_spell_out_what_the_study_varies_and_places_one_way(read: Read) -> None:
    result = run(
        read(
            "bases: small.yaml\nbaseline: false\n"
            "modules: {SE: {ratio: [4, 16]}, CBAM: {ratio: 16}}\n"
            "places: ['2,3', [2, before 6], 'before 1,3']\n"
        ),
        build=False,
    )
    text = Folder(Path("configs"), result).files["summary.md"].decode()
    places = ("2, 3", "2, before 6", "before 1, before 3")
    assert text.splitlines()[4:] == [
        f"| {module} | {place} |"
        for module in ("SE (ratio 4)", "SE (ratio 16)", "CBAM")
        for place in places
    ]
    assert result.made[3].variant.name == "small_SE_2-3"
    record = manifest(result)["variants"][3]
    assert (record["settings"], record["places"]) == ({"ratio": 16}, ["2", "3"])


def test_a_study_without_figures_has_tables_without_their_columns(read: Read) -> None:
    result = run(read("bases: small.yaml\nmodules: [SE]\nplaces: [2]\n"), build=False)
    text = Folder(Path("configs"), result).files["summary.md"].decode()
    assert text.splitlines()[2:] == [
        "| Module | Place |",
        "| --- | --- |",
        "| baseline |  |",
        "| SE | 2 |",
    ]
