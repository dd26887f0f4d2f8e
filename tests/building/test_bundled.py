"""Whole networks: against the framework's own facts, what is counted, what goes wrong."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any

import facts
import pytest
import torch
from building.small import ROWS, SETTINGS, with_row
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from yaml_attn import blocks
from yaml_attn.building.bundled import build, inspect, run_real
from yaml_attn.building.flops import FlopCount
from yaml_attn.building.model import Model
from yaml_attn.building.report import BuildReport, LayerReport
from yaml_attn.dialects import find
from yaml_attn.errors import BuildError, ConfigError
from yaml_attn.graph.network import Network


def model(rows: list[list[Any]] = ROWS, *, init: bool = False, **settings: Any) -> Model:
    return build(Network.read({"backbone": rows}), SETTINGS | settings, init=init)


def digest(keys: dict[str, torch.Tensor]) -> str:
    lines = "\n".join(f"{key} {tuple(value.shape)}" for key, value in keys.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def nested(value: Any) -> Any:
    """Lists as tuples, at every depth."""
    return tuple(map(nested, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("framework", "name"),
    [(framework, name) for framework in blocks.BLOCKS for name in facts.models(framework)],
)
def test_a_network_is_the_frameworks_own(framework: str, name: str) -> None:
    expected = facts.models(framework)[name]
    wiring, settings = facts.network(framework, name), facts.settings(framework, name)
    network = build(wiring, settings, init=False, dialect=find(framework))
    report = inspect(network, 640, flops=True)
    assert report.parameters == expected["parameters"]
    assert report.strides == tuple(expected["strides"])
    assert report.gflops is not None
    assert round(report.gflops, 4) == expected["gflops"]
    assert network.save == expected["save"]
    state = network.state_dict()
    assert digest(state) == expected["state"]
    for layer, fact in zip(report.layers, facts.layers(framework, name), strict=True):
        assert (layer.number, layer.parameters) == (fact.number, fact.parameters)
        assert layer.shape == nested(fact.shape)
        prefix = f"model.{layer.index}."
        own = {key[len(prefix) :]: v for key, v in state.items() if key.startswith(prefix)}
        assert digest(own)[:12] == fact.state


@pytest.mark.parametrize("imgsz", [32, 64, 96, 640])
def test_shapes_are_those_of_a_run_at_that_size(imgsz: int) -> None:
    network = model()
    seen: list[tuple[int, ...]] = []

    def call(_: int, layer: nn.Module, given: Any) -> Any:
        output = layer(given)
        if isinstance(output, torch.Tensor):
            seen.append(tuple(output.shape[1:]))
        return output

    outputs = network(torch.zeros(1, 3, imgsz, imgsz), call)
    report = inspect(network, imgsz)
    assert [layer.shape for layer in report.layers[:-1]] == seen
    assert report.layers[-1].shape == tuple(tuple(output.shape[1:]) for output in outputs)
    assert [layer.stride for layer in report.layers] == [2, 4, 4, 8, 4, 4, 4, None]


def test_an_attention_adds_its_own_parameters_and_flops_and_nothing_else() -> None:
    base = inspect(model(), flops=True)
    rows = [*ROWS[:7], [-1, 1, "SE", [32]], [[7, 3], 1, "Detect", ["nc", "anchors"]]]
    edited = inspect(model(rows), flops=True)
    own_parameters = own_flops = 2 * 32 * 8  # two 1 x 1 convolutions with hidden width 8
    assert edited.part(7) == (own_parameters, 2 * own_flops)
    assert edited.parameters == base.parameters + own_parameters
    assert base.flops is not None
    assert edited.flops == base.flops + 2 * own_flops


def test_flops_of_chosen_layers_are_those_of_the_whole_count() -> None:
    whole, chosen = inspect(model(), flops=True), inspect(model(), flops={2, 7})
    assert [layer.flops for layer in chosen.layers if layer.flops is not None] == [
        whole.layers[2].flops,
        whole.layers[7].flops,
    ]
    assert chosen.flops is None
    assert inspect(model()).part(2) == (whole.layers[2].parameters, None)


class _Products(nn.Module):
    """One of each operation that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, 2, groups=2)
        self.up = nn.ConvTranspose2d(8, 6, 3, 2)
        self.linear = nn.Linear(6, 5)
        self.bare = nn.Linear(5, 4, bias=False)
        self.attention = nn.MultiheadAttention(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bare(self.linear(self.up(self.conv(x)).flatten(2).mT))
        x = self.attention(x, x, x)[0]
        return torch.einsum("nij,nkj->nik", x, x)


def test_flops_are_what_torchs_own_counter_counts() -> None:
    layer, x = _Products(), torch.zeros(2, 4, 9, 9)
    ours, torchs = FlopCount(), FlopCounterMode(display=False)
    with torch.no_grad(), ours:
        layer(x)
    with torch.no_grad(), torchs:
        layer(x)
    assert ours.total == torchs.get_total_flops() > 0


def test_flops_of_fused_attention_are_those_of_its_two_products() -> None:
    count = FlopCount()
    q, k = torch.zeros(2, 3, 7, 4), torch.zeros(2, 3, 9, 4)
    with torch.no_grad(), count:
        F.scaled_dot_product_attention(q, k, k)
    assert count.total == 2 * 2 * 3 * 7 * 9 * 4 * 2


def test_inspecting_leaves_model_and_random_numbers_as_they_were() -> None:
    network = model(init=True).eval()
    network.model[2].train()
    before = copy.deepcopy(network)
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    inspect(network, flops=True)
    assert torch.rand(1) == expected
    for one, other in zip(network.modules(), before.modules(), strict=True):
        assert one.training == other.training
    for key, value in before.state_dict().items():
        assert torch.equal(value, network.state_dict()[key])


def test_without_initialisation_keys_and_shapes_are_the_same_and_values_are_zero() -> None:
    quick, real = model(), model(init=True)
    assert digest(quick.state_dict()) == digest(real.state_dict())
    assert not any(p.any() for name, p in quick.named_parameters() if "conv" in name)
    assert all(p.any() for name, p in real.named_parameters() if name.endswith("conv.weight"))
    assert nn.Conv2d(3, 3, 1).weight.any()


def test_the_activation_key_reaches_this_model_alone() -> None:
    changed = model(activation="nn.LeakyReLU(0.2)")
    kinds = {type(module) for module in changed.modules()}
    assert nn.LeakyReLU in kinds
    assert nn.SiLU not in kinds
    assert nn.SiLU in {type(module) for module in model().modules()}


def test_a_model_can_be_copied_and_pickled() -> None:
    network = model(init=True).eval()
    x = torch.rand(1, 3, 32, 32)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):  # noqa: S301
        assert torch.equal(other(x)[0], network(x)[0])


