"""A pickle read as data: the values of honest ones, and hostile ones that get nothing done."""

from __future__ import annotations

import builtins
import collections
import os
import pickle
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yaml_attn.errors import CheckpointError
from yaml_attn.weights.unpickle import Global, Stub, read

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: (
        st.lists(inside)
        | st.lists(inside).map(tuple)
        | st.dictionaries(st.text() | st.integers(-(2**40), 2**40), inside)
    ),
)

PROTOCOL = b"\x80\x02"


@given(PLAIN, st.sampled_from([2, 3, 4, 5]))
def test_plain_values_are_what_pickle_reads(value: Any, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert read(data).value == value
    assert read(b"before" + data + b"behind", 6).end == 6 + len(data)


@given(PLAIN, st.sampled_from([2, 4]), st.integers(0, 10_000))
def test_a_pickle_that_is_cut_off_is_an_error(value: Any, protocol: int, cut: int) -> None:
    data = pickle.dumps(value, protocol)
    with pytest.raises(CheckpointError, match=r"cut off|has no end"):
        read(data[: cut % len(data)])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    # Whatever else were raised here would fail the test.
    with suppress(CheckpointError):
        read(PROTOCOL + data)


class Evil:
    """Leaves a file when it is unpickled, by whichever call it is given."""

    def __init__(self, call: Any, *args: Any, state: Any = None) -> None:
        self.reduced = (call, args) if state is None else (call, args, state)

    def __reduce__(self) -> Any:
        return self.reduced


class Armed:
    """Leaves a file when its state is set."""

    def __setstate__(self, state: str) -> None:
        Path(state).write_text("armed")

    def __getstate__(self) -> str:
        return MARK


MARK = "executed"

HOSTILE = {
    "os.system": Evil(os.system, f"touch {MARK}"),
    "eval": Evil(builtins.eval, f"open('{MARK}', 'w')"),
    "exec": Evil(builtins.exec, f"open('{MARK}', 'w').close()"),
    "open": Evil(open, MARK, "w"),
    "subprocess": Evil(subprocess.Popen, ("touch", MARK)),
    "nested": Evil(map, os.system, Evil(getattr, collections.OrderedDict(), "keys")),
    "nested in state": Evil(
        collections.OrderedDict, state={"inner": Evil(os.system, f"touch {MARK}")}
    ),
    "__setstate__": Armed(),
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_called(
    name: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = pickle.dumps({"model": HOSTILE[name]}, protocol)
    found = read(data).value["model"]
    assert isinstance(found, Stub)
    assert isinstance(found.made_by, Global)
    assert not Path(MARK).exists()


def test_the_hostile_pickles_of_these_tests_do_harm_when_they_are_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("os.system", "exec", "open", "nested in state", "__setstate__"):
        value = pickle.loads(pickle.dumps(HOSTILE[name], 2))  # noqa: S301
        assert Path(MARK).exists(), name
        Path(MARK).unlink()
        if name == "open":
            value.close()


def test_no_module_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap_module.py").write_text(f"open({str(tmp_path / MARK)!r}, 'w').close()")
    monkeypatch.syspath_prepend(tmp_path)
    for data in (
        PROTOCOL + b"ctrap_module\nThing\n.",
        b"\x80\x04\x8c\x0btrap_module\x8c\x05Thing\x93.",
    ):
        assert read(data).value == Global("trap_module", "Thing")
    assert not (tmp_path / MARK).exists()


def test_a_state_cannot_be_set_on_anything_but_a_stand_in() -> None:
    # pickle would set attributes of the class itself here, for the whole process.
    with pytest.raises(CheckpointError, match="damaged"):
        read(PROTOCOL + b"ccollections\nOrderedDict\n}b.")
    with pytest.raises(CheckpointError, match="damaged"):
        read(PROTOCOL + b"]}b.")


@pytest.mark.parametrize(
    "data",
    [
        b"\x8d" + (2**62).to_bytes(8, "little") + b"a.",
        b"\x8e" + (2**40).to_bytes(8, "little") + b".",
        b"X\xff\xff\xff\xffa.",
        b"\x8b\xff\xff\xff\x7f1.",
        b"\x96" + (2**63).to_bytes(8, "little") + b".",
    ],
    ids=["text", "bytes", "text of 4 GiB", "integer", "bytearray"],
)
def test_a_length_is_not_believed_beyond_the_end_of_the_file(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="cut off"):
        read(b"\x80\x05" + data)


def test_a_memo_index_of_billions_takes_no_memory() -> None:
    assert read(PROTOCOL + b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.").value is None


@pytest.mark.parametrize(
    ("opening", "closing"),
    [(b"]", b"a"), (b"(", b"t"), (b"}K\x01", b"s"), (b"cm\nn\n)\x81", b"b")],
    ids=["lists", "tuples", "dicts", "states"],
)
def test_a_hundred_thousand_levels_of_nesting_are_no_recursion(
    opening: bytes, closing: bytes
) -> None:
    depth = 100_000
    found = read(PROTOCOL + opening * depth + b"N" + closing * depth + b".").value
    del found


def test_nested_tuples_as_a_key_are_not_hashed() -> None:
    data = PROTOCOL + b"}" + b"(" * 500_000 + b"t" * 500_000 + b"Ns."
    (key,) = read(data).value
    assert not isinstance(key, str)


def test_lists_that_double_share_what_they_hold() -> None:
    # Sixty lists, each of the one before twice: 2**60 elements if they were copied.
    data = b"".join(b"](h%ch%ceq%c" % (n, n, n + 1) for n in range(60))
    assert len(read(PROTOCOL + b"Nq\x000" + data + b".").value) == 2


def test_numbers_chosen_to_hash_alike_are_no_keys() -> None:
    modulus = 2**61 - 1
    value = {modulus * n: None for n in range(2000)}
    assert sum(isinstance(key, int) for key in read(pickle.dumps(value, 2)).value) < 10


@pytest.mark.parametrize("data", [b"I1\n.", b"S'a'\n.", b"\x82\x01.", b"P1\n.", b"(i."])
def test_what_torch_never_writes_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError, match="never"):
        read(PROTOCOL + data)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"N(0.", None),  # POP of a mark
        (b"N(K\x011.", None),  # POP_MARK
        (b"U\x02\xe9a.", "\xe9a"),  # a string of Python 2
        (b"NN0.", None),
    ],
)
def test_the_rarer_steps_do_what_pickle_does(data: bytes, value: Any) -> None:
    assert read(PROTOCOL + data).value == value
    assert pickle.loads(PROTOCOL + data, encoding="latin-1") == value  # noqa: S301


