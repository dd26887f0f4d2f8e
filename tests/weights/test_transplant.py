"""The promise: all of the base in the right place, and its output, wherever attention is put."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from configs import SMALL, SMALL_V8
from torch import Tensor, nn
from weights.small_v8 import state_v8

import yaml_attn
from yaml_attn.api import Config
from yaml_attn.building import bundled
from yaml_attn.dialects.ultralytics import DIALECT as ULTRALYTICS
from yaml_attn.dialects.yolov5 import DIALECT
from yaml_attn.document.document import Document
from yaml_attn.errors import BuildError
from yaml_attn.graph.compare import compare
from yaml_attn.weights import (
    Carried,
    Checkpoint,
    CheckpointError,
    Described,
    carry,
    index_map,
    load_pretrained,
    transfer,
)
from yaml_attn.weights.difference import levels

BASE = yaml_attn.load("yolov5s.yaml")


def described(config: Config) -> Described:
    return Described(config.network, config.document.settings)


def checkpoint(state: Mapping[str, Tensor]) -> Checkpoint:
    return Checkpoint(Path("weights.pt"), state, "model", (), ())


@cache
def weights() -> Checkpoint:
    """Random weights of the base, statistics too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        state = bundled.build(BASE.network, BASE.document.settings).state_dict()
        for key, tensor in state.items():
            if key.endswith(("running_mean", "bn.bias")):
                tensor.normal_(0, 0.1)
            elif key.endswith(("running_var", "bn.weight")):
                tensor.uniform_(0.5, 1.5)
    return checkpoint(state)


def moved(config: Config, *, nc: int | None = None, seed: int = 0) -> Carried:
    return carry(weights(), described(BASE), described(config), dialect=DIALECT, nc=nc, seed=seed)


@pytest.mark.parametrize("after", range(24))
def test_everything_of_yolov5s_is_kept_wherever_attention_is_inserted(after: int) -> None:
    edited = BASE.insert("SE", after=after, parameters={"identity_init": True})
    assert index_map(BASE.network, edited.network) == edited.index_map
    found = moved(edited)
    assert [found.transfer.count(each) for each in ("transferred", "new", "dropped")] == [349, 2, 0]
    assert found.transfer.numbers == 7_254_472
    model = bundled.build(edited.network, edited.document.settings, init=False)
    assert list(found.state) == list(model.state_dict())
    for key, tensor in weights().state.items():
        index, rest = key.removeprefix("model.").split(".", 1)
        here = int(index) if int(index) <= after else int(index) + 1
        assert found.state[f"model.{here}.{rest}"] is tensor
    assert found.difference is not None
    assert found.difference < 1e-5


def test_the_output_with_the_head_is_that_of_the_base() -> None:
    edited = BASE.insert("SE", after="P3,P4,P5,9", parameters={"identity_init": True})
    base = bundled.build(BASE.network, BASE.document.settings, init=False)
    model = bundled.build(edited.network, edited.document.settings, init=False)
    base.load_state_dict(dict(weights().state))
    model.load_state_dict(moved(edited).state)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected, found = base.eval()(image)[0], model.eval()(image)[0]
    assert expected.std() > 1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fresh", [False, True], ids=["trained", "fresh statistics"])
def test_a_layer_that_is_no_identity_shows_at_each_level(fresh: bool) -> None:
    # With a new network's statistics maps fade to a thousandth, and differences with them.
    edited = BASE.insert("SE", after=9)
    model = bundled.build(BASE.network, BASE.document.settings)
    state = model.state_dict() if fresh else weights().state
    found = carry(checkpoint(state), described(BASE), described(edited), dialect=DIALECT)
    assert found.levels
    assert [level.name for level in found.levels] == ["P3", "P4", "P5"]
    assert all(0.02 < level.difference < 2 for level in found.levels)
    assert found.difference == max(level.difference for level in found.levels)


