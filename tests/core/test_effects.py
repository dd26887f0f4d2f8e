"""What edits change beside the layers that they name."""

from __future__ import annotations

import re
from contextlib import suppress

from configs import SMALL, document
from hypothesis import given, settings
from hypothesis import strategies as st

from yaml_attn.core.config import Config
from yaml_attn.errors import PlaceError

EDITS = st.lists(
    st.tuples(st.sampled_from(["insert", "replace", "remove"]), st.integers(0, 8)), max_size=3
)


def _edited(edits: list[tuple[str, int]]) -> Config:
    base = document(SMALL)
    config = Config(base, base.network)
    for edit, at in edits:
        # Such a layer may not be there, or not be removable.
        with suppress(PlaceError):
            if edit == "insert":
                config = config.insert("SE", after=at)
            elif edit == "replace":
                config = config.replace(at, "GhostConv")
            else:
                config = config.remove(at)
    return config


def _said(text: str) -> list[int]:
    if text == "no layer":
        return []
    spans = re.findall(r"(\d+)(?: to (\d+))?", text)
    return [at for first, last in spans for at in range(int(first), int(last or first) + 1)]


@settings(max_examples=50)
@given(edits=EDITS)
def test_a_checkpoint_fits_the_layers_that_have_their_number_still(
    edits: list[tuple[str, int]],
) -> None:
    config = _edited(edits)
    rows = len(config.document.rows)
    fit = [at for at, layer in enumerate(config.network.layers) if at == layer.key < rows]
    moved = any(at != layer.key < rows for at, layer in enumerate(config.network.layers))
    found = re.search(
        "A checkpoint of the base fits (.*?)(?: only)?,", " ".join(config.side_effects)
    )
    assert (_said(found[1]) if found else None) == (fit if moved else None)


def test_what_a_removed_layer_leaves_is_not_counted() -> None:
    removed = _edited([("remove", 2)])
    assert "A checkpoint of the base fits layers 0 to 1 only," in removed.side_effects[1]