@pytest.mark.parametrize("data", [b"}Na.", b"]NNs.", b"NNNs.", b"NNa.", b"0.", b"1.", b"a.", b"."])
def test_steps_that_make_no_sense_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        read(PROTOCOL + data)


class Keyed:
    """Made with a keyword."""

    def __new__(cls, *, a: int) -> Keyed:  # noqa: ARG004, PYI034
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int]]:
        return (), {"a": 7}


def test_an_object_made_with_keywords_is_recorded() -> None:
    found = read(pickle.dumps(Keyed(a=7), 4)).value
    assert str(found.made_by).endswith("Keyed")
    assert (found.args, found.state) == ((), {"keywords": {"a": 7}})


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_bytes_are_what_pickle_reads(protocol: int) -> None:
    for value in (b"", b"short", bytes(range(256)) * 2):
        assert read(pickle.dumps(value, protocol)).value == value
    assert read(pickle.dumps(bytearray(b"ab"), 5)).value == b"ab"


def test_a_set_and_an_object_with_slots_are_recorded() -> None:
    found = read(pickle.dumps({"a"}, 4)).value
    assert (str(found.made_by), found.elements) == ("builtins.set", ["a"])
    found = read(pickle.dumps({"a"}, 2)).value
    assert found.args == (["a"],)