def test_a_difference_is_told_by_the_size_of_its_own_level() -> None:
    class Net(nn.Module):
        """Two levels, one a thousand times the other; a gate halves the smaller."""

        def __init__(self, gate: float) -> None:
            super().__init__()
            self.model = nn.Sequential(nn.AvgPool2d(8), nn.AvgPool2d(2), nn.Identity())
            self.gate = gate

        def forward(self, x: Tensor) -> Any:
            small, large = self.model[0](x), self.model[1](self.model[0](x)) * 1000
            return self.model[2]([small * self.gate, large])

    found = levels(Net(1.0), Net(0.5), {0: 0, 1: 1, 2: 2})
    assert found == ((8, 0.5), (16, 0.0))


@pytest.mark.parametrize(
    ("at", "tensors", "wrong", "numbers", "wrong_numbers"),
    [(9, 186, 0, 3_523_615, 0), (10, 198, 0, 4_182_049, 0), (5, 97, 7, 232_463, 132_098)],
)
def test_what_the_frameworks_own_loader_would_do_is_counted(
    at: int, tensors: int, wrong: int, numbers: int, wrong_numbers: int
) -> None:
    # The tensors are those that YOLOv5's `intersect_dicts` itself finds for these three configs.
    naive = moved(BASE.insert("SE", after=at - 1)).transfer.naive
    assert (naive.tensors, naive.wrong) == (tensors, wrong)
    assert (naive.right_numbers, naive.wrong_numbers) == (numbers, wrong_numbers)


def test_another_number_of_classes_leaves_only_the_head_to_the_framework() -> None:
    found = moved(BASE.insert("SE", after=8, parameters={"identity_init": True}), nc=3)
    mismatched = [each for each in found.transfer.moved if each.outcome == "shape mismatch"]
    assert {each.target for each in mismatched} == {
        f"model.25.m.{n}.{kind}" for n in range(3) for kind in ("weight", "bias")
    }
    assert mismatched[0].before == (255, 128, 1, 1)
    assert mismatched[0].after == (24, 128, 1, 1)
    assert found.state.keys().isdisjoint(each.target for each in mismatched)
    assert found.transfer.layers[-1] == (24, 25, 1, 0, 0, 6, 0)
    assert found.difference == 0


def test_a_replaced_block_gets_what_fits_by_name_and_shape() -> None:
    found = moved(BASE.replace(2, "C3Ghost")).transfer
    (layer,) = [each for each in found.layers if each.added or each.dropped]
    assert (layer.old, layer.new) == (2, 2)
    assert layer.transferred == 18
    assert {each.source for each in found.moved if each.outcome == "dropped"} == {
        key for key in weights().state if key.startswith("model.2.m.") and key not in found.state
    }
    assert found.naive.wrong == 0
    assert moved(BASE.replace(9, "SPP", [1024, [5, 9, 13]])).transfer.count("transferred") == 349


def test_a_block_with_attention_inside_keeps_all_of_the_block() -> None:
    found = moved(BASE.replace(4, "C3SE")).transfer
    assert (found.count("transferred"), found.count("dropped")) == (349, 0)
    new = [each.target for each in found.moved if each.outcome == "new"]
    assert new
    assert all(key is not None and ".attn." in key for key in new)


def test_a_removed_layer_is_dropped_and_the_rest_moves_up() -> None:
    edited = BASE.insert("SE", after=8)
    state = moved(edited).state
    found = carry(checkpoint(state), described(edited), described(BASE), dialect=DIALECT)
    assert [each.source for each in found.transfer.moved if each.outcome == "dropped"] == [
        "model.9.fc1.weight",
        "model.9.fc2.weight",
    ]
    assert found.transfer.layers[-1][:2] == (9, None)
    assert all(found.state[key] is tensor for key, tensor in weights().state.items())


def test_new_layers_start_from_the_seed() -> None:
    edited = BASE.insert("CBAM", after=8)
    before = torch.get_rng_state()
    first, again, other = (moved(edited, seed=seed).initial for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.keys() == again.keys()
    assert all(key.startswith("model.9.") for key in first)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"model\.0\.conv\.weight is \[32, 3, 6, 6\]"):
        carry(
            weights(),
            described(yaml_attn.load("yolov5m.yaml")),
            described(BASE),
            dialect=DIALECT,
        )
    small = Config(Document.parse(SMALL.encode()), Document.parse(SMALL.encode()).network)
    with pytest.raises(CheckpointError, match="weights of layer 24, and the base has 8 layers"):
        carry(weights(), described(small), described(BASE), dialect=DIALECT)
    foreign = checkpoint({"model.0.stem.weight": torch.ones(1)})
    with pytest.raises(CheckpointError, match="no tensor that the base has"):
        carry(foreign, described(BASE), described(BASE), dialect=DIALECT)