def test_a_head_may_read_its_maps_from_coarse_to_fine() -> None:
    detect = [[3, 6], 1, "Detect", ["nc", "anchors"]]
    assert inspect(model(with_row(7, detect))).strides == (8, 4)


def test_a_padded_map_is_reported_as_it_is_at_full_size() -> None:
    report = inspect(model([*ROWS[:4], [-1, 1, "nn.ZeroPad2d", [1]], [-1, 1, "Conv", [8, 3, 3]]]))
    assert [layer.shape for layer in report.layers[4:]] == [(64, 82, 82), (8, 28, 28)]
    assert report.strides == ()


def test_a_layer_too_large_for_the_small_run_is_run_at_full_size() -> None:
    report = inspect(model(with_row(3, [-1, 1, "Conv", [64, 41, 2, 20]])), flops={3})
    assert report.layers[3].shape == (64, 80, 80)
    pads = [*ROWS[:4], [-1, 1, "nn.ReflectionPad2d", [9]]]
    assert inspect(model(pads)).layers[4].shape == (64, 98, 98)


@pytest.mark.parametrize(
    ("at", "row", "message", "hint"),
    [
        (5, [[-1, 0], 1, "Concat", [1]], "layer 0 (Conv) at stride 2", "kept its old value"),
        (7, [[6, 2], 1, "Detect", ["nc", "anchors"]], "different strides", "kept its old value"),
        (3, [-1, 1, "SPPF", [64, 5, 3]], "too many positional", "SPPF(c1, c2, k=5)"),
        (3, [-1, 1, "SE", [64, 16, True, False, 3]], "too many", "SE(channels, ratio=16"),
        (3, [-1, 1, "Conv", [64, 3, 2, None, 5]], "divisible by groups", "after scaling"),
        (3, [-1, 1, "Conv", [64, "nearest"]], "cannot be constructed", "It takes Conv("),
        (3, [-1, 1, "nn.Conv2d", [99, 64, 1]], "to have 99 channels, but got 32", "Conv2d(99"),
        (3, [-1, 1, "nn.Upsample", ["None", 2, "neerest"]], "neerest", "after scaling"),
    ],
)
def test_what_goes_wrong_is_said_in_the_words_of_the_config(
    at: int, row: list[Any], message: str, hint: str
) -> None:
    with pytest.raises(BuildError) as caught:
        inspect(model(with_row(at, row)))
    assert caught.value.layer == at
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_channels_that_the_parser_does_not_expect_are_traced_to_the_layer_that_gives_them() -> None:
    rows = with_row(3, [-1, 1, "nn.Conv2d", [32, 48, 3, 2, 1]])
    with pytest.raises(BuildError) as caught:
        inspect(model(rows))
    assert caught.value.layer == 6  # behind Upsample and Concat, which do not mind
    assert "layer 3 (nn.Conv2d) gives 48 channels, where YOLOv5 takes it to give 32" in str(
        caught.value
    )


