"""Rows read into pointers and spelled again."""

from __future__ import annotations

import pytest
from configs import document

from yaml_attn.errors import WiringError
from yaml_attn.graph.network import IMAGE, Network, Source, read_reference


@pytest.mark.parametrize(
    ("written", "index", "source"),
    [
        (-1, 0, Source(IMAGE, relative=True)),
        (-1, 5, Source(4, relative=True)),
        (-5, 5, Source(0, relative=True)),
        (0, 5, Source(0, relative=False)),
        (4, 5, Source(4, relative=False)),
    ],
)
def test_a_reference_points_at_a_layer_above(written: int, index: int, source: Source) -> None:
    assert read_reference(written, index, count=8) == source


@pytest.mark.parametrize(
    ("written", "index", "message"),
    [
        (0, 0, "reads 0, which is itself: a layer can only read the ones before it"),
        (1, 0, "reads 1, which is a later layer: a layer can only read the ones before it"),
        (5, 5, "reads 5, which is itself: a layer can only read the ones before it"),
        (6, 5, "reads 6, which is a later layer: a layer can only read the ones before it"),
        (8, 5, "reads 8: there is no layer 8, the last is 7"),
        (-6, 5, "reads -6, which is 1 before the first layer"),
        (-2, 0, "reads -2, which is 2 before the first layer"),
    ],
)
def test_a_reference_that_points_at_no_layer_above_is_refused(
    written: int, index: int, message: str
) -> None:
    with pytest.raises(WiringError) as caught:
        read_reference(written, index, count=8)
    valid = "-5 to 4" if index else "only -1, the image"
    assert str(caught.value) == f"layer {index}: {message}\nValid for `from` here: {valid}."


def test_consumers_are_named_once_and_in_order() -> None:
    network = document().network
    assert network.consumers(2) == (3, 5)
    assert network.consumers(3) == (4, 7)
    assert network.consumers(7) == ()
    assert network.consumers(IMAGE) == (0,)
    twice = Network.read({"head": [[-1, 1, "A", []], [[0, -1, 0], 1, "Concat", []]]})
    assert twice.consumers(0) == (1,)


def test_a_layer_knows_what_it_reads() -> None:
    network = document().network
    assert network[5].reads(4)
    assert network[5].reads(2)
    assert not network[5].reads(3)


def test_a_network_without_a_section_is_read() -> None:
    assert len(Network.read({})) == 0
    rows = {"backbone": [], "head": [[-1, 2, "Detect", ["nc"]]]}
    assert Network.read({"head": rows["head"]}).rows() == rows
