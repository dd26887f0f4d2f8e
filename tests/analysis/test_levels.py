"""What strides name: the levels that the head reads, the ends of stages."""

from __future__ import annotations

from typing import Any

import pytest

from yaml_attn.analysis.levels import stage_ends
from yaml_attn.errors import PlaceError
from yaml_attn.graph.network import Network


def backbone(*rows: Any) -> Network:
    """A module a row, `(from, module)` where it does not read the row above; then a head."""
    full = [[-1, 1, row, []] if isinstance(row, str) else [row[0], 1, row[1], []] for row in rows]
    return Network.read({"backbone": full, "head": [[-1, 1, "Detect", []]]})


def test_a_chain_of_layers_made_from_an_end_alone_is_no_stage() -> None:
    network = backbone(
        "Conv", "Down", "C3", "Down", (2, "Conv"), "Conv", "Down", ([-1, 3], "Concat")
    )
    assert stage_ends(network, [2, 4, 4, 8, 4, 4, 8, 8, None]) == (2, 7)


def test_the_last_stage_ends_at_the_last_layer_of_the_largest_stride() -> None:
    network = backbone("Conv", "Down", "C3", "Down", "C3", "Upsample")
    assert stage_ends(network, [2, 4, 4, 8, 8, 4, None]) == (2, 4)


def test_a_stem_alone_has_no_stages_and_an_unknown_stride_hides_them() -> None:
    with pytest.raises(PlaceError) as caught:
        stage_ends(backbone("Conv", "Conv"), [2, 4, None])
    assert str(caught.value) == (
        "the backbone has no stages; its strides are 2, 4\n"
        "A stage is what follows a downsampling at its stride. Name layers by index."
    )
    with pytest.raises(PlaceError) as caught:
        stage_ends(backbone("Conv", "Odd"), [2, None, None])
    assert str(caught.value) == (
        "the stages are unknown: 1 (Odd) has a stride that is unknown\nName the layers by index."
    )


def test_a_network_without_a_backbone_has_no_stages() -> None:
    network = Network.read({"head": [[-1, 1, "Detect", []]]})
    with pytest.raises(PlaceError, match="has no stages; its strides are none"):
        stage_ends(network, [None])