def test_a_config_that_cannot_be_built_is_an_error_of_its_own() -> None:
    wrong = Document.parse(SMALL.replace("1, Concat, [1]", "1, SPPF, [1, bad]").encode())
    small = Document.parse(SMALL.encode())
    model = bundled.build(small.network, small.settings, init=False)
    with pytest.raises(BuildError):
        carry(
            checkpoint(model.state_dict()),
            Described(small.network, small.settings),
            Described(wrong.network, wrong.settings),
            dialect=DIALECT,
        )


def test_half_precision_stays_as_it_is() -> None:
    half = checkpoint({key: value.half() for key, value in weights().state.items()})
    edited = BASE.insert("SE", after=8, parameters={"identity_init": True})
    found = carry(half, described(BASE), described(edited), dialect=DIALECT)
    assert found.state["model.0.conv.weight"].dtype == torch.float16
    assert found.difference == 0


def v8(text: str = SMALL_V8, scale: str = "n") -> Config:
    document = Document.parse(text.encode())
    return Config(document, document.network, asked_scale=scale)


def carried(
    state: Mapping[str, Tensor], base: Config, edited: Config, nc: int | None = None
) -> Carried:
    one, other = (described(each)._replace(scale=each.scale) for each in (base, edited))
    return carry(checkpoint(state), one, other, dialect=ULTRALYTICS, nc=nc)


def test_layers_that_are_not_bundled_are_renumbered_all_the_same() -> None:
    base = v8()
    found = carried(state_v8(), base, base.insert("SE", after=2))
    assert not found.transfer.known
    assert (found.difference, found.transfer.count("transferred")) == (None, 10)
    origin = {
        int(key.split(".")[1]): int(tensor.flatten()[0]) for key, tensor in found.state.items()
    }
    assert origin == dict(zip((0, 1, 2, 4, 7, 8), (0, 1, 2, 3, 6, 7), strict=True))
    # Layer 7 of the new network was layer 6, and layer 7 of the old one was the head.
    assert (found.transfer.naive.right, found.transfer.naive.wrong) == (4, 0)


@pytest.mark.parametrize(
    ("edit", "transferred", "unverified"),
    [
        (("1, C2f, [16]]\n  - [-1, 1, Conv", "1, C2fSE, [16]]\n  - [-1, 1, Conv"), 10, 0),
        (("1, C2f, [16]]\n  - [-1, 1, Conv", "1, C3, [16]]\n  - [-1, 1, Conv"), 8, 0),
        (("Conv, [32, 3, 2]", "Conv, [32, 5, 2]"), 9, 1),
        (("1, Conv, [32, 3, 2]", "2, Conv, [32, 3, 2]"), 9, 1),
        # With it the head has another form.
        (("1, C2f, [16]]\n  - [-1, 1, Conv", "1, C3k2, [16]]\n  - [-1, 1, Conv"), 6, 2),
    ],
)
def test_only_a_layer_of_the_same_block_keeps_tensors_where_shapes_are_not_known(
    edit: tuple[str, str], transferred: int, unverified: int
) -> None:
    found = carried(state_v8(), v8(), v8(SMALL_V8.replace(*edit))).transfer
    assert found.count("transferred") == transferred
    assert found.count("unverified") == unverified
    assert found.count("dropped") == 10 - transferred - unverified