def test_a_row_behind_the_head_reads_no_map() -> None:
    with pytest.raises(BuildError, match="whose output is no feature map"):
        inspect(model([*ROWS, [-1, 1, "SE", [64]]]))


def test_an_image_that_the_strides_do_not_divide_is_named() -> None:
    with pytest.raises(BuildError) as caught:
        inspect(model(), 100)
    assert "stride" not in caught.value.message
    assert " gives 25x25" in caught.value.message
    assert (
        caught.value.hint == "100 pixels are no multiple of the largest stride, 8: use 96 or 104."
    )


def test_an_activation_with_wrong_arguments_is_a_wrong_config() -> None:
    with pytest.raises(ConfigError, match="unexpected keyword argument"):
        model(activation="nn.SiLU(slope=1)")


def test_a_real_step_of_training_passes_and_leaves_the_model_alone() -> None:
    network = model(init=True)
    before = copy.deepcopy(network.state_dict())
    run_real(network, 64)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in before.items())


def test_a_layer_that_nobody_reads_gets_no_gradient() -> None:
    dead = [*ROWS[:7], [-1, 1, "SE", [32]], [[6, 3], 1, "Detect", ["nc", "anchors"]]]
    with pytest.raises(BuildError, match=r"no gradient reaches fc1\.weight of SE") as caught:
        run_real(model(dead, init=True), 64)
    assert caught.value.layer == 7


def test_a_value_that_is_not_finite_is_traced_to_its_layer() -> None:
    network = model(init=True)
    nn.init.constant_(network.model[3].conv.weight, float("inf"))  # type: ignore[union-attr,arg-type]
    with pytest.raises(BuildError, match="Conv gives values that are not finite") as caught:
        run_real(network, 64)
    assert caught.value.layer == 3


def test_a_report_adds_up_what_was_counted() -> None:
    layers = tuple(
        LayerReport(at, "Conv", 1, 10, (8, 4, 4), 2.0, flops) for at, flops in enumerate([3, 4])
    )
    report = BuildReport(layers, 20, (2.0,), 8)
    assert (report.flops, report.gflops, report.part(1)) == (7, 7e-9, (10, 4))
