"""Reading files: spans, comments, and every way in which a file can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import SMALL, document

from yaml_attn.config.diagnosis import UnreadableError
from yaml_attn.config.document import Document, comment_number
from yaml_attn.errors import DocumentError, WiringError


def test_rows_know_where_they_and_their_references_stand() -> None:
    found = document()
    row = found.rows[5]
    assert found.text[slice(*row.span)] == "[[-1, 2], 1, Concat, [1]]"
    assert [found.text[slice(*each)] for each in row.references] == ["-1", "2"]
    assert (row.line, row.column) == (14, 5)


@pytest.mark.parametrize(
    ("comment", "number"),
    [
        ("# 9", "9"),
        ("#9", "9"),
        ("# 9-P1/2", "9"),
        ("# 9 (P3/8-small)", "9"),
        ("# 9, 11 (P3)", "9"),
        ("# 10", None),
        ("# cat 9", None),
        ("# 9x9 conv", None),
        ("# 9.5", None),
        ("# 9+1", None),
        ("# 9/16", None),
        ("# 90", None),
    ],
)
def test_a_comment_is_an_index_only_if_it_starts_with_the_rows_own(
    comment: str, number: str | None
) -> None:
    rows = "\n".join("  - [-1, 1, Conv, [8]]" for _ in range(9))
    text = f"backbone:\n{rows}\n  - [-1, 1, C3, [8]]  {comment}\nhead:\n  - [[9], 1, Detect, []]\n"
    found = document(text)
    span = found.rows[9].comment_index
    assert (span and found.text[slice(*span)]) == number


def test_values_are_those_of_the_frameworks_parser() -> None:
    text = SMALL.replace("[8, 3, 2]", "[010, 1e-3, yes, None, ~]")
    assert document(text).rows[0].values == [-1, 1, "Conv", [8, "1e-3", True, "None", None]]


def test_empty_from_of_the_oldest_heads_is_read() -> None:
    found = document(SMALL.replace("[[6, 3], 1, Detect", "[[], 1, Detect"))
    assert found.network.layers[-1].sources == ()


ROW = "A row is `[from, number, module, args]`, e.g. `[-1, 1, Conv, [64, 3, 2]]`."
ALIAS = "Write the numbers out: an edit could not tell which of its uses is meant."


def refused_as(cause: str, hint: str, text: str) -> UnreadableError:
    error = refused(text)
    assert isinstance(error, UnreadableError)
    assert (error.cause, error.hint) == (cause, hint)
    return error


def refused(text: str | bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        Document.parse(text if isinstance(text, bytes) else text.encode(), Path("x.yaml"))
    assert str(caught.value).startswith("x.yaml")
    return caught.value


@pytest.mark.parametrize(("before", "line"), [(b"nc: 1\n# ", 2), (b"\n", 2), (b"", 1)])
def test_bytes_that_are_not_utf8_are_located(before: bytes, line: int) -> None:
    error = refused(before + b"\xb7\nbackbone: []\n")
    assert isinstance(error, UnreadableError)
    assert (error.cause, error.line) == ("encoding", line)
    assert error.message == f"is not UTF-8: byte 0xb7 at offset {len(before)}"
    assert error.hint == "Save the file as UTF-8 (an editor's 'Save with encoding')."


@pytest.mark.parametrize(
    ("text", "encoding", "is_gbk"),
    [
        ("\u4e2d\u6587", "gbk", True),
        ("pr\u00eate", "latin-1", False),
        ("a", "utf-16", False),
    ],
)
def test_gbk_is_told_from_other_encodings(text: str, encoding: str, is_gbk: bool) -> None:
    hint = refused(f"nc: 1  # {text}\nbackbone: []\n".encode(encoding)).hint
    assert hint
    assert hint.startswith("It looks like GBK. Save the file") == is_gbk
    assert ("iconv -f GBK -t UTF-8" in hint) == is_gbk


def test_a_thousand_dashes_are_refused() -> None:
    error = refused("backbone:\n" + "- " * 2000 + "1\nhead: []\n")
    assert isinstance(error, UnreadableError)
    assert error.cause == "syntax"


def test_a_document_knows_its_file() -> None:
    assert Document.parse(SMALL.encode(), Path("x.yaml")).path == Path("x.yaml")
    assert document().path is None


@pytest.mark.parametrize("text", ["  [{}, {}\n  ]\n", "  - {} {}\n"])
@pytest.mark.parametrize(
    ("comment", "number"), [("# 7", "7"), ("#12 (P3)", "12"), ("# cat 7", None), ("", None)]
)
def test_the_number_that_opens_a_comment_is_found_whatever_it_says(
    text: str, comment: str, number: str | None
) -> None:
    row = "[-1, 1, Conv, [8]]"
    found = document(f"backbone:\n{text.format(row, comment)}head:\n  - [-1, 1, Detect, []]\n")
    span = comment_number(found.text, found.rows[0])
    assert (span and found.text[slice(*span)]) == number


def test_invalid_yaml_is_located() -> None:
    error = refused(
        SMALL.replace("[-1, 1, C3, [16]]\n  - [-1, 1, Conv, [32", "[-1, 1, C3, [16\n- [")
    )
    assert error.line


def test_no_break_spaces_are_named() -> None:
    error = refused(SMALL.replace("  - [-1, 1, C3, [16]]\n", " \u00a0- [-1, 1, C3, [16]]\n", 1))
    assert "U+00A0 (no-break space)" in error.message
    assert (error.line, error.column) == (9, 2)


def test_a_missing_comma_is_found_in_the_row_that_lacks_it() -> None:
    text = (
        "backbone:\n  [[-1, 1, A, []],\n   [-1, 1, B, []]  # x\n   [-1, 1, C, []],\n  ]\nhead: []\n"
    )
    assert refused(text).hint == "A comma is missing at the end of the row in line 3."


def test_a_row_out_of_line_is_named() -> None:
    error = refused(SMALL.replace("  - [-1, 1, C3, [16]]\n", " - [-1, 1, C3, [16]]\n", 1))
    assert "not indented like the rows around it" in str(error.hint)


@pytest.mark.parametrize("separator", ["---\n", "...\n---\n", "...\nnc: 3\n"])
def test_two_documents_are_refused(separator: str) -> None:
    assert "more than one YAML document" in refused("nc: 1\n" + separator + SMALL).message


def test_a_duplicate_key_is_refused_with_both_lines() -> None:
    hint = "The frameworks would silently take the last one; delete the other."
    error = refused_as("duplicate key", hint, SMALL + "head: []\n")
    assert error.message == "the key `head:` stands twice, first in line 12"
    assert error.line == 17


def test_duplicate_keys_are_refused_where_aliases_are_used_too() -> None:
    aliases = "x: &x [1]\ny: *x\nz: [*x, *x]\n"
    assert document(aliases + SMALL).rows
    assert "`n:` stands twice" in refused(f"s: {{n: 1, n: 2}}\n{aliases}{SMALL}").message


def test_duplicate_keys_below_the_top_are_refused_too() -> None:
    assert "`n:` stands twice" in refused("scales:\n  n: 1\n  n: 2\n" + SMALL).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no top-level keys"),
        ("- 1\n", "no top-level keys"),
        ("train: a\nnames: [b]\n", "no `backbone:` and no `head:`"),
        ("backbone:\n  - [-1, 1, Conv, [8]]\n", "no `head:`"),
        ("backbone: 3\nhead: []\n", "`backbone:` is not a list of rows"),
        ("backbone:\nhead: []\n", "`backbone:` is not a list of rows"),
    ],
)
def test_what_is_no_model_config_is_said(text: str, message: str) -> None:
    error = refused(text)
    assert message in error.message
    if "list of rows" in message:
        refused_as("row", ROW, text)
    else:
        assert isinstance(error, UnreadableError)
        assert error.cause == "sections"
        assert error.message.startswith("is not a model config: it has no ")


def test_what_is_not_called_like_a_config_is_refused_for_want_of_sections() -> None:
    with pytest.raises(UnreadableError, match="is no YOLO config") as caught:
        Document.parse(b"# Title\n", Path("README.md"))
    assert caught.value.cause == "sections"


def test_the_keys_that_a_file_has_are_named() -> None:
    text = "1: a\ntrain: a\n"
    message = "is not a model config: it has no `backbone:` and no `head:`"
    assert refused_as("sections", "Its top-level keys: 1, train.", text).message == message
    assert refused_as("sections", "Its top-level keys: none.", "{}").message == message


def test_integers_of_64_bits_are_read() -> None:
    values = document(SMALL.replace("[16]", f"[{-(2**63)}, {2**63 - 1}, -1000]", 1)).rows[2].values
    assert values[3] == [-(2**63), 2**63 - 1, -1000]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("[-1, 1, C3]", "has 3 items instead of 4"),
        ("[-1, 1, C3, [16], None]", "has 5 items"),
        ("[C3]", "has 1 item instead of 4"),
        ("C3", "is no list"),
        ("['-1', 1, C3, [16]]", "as `from`"),
        ("[true, 1, C3, [16]]", "as `from`"),
        ("[[-1, x], 1, C3, [16]]", "as `from`"),
        ("[-1, n, C3, [16]]", "as `number`"),
        ("[-1, 1, 3, [16]]", "as `module`"),
        ("[-1, 1, C3, 16]", "as `args`"),
    ],
)
def test_a_row_that_is_none_is_refused_at_its_line(row: str, message: str) -> None:
    error = refused_as("row", ROW, SMALL.replace("[-1, 1, C3, [16]]", row, 1))
    assert message in error.message
    assert error.line == 9


def test_a_full_width_comma_is_refused_in_a_row_alone() -> None:
    comma = "\uff0c"
    found = document(f"names:\n  - [a{comma}b]\n{SMALL}")
    assert found.settings["names"] == [[f"a{comma}b"]]
    text = SMALL.replace("[-1, 1, C3, [16]]", f"[-1{comma}1, C3, [16]]", 1)
    error = refused_as("character", 'Write ",".', text)
    assert (error.line, error.column) == (9, 8)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("6", "itself"),
        ("7", "a later layer"),
        ("99", "there is no layer 99, the last is 7"),
        ("-8", "before the first"),
    ],
)
def test_a_reference_that_reads_no_layer_is_refused(source: str, message: str) -> None:
    with pytest.raises(WiringError, match=message) as caught:
        document(SMALL.replace("[-1, 1, C3, [16]]  # 6", f"[{source}, 1, C3, [16]]  # 6")).network  # noqa: B018
    assert (caught.value.layer, caught.value.line) == (6, 15)
    assert "-6 to 5" in str(caught.value.hint)


def test_aliases_are_refused_where_an_edit_could_not_tell_what_they_mean() -> None:
    anchored = SMALL.replace("nc: 2", "nc: 2\nat: &at 2\nrow: &row [-1, 1, C3, [16]]")
    error = refused_as("row", ALIAS, anchored.replace("[-1, 2]", "[-1, *at]"))
    assert error.message == "row 5 has an alias in its `from`"
    error = refused_as("row", ALIAS, anchored.replace("- [-1, 1, C3, [16]]", "- *row"))
    assert error.message == "row 2 is an alias of another row"


def test_a_section_that_is_an_alias_is_refused() -> None:
    rows = SMALL[SMALL.index("  - ") : SMALL.index("\nhead:")]
    text = f"rows: &rows\n{rows}\nbackbone: *rows\n{SMALL[SMALL.index('head:') :]}"
    error = refused_as("row", ALIAS, text)
    assert error.message == "`backbone:` is an alias of a list written elsewhere"
    assert error.line == 7


def test_aliases_in_args_and_anchors_on_references_are_harmless() -> None:
    text = SMALL.replace("nc: 2", "nc: 2\nwide: &wide 16").replace("[16]]", "[*wide]]", 1)
    text = text.replace("[-1, 2]", "[-1, &skip 2]")
    found = document(text)
    assert found.text[slice(*found.rows[5].references[1])] == "2"


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("!!int -1", "-1"),
        ("&a !!int -1", "-1"),
        ("!!int   # why\n     -1", "-1"),
        ("!!int '- 1'", "'- 1'"),
    ],
)
def test_an_anchor_or_a_tag_is_not_part_of_a_reference(source: str, number: str) -> None:
    found = document(SMALL.replace("[-1, 1, C3, [16]]", f"[{source}, 1, C3, [16]]", 1))
    assert found.rows[2].values[0] == -1
    assert found.text[slice(*found.rows[2].references[0])] == number


def test_an_anchor_or_a_tag_is_not_part_of_a_row() -> None:
    found = document(SMALL.replace("[-1, 1, C3, [16]]", "&a !!seq [-1, 1, C3, [16]]", 1))
    assert found.text[slice(*found.rows[2].span)] == "[-1, 1, C3, [16]]"


def test_a_section_merged_from_another_mapping_is_refused() -> None:
    backbone, head = SMALL.split("head:")
    merged = backbone.replace("backbone:", "base: &base\n backbone:").replace("\n  -", "\n   -")
    error = refused_as("row", ALIAS, f"{merged}<<: *base\nhead:{head}")
    assert error.message == "`backbone:` is merged from another mapping"


def test_aliases_that_hold_ten_thousand_million_values_are_refused_at_once() -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)]
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(levels)
    message = "is not a config: its aliases make it too large, or endless"
    assert refused(bomb + SMALL).message == message
    assert document("".join([bomb[: bomb.index("a4:")], SMALL])).rows


@pytest.mark.parametrize("endless", ["x: &x [*x]\n", "x: &x {a: *x}\n", "x: &x [{a: [*x]}]\n"])
def test_an_alias_of_what_it_stands_in_is_refused(endless: str) -> None:
    assert "or endless" in refused(endless + SMALL).message


@pytest.mark.parametrize("number", [f"0x{'F' * 5000}", str(2**63), str(-(2**63) - 1)])
@pytest.mark.parametrize("place", ["[{}, 1, C3, [16]]", "[-1, {}, C3, [16]]", "[-1, 1, C3, [{}]]"])
def test_an_integer_that_no_framework_could_use_is_refused_where_it_stands(
    number: str, place: str
) -> None:
    error = refused(SMALL.replace("[-1, 1, C3, [16]]", place.format(number), 1))
    assert error.message == "is not YAML: found an integer of more than 64 bits"
    assert (error.line, error.column) == (9, 5 + place.index("{"))


def test_a_number_of_a_thousand_digits_in_a_comment_is_no_index() -> None:
    found = document(SMALL.replace("# 3", f"# {'3' * 5000}").replace("# 6", "# 0006"))
    assert found.rows[3].comment_index is None
    assert found.rows[6].comment_index is not None


@pytest.mark.parametrize(
    "value", ["!!int ''", "!!int +", "!!float ''", "!!bool maybe", "!!timestamp soon"]
)
def test_a_tag_that_its_value_does_not_fit_is_refused(value: str) -> None:
    error = refused(SMALL.replace("[16]]", f"[{value}]]", 1))
    assert error.message == "is not a config: it has a tag that its value does not fit"


@pytest.mark.parametrize("tag", ["!", "&a !"])
@pytest.mark.parametrize("value", ["[16, {} ]", "[16, {}\n    ]", "[{{k: {} }}]"])
def test_a_tag_without_name_and_value_is_refused(tag: str, value: str) -> None:
    error = refused(SMALL.replace("[16]", value.format(tag), 1))
    assert isinstance(error, UnreadableError)
    assert error.cause == "syntax"
    assert error.message.startswith("a tag without name and value is an empty text to some")
    assert error.line == 9
    assert document(SMALL.replace("[16]", "[16, ! x, !!str , &a , '!', \"\"]", 1)).rows


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("\ufeff\ufeff" + SMALL, 1, 1),
        ("nc: 1\n# \ufeff\n\ufeff" + SMALL, 2, 3),
        ("nc: 1\r\n\ufeff" + SMALL, 2, 1),
        (SMALL.replace("# 3", "# \ufeff"), 10, 34),
    ],
)
def test_a_byte_order_mark_inside_the_file_is_refused(text: str, line: int, column: int) -> None:
    hint = "Delete the character; two files were probably joined."
    error = refused_as("character", hint, text)
    assert error.message == "has a byte order mark (U+FEFF) that is not at its beginning"
    assert (error.line, error.column) == (line, column)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(DocumentError) as caught:
        Document.load(path)
    assert str(caught.value) == f"{path}: no such file"
    with pytest.raises(DocumentError) as caught:
        Document.load(tmp_path)
    assert (
        str(caught.value)
        == f"{tmp_path}: is a folder, not a config file\nName one of the files in it."
    )
    path.write_bytes(b"nc: 1\n")
    with pytest.raises(DocumentError, match="is not a model config") as caught:
        Document.load(path)
    assert caught.value.path == path


def test_a_file_that_the_system_refuses_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:  # root may read anything: the refusal is played
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.yaml").write_text("")
    monkeypatch.setattr("yaml_attn.files.os.open", refused)
    with pytest.raises(DocumentError) as caught:
        Document.load(tmp_path / "x.yaml")
    assert str(caught.value) == f"{tmp_path / 'x.yaml'}: cannot be read (Permission denied)"
