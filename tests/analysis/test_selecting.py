"""What is said where a place means no layer, or attention that stands inside a block."""

from __future__ import annotations

import pytest
from configs import SMALL, document

from yaml_attn.core.config import Config
from yaml_attn.errors import PlaceError, UsageError

BLOCKS = document(SMALL.replace("C3, [16]]  # 6", "C3SE, [16]]  # 6"))
CONFIG = Config(BLOCKS, BLOCKS.network)
WAY = "To take SE out of it: yaml-attn replace --at 'C3SE[*]' --module C3"


@pytest.mark.parametrize("name", ["SE", "SELayer", "0,SE"])
def test_attention_inside_a_block_is_no_layer_and_its_block_is_named(name: str) -> None:
    with pytest.raises(PlaceError, match="is no place") as caught:
        CONFIG.remove(name)
    assert caught.value.hint == f"Here it stands inside blocks: C3SE[*].\n{WAY}"


def test_attention_that_stands_in_rows_too_is_asked_which() -> None:
    both = CONFIG.insert("SE", after="2,5")
    for place in ("SE", "2,SE"):
        with pytest.raises(PlaceError, match="SE could be any of 2 layers") as caught:
            both.remove(place)
        assert (caught.value.hint or "").startswith("One of them: SE[0], SE[-1].")


def test_a_block_that_cannot_be_removed_can_lose_its_attention() -> None:
    with pytest.raises(PlaceError, match="it turns 48 channels into 16") as caught:
        CONFIG.remove("C3[SE]")
    assert caught.value.hint == WAY
    with pytest.raises(PlaceError, match="it turns 8 channels into 16") as caught:
        CONFIG.remove(1)
    assert caught.value.hint is None
    assert CONFIG.replace("C3SE[*]", "C3").network.rows() == document(SMALL).network.rows()


def test_one_insertion_has_one_place() -> None:
    with pytest.raises(UsageError, match=r"^say where SE goes: after a layer, before one, or on"):
        CONFIG.insert("SE")
    with pytest.raises(UsageError, match=r"^SE is given several places in one insertion\n"):
        CONFIG.insert("SE", after=2, before=4)
