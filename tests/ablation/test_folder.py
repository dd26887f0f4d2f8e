"""The folder of a study: nothing is written twice, nothing of the user's is touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from ablation.studies import Read
from configs import SMALL

from yaml_attn import files
from yaml_attn.ablation import Folder, Shard, run
from yaml_attn.errors import OutputError
from yaml_attn.files import digest, templates

Open: TypeAlias = Callable[..., Folder]

SE = "bases: small.yaml\nmodules: [SE]\nplaces: [2, 3]\n"
BOTH = SE.replace("[SE]", "[SE, ECA]")
TABLES = {"manifest.csv", "summary.md", "summary.tex"}
NAMES = {"manifest.json", *TABLES} | {f"small_{name}.yaml" for name in ("baseline", "SE_2", "SE_3")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "configs"


@pytest.fixture
def opened(read: Read, path: Path) -> Open:
    """The folder beside what a study gives; nothing is built."""

    def call(text: str = SE, *, shard: Shard | None = None, **options: Any) -> Folder:
        return Folder(path, run(read(text), build=False, shard=shard), **options)

    return call


def content(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.iterdir()}


def test_a_second_run_writes_nothing(opened: Open, path: Path) -> None:
    assert set(opened().update()) == NAMES == set(content(path))
    times = {each: each.stat().st_mtime_ns for each in path.iterdir()}
    assert opened().update() == ()
    assert opened().stale == ()
    assert {each: each.stat().st_mtime_ns for each in path.iterdir()} == times


def test_only_what_changed_is_written(opened: Open, path: Path) -> None:
    opened().update()
    (path / "small_SE_2.yaml").unlink()
    assert opened().update() == ("small_SE_2.yaml",)
    written = opened(BOTH).update()
    assert set(written) == {"small_ECA_2.yaml", "small_ECA_3.yaml", "manifest.json", *TABLES}


def test_the_same_study_gives_the_same_bytes_whatever_was_there(opened: Open, path: Path) -> None:
    opened(BOTH).update()
    opened(SE.replace("[2, 3]", "[1]")).update()
    opened().update(prune=True)
    found = content(path)
    for each in path.iterdir():
        each.unlink()
    opened().update()
    assert content(path) == found


@pytest.mark.parametrize("name", ["small_SE_2.yaml", "manifest.json", *sorted(TABLES)])
def test_a_changed_or_missing_file_is_stale_by_its_name(
    opened: Open, path: Path, name: str
) -> None:
    opened().update()
    file = path / name
    file.write_bytes(file.read_bytes().replace(b"SE", b"CA"))
    assert opened().stale == ((name, "changed"),)
    file.unlink()
    assert opened().stale == ((name, "missing"),)


def test_everything_is_missing_where_there_is_no_folder(opened: Open, path: Path) -> None:
    assert {name for name, state in opened().stale if state == "missing"} == NAMES
    assert not path.exists()


def test_a_file_of_the_users_in_the_way_stops_all(opened: Open, path: Path) -> None:
    path.mkdir()
    (path / "small_SE_3.yaml").write_text("mine")
    with pytest.raises(OutputError, match=r"small_SE_3\.yaml: not made by this study"):
        opened().update()
    assert content(path) == {"small_SE_3.yaml": b"mine"}
    opened(force=True).update()
    assert set(content(path)) == NAMES


def test_a_config_that_somebody_changed_is_the_users(opened: Open, path: Path) -> None:
    opened().update()
    (path / "small_SE_3.yaml").write_text("mine")
    before = content(path)
    for text in (SE, BOTH):
        with pytest.raises(OutputError, match=r"small_SE_3\.yaml: not made .* or changed since"):
            opened(text).update()
    assert content(path) == before


def test_what_the_study_gives_no_more_goes_with_prune_alone(opened: Open, path: Path) -> None:
    opened(BOTH).update()
    (path / "notes.txt").write_text("mine")
    gone = ("small_ECA_2.yaml", "small_ECA_3.yaml")
    assert opened().left == gone
    for _ in range(2):
        opened().update()
        assert opened().left == gone
        assert opened().stale == tuple((name, "left over") for name in gone)
    opened().update(prune=True)
    assert set(content(path)) == NAMES | {"notes.txt"}
    assert opened().stale == ()


def test_what_somebody_changed_is_never_removed(opened: Open, path: Path) -> None:
    opened(BOTH).update()
    (path / "small_ECA_2.yaml").write_text("mine")
    assert opened().kept == ("small_ECA_2.yaml",)
    opened().update(prune=True)
    assert set(content(path)) == NAMES | {"small_ECA_2.yaml"}
    assert opened().stale == ()


def test_what_is_left_over_is_taken_up_again(opened: Open) -> None:
    opened(BOTH).update()
    opened().update()
    assert "small_ECA_2.yaml" not in opened(BOTH).update()
    assert opened(BOTH).stale == ()


def test_a_file_with_the_same_bytes_is_not_in_the_way(opened: Open, path: Path) -> None:
    opened().update()
    (path / "manifest.json").unlink()
    assert opened().update() == ("manifest.json",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "is no manifest of a study"),
        ("not JSON", "is no manifest of a study"),
        ('{"schema": 2, "variants": [], "files": [], "left": []}', "is of a later version"),
        (
            '{"schema": 1, "variants": [], "files": [], "left": [{"file": "../x", "sha256": ""}]}',
            "no file of this folder",
        ),
    ],
)
def test_another_manifest_is_never_written_over(
    opened: Open, path: Path, text: str, message: str
) -> None:
    path.mkdir()
    (path / "manifest.json").write_text(text)
    with pytest.raises(OutputError, match=message) as caught:
        opened().update()
    assert caught.value.path == path / "manifest.json"
    assert content(path) == {"manifest.json": text.encode()}
    opened(force=True).update()
    assert set(content(path)) == NAMES


def test_a_base_is_never_written_over(opened: Open, tmp_path: Path) -> None:
    folder = opened(f"{SE}name: '{{base}}{{place}}'\n", force=True)
    beside = Folder(tmp_path, folder.result, force=True)
    with pytest.raises(OutputError, match="is a base of the study"):
        beside.update()
    assert (tmp_path / "small.yaml").read_text() == SMALL


def test_a_folder_that_cannot_be_is_said_to_be_so(opened: Open, path: Path) -> None:
    path.write_text("a file")
    with pytest.raises(OutputError, match="cannot be read"):
        opened().update()
    path.unlink()
    (path / "small_SE_2.yaml").mkdir(parents=True)
    with pytest.raises(OutputError, match="is a folder"):
        opened().update()


def test_parts_of_a_study_live_in_one_folder(opened: Open, path: Path) -> None:
    for number in (1, 2):
        opened(shard=Shard(number, 2)).update()
    assert opened(shard=Shard(1, 2)).stale == ()
    names = {
        f"{Path(name).stem}-{number}-of-2{Path(name).suffix}"
        for number in (1, 2)
        for name in (*TABLES, "manifest.json")
    }
    assert set(content(path)) == names | {name for name in NAMES if name.startswith("small")}
    made = json.loads((path / "manifest-2-of-2.json").read_bytes())["variants"]
    assert [each["name"] for each in made] == ["small_SE_2"]
    assert set(opened().update()) == {"manifest.json", *TABLES}


def test_what_a_killed_run_left_of_our_files_is_swept(opened: Open, path: Path) -> None:
    opened(BOTH).update()
    for name in ("manifest.json", "small_SE_2.yaml", "small_ECA_2.yaml", "mine.yaml"):
        files._temporary(path / name).write_text("half")
    opened().update(prune=True)
    assert set(content(path)) == NAMES | {files._temporary(Path("mine.yaml")).name}


@pytest.mark.parametrize("name", ["small_SE_2.yaml", "manifest.json", "summary.md"])
@pytest.mark.parametrize("force", [False, True])
def test_what_appears_or_changes_after_the_look_is_not_replaced(
    opened: Open, path: Path, name: str, force: bool
) -> None:
    if force:
        opened().update()
        (path / name).write_bytes(b"{}")
    folder = opened(BOTH, force=force)
    assert folder.stale
    path.mkdir(exist_ok=True)
    (path / name).write_text("mine")
    with pytest.raises(OutputError, match="was changed since" if force else "exists already"):
        folder.update()
    assert (path / name).read_text() == "mine"


def forge(path: Path, *records: dict[str, str]) -> None:
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["left"] += records
    (path / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "name", ["notes.txt", "x\0.yaml", "\ud800.yaml", "..", ".yaml/..", "a/b.yaml", "/etc/passwd"]
)
def test_a_forged_manifest_names_no_file_that_no_study_makes(
    opened: Open, path: Path, name: str
) -> None:
    opened().update()
    (path / "notes.txt").write_text("mine")
    forge(path, {"file": name, "sha256": digest(b"mine")})
    with pytest.raises(OutputError, match="is no manifest of a study"):
        opened().update(prune=True)
    assert (path / "notes.txt").read_text() == "mine"


def test_a_forged_manifest_removes_no_config_that_no_study_made(
    opened: Open, path: Path, tmp_path: Path
) -> None:
    opened(BOTH).update()
    (path / "data.yaml").write_text("train: images\n")
    (path / "base.yaml").write_text(SMALL)
    (path / "stock.yaml").write_bytes(templates()["yolov5s.yaml"].read_bytes())
    (tmp_path / "mine.yaml").write_bytes((path / "small_ECA_2.yaml").read_bytes())
    (path / "link.yaml").symlink_to(tmp_path / "mine.yaml")
    theirs = ("base.yaml", "data.yaml", "link.yaml", "stock.yaml")
    forge(path, *({"file": name, "sha256": digest((path / name).read_bytes())} for name in theirs))
    assert opened().kept == theirs
    opened().update(prune=True)
    assert set(content(path)) == NAMES | {*theirs}
    assert (path / "link.yaml").is_symlink()


def test_the_base_beside_its_configs_is_never_removed(opened: Open, tmp_path: Path) -> None:
    result = opened().result
    Folder(tmp_path, result).update()
    forge(tmp_path, {"file": "small.yaml", "sha256": digest(SMALL.encode())})
    folder = Folder(tmp_path, result)
    assert (folder.left, folder.kept) == ((), ("small.yaml",))
    folder.update(prune=True)
    assert (tmp_path / "small.yaml").read_text() == SMALL


def test_what_changes_before_it_is_pruned_stays(opened: Open, path: Path) -> None:
    opened(BOTH).update()
    folder = opened()
    assert folder.left
    (path / folder.left[0]).write_text("mine")
    with pytest.raises(OutputError, match="was changed since"):
        folder.update(prune=True)
    assert (path / folder.left[0]).read_text() == "mine"


def test_no_link_leads_a_study_out_of_its_folder(opened: Open, path: Path, tmp_path: Path) -> None:
    path.mkdir()
    outside = tmp_path / "outside.yaml"
    (path / "small_SE_2.yaml").symlink_to(outside)
    with pytest.raises(OutputError, match="is a link that leads out"):
        opened(force=True).update()
    assert not outside.exists()
    assert [each.name for each in path.iterdir()] == ["small_SE_2.yaml"]