def test_a_head_of_other_classes_is_not_said_to_fit() -> None:
    base = v8()
    assert carried(state_v8(), base, base, nc=5).transfer.count("unverified") == 2
    # Trained on data of five classes, as frameworks do whatever the config says.
    assert carried(state_v8(nc=5), base, base, nc=5).transfer.count("unverified") == 0
    assert carried(state_v8(nc=5), base, base).transfer.count("unverified") == 2
    # One that compares with texts has as many of these as a text has numbers.
    world = v8(SMALL_V8.replace("Detect, [nc]", "WorldDetect, [nc, 512, False]"))
    assert carried(state_v8(nc=512), world, world).transfer.count("transferred") == 10


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (state_v8(width=2), r"model\.0\.conv\.weight is \[16, .*scale n(?s:.)*They fit scale s"),
        (state_v8(bottlenecks=3), "layer 2 has 3 bottlenecks, and 1 in the base"),
        ({**state_v8(), "model.7.proto.conv.weight": torch.ones(1)}, "no Detect .* it has proto"),
        ({**state_v8(), "model.7.one2one_cv2.x": torch.ones(1)}, "no Detect .* has one2one_cv2"),
        ({"model.0.cv1.weight": torch.ones(1)}, "layer 0 is no Conv .* it has no conv.weight"),
        ({**state_v8(), "model.5.conv.weight": torch.ones(1)}, "of layer 5, which is Concat"),
        ({k: v for k, v in state_v8().items() if k[6] != "7"}, "no weights of layer 7"),
    ],
)
def test_weights_that_are_not_the_bases_are_noticed_without_its_layers(
    state: dict[str, Tensor], problem: str
) -> None:
    with pytest.raises(CheckpointError, match=problem):
        carried(state, v8(), v8())


def test_a_checkpoint_that_names_its_layers_is_compared_by_them() -> None:
    given = Checkpoint(Path("x.pt"), state_v8(), "model", (), (), {2: "ELAN1", 0: "Conv"})
    base = described(v8())._replace(scale="n")
    with pytest.raises(CheckpointError, match="layer 2 is ELAN1, and C2f in the base"):
        carry(given, base, base, dialect=ULTRALYTICS)
    own = dataclasses.replace(given, modules={2: "MyC2f"})
    assert carry(own, base, base, dialect=ULTRALYTICS).transfer.count("transferred") == 10


def test_rows_that_only_a_fork_knows_are_compared_as_they_are_written() -> None:
    base = v8(SMALL_V8.replace("1, C2f, [16]]  # 6", "1, Fork, [16]]  # 6"))
    found = carried(state_v8(), base, v8(base.text.replace("[32, 3, 2]", "[32, 5, 2]"))).transfer
    assert (found.count("transferred"), found.count("unverified")) == (9, 1)


def test_another_network_is_refused() -> None:
    with pytest.raises(CheckpointError, match="only 0 of its 10 tensors have a place in the conf"):
        carried(state_v8(), v8(), v8(scale="s"))


def test_inputs_that_were_not_renumbered_are_counted() -> None:
    text = BASE.insert("SE", after=8).text.replace("[[18, 21, 24]", "[[17, 20, 23]")
    stale = Document.parse(text.encode())
    found = carry(
        weights(), described(BASE), Described(stale.network, stale.settings), dialect=DIALECT
    )
    assert len(found.comparison.rewired) == 3
    assert compare(BASE.network, BASE.network).rewired == ()


def test_a_network_in_memory_gets_its_weights() -> None:
    edited = BASE.insert("SE", after=5)
    model = bundled.build(edited.network, edited.document.settings)
    own = model.state_dict()["model.6.fc1.weight"].clone()
    found = load_pretrained(model, weights().state, edited.index_map)
    assert found.count("transferred") == 349
    state = model.state_dict()
    assert torch.equal(state["model.6.fc1.weight"], own)
    assert torch.equal(state["model.7.cv1.conv.weight"], weights().state["model.6.cv1.conv.weight"])


def test_transfer_without_an_index_map_entry_drops() -> None:
    found = transfer({"model.0.a": torch.ones(1), "model.1.a": torch.ones(1)}, {1: 0})
    assert list(found.state) == ["model.0.a"]
    assert [(each.source, each.target, each.outcome) for each in found.moved] == [
        ("model.1.a", "model.0.a", "transferred"),
        ("model.0.a", None, "dropped"),
    ]
    assert (found.naive.right, found.naive.wrong) == (0, 1)
