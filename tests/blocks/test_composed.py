"""Attention inside a block: where it stands, whose parameters are whose, a layer like any other."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from yaml_attn import blocks
from yaml_attn.blocks.composed import ComposedBlock
from yaml_attn.blocks.conv import Conv, CrossConv
from yaml_attn.blocks.csp import C3, Bottleneck, BottleneckCSP, C3Ghost, C3x
from yaml_attn.blocks.ghost import GhostBottleneck
from yaml_attn.dialects.block_attention import HOSTS, Where
from yaml_attn.mechanisms.registry import MECHANISMS
from yaml_attn.modules.attentive import AttentiveBlock, AttentiveBottleneck
from yaml_attn.modules.cbam import CBAM
from yaml_attn.modules.se import SE

BLOCKS = blocks.BLOCKS["yolov5"]
NAMES = sorted(HOSTS & BLOCKS.keys())
WHERE: tuple[Where, ...] = ("inside", "after")
IDENTITY = (16, False, True)  # SE's ratio, bias, identity_init


@pytest.fixture(autouse=True)
def _same_numbers_each_run() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def composed(
    block: type[nn.Module], where: Where = "inside", mechanism: type[nn.Module] = SE
) -> ComposedBlock:
    return ComposedBlock(block, mechanism, where)


def defaults(block: type[nn.Module]) -> list[object]:
    """The block's own arguments for 16 channels in and out, all of them."""
    parameters = list(inspect.signature(block).parameters.values())
    return [16, 16, *(parameter.default for parameter in parameters[2:])]


class _Keyword(nn.Module):
    """A mechanism whose parameters have names of a block's, one of them without a default."""

    def __init__(self, channels: int, g: int, *, e: float = 0.5) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), g * e))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def test_the_blocks_are_those_of_the_dialect_that_have_bottlenecks() -> None:
    holders = {
        name
        for name, cls in BLOCKS.items()
        if name.startswith(("Bottleneck", "C3"))
        and any(
            isinstance(module, Bottleneck | CrossConv | GhostBottleneck)
            for module in cls(16, 16).modules()
        )
    }
    assert holders | {"CrossConv", "GhostBottleneck"} == set(NAMES)


@pytest.mark.parametrize("kind", [Bottleneck, CrossConv])
@pytest.mark.parametrize("channels", [8, 16])
def test_inside_it_stands_before_the_shortcut(
    kind: type[Bottleneck | CrossConv], channels: int
) -> None:
    own = (3, 1, 1, 1.0, True) if kind is CrossConv else (True,)
    layer, x = composed(kind)(8, channels, *own), torch.randn(2, 8, 5, 6)
    assert isinstance(layer, AttentiveBottleneck)
    inner = layer.attn(layer.cv2(layer.cv1(x)))
    torch.testing.assert_close(layer(x), x + inner if channels == 8 else inner)


@pytest.mark.parametrize("stride", [1, 2])
def test_inside_a_ghost_bottleneck_too(stride: int) -> None:
    layer, x = composed(GhostBottleneck)(8, 8, 3, stride), torch.randn(2, 8, 6, 6)
    expected = layer.attn(layer.conv(x)) + layer.shortcut(x)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("cls", [C3, C3x, C3Ghost, BottleneckCSP])
def test_a_block_has_it_in_each_bottleneck_and_stays_itself(
    cls: type[C3 | BottleneckCSP],
) -> None:
    layer = composed(cls)(16, 32, 3, True, 1, 0.75)
    assert type(layer) is cls
    found = [module for module in layer.modules() if isinstance(module, SE)]
    assert [each.fc1.in_channels for each in found] == [24, 24, 24]
    assert [name for name, each in layer.named_modules() if each in found] == [
        "m.0.attn",
        "m.1.attn",
        "m.2.attn",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_after_it_sees_what_the_block_gives(name: str) -> None:
    cls, c2 = BLOCKS[name], 16 if name == "GhostBottleneck" else 32
    layer, plain, x = composed(cls, "after")(16, c2), cls(16, c2), torch.randn(2, 16, 6, 6)
    plain.load_state_dict(layer.state_dict(), strict=False)
    assert isinstance(layer, AttentiveBlock)
    assert layer.kind is cls
    torch.testing.assert_close(layer(x), layer.attn(plain(x)))


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", NAMES)
def test_weights_of_the_plain_block_fit_and_only_the_attentions_are_new(
    name: str, where: Where
) -> None:
    cls = BLOCKS[name]
    plain, layer = cls(16, 16), composed(cls, where)(*defaults(cls), *IDENTITY)
    missing, unexpected = layer.load_state_dict(plain.state_dict(), strict=False)
    assert unexpected == []
    assert missing
    assert all("attn" in key.split(".") for key in missing)
    x = torch.randn(2, 16, 6, 6)
    # What starts as the identity leaves the pretrained block undisturbed.
    torch.testing.assert_close(layer(x), plain(x))


@pytest.mark.parametrize("mechanism", [e.name for e in MECHANISMS.values() if e.inputs == 1])
@pytest.mark.parametrize("where", WHERE)
def test_every_block_takes_every_mechanism(mechanism: str, where: Where) -> None:
    for name in NAMES:
        layer = composed(BLOCKS[name], where, MECHANISMS[mechanism].load())(16, 16)
        x = torch.randn(2, 16, 5, 7)
        y = layer(x)
        assert y.shape == x.shape
        y.square().mean().backward()  # type: ignore[no-untyped-call]  # torch's
        for key, parameter in layer.named_parameters():
            assert parameter.grad is not None, f"{name} {key}"


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_pickled_copied_and_built_on_no_device(name: str, where: Where) -> None:
    make = composed(BLOCKS[name], where, CBAM)
    layer, x = make(16, 16).eval(), torch.randn(1, 16, 6, 6)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):  # noqa: S301
        assert torch.equal(other(x), layer(x))
    assert pickle.loads(pickle.dumps(make)) == make  # noqa: S301
    with torch.device("meta"):
        assert make(16, 16)(torch.zeros(1, 16, 6, 6)).shape == (1, 16, 6, 6)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("name", NAMES)
def test_no_convolution_has_a_forward_of_its_own(name: str, where: Where) -> None:
    # Frameworks fuse batch norms into convolutions by giving each Conv another forward.
    for module in composed(BLOCKS[name], where)(16, 16).modules():
        if isinstance(module, Conv):
            assert type(module).forward is Conv.forward


def test_arguments_behind_the_blocks_own_are_the_mechanisms() -> None:
    layer = composed(C3)(16, 64, 2, True, 1, 1.0, 4)
    assert [each.fc1.out_channels for each in layer.modules() if isinstance(each, SE)] == [16, 16]
    wide = composed(C3, "after")(16, 64, 2, True, 1, 1.0, 2)
    assert wide.attn.fc1.out_channels == 32  # type: ignore[union-attr]


def test_too_many_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match="too many"):
        composed(C3)(16, 16, 1, True, 1, 0.5, *IDENTITY, 3)


def test_the_signature_is_the_blocks_then_the_mechanisms() -> None:
    written = inspect.signature(composed(C3))
    assert list(written.parameters) == [
        *["c1", "c2", "n", "shortcut", "g", "e"],
        *["ratio", "bias", "identity_init"],
    ]
    assert written.parameters["ratio"].default == 16


def test_a_mechanism_whose_parameters_are_named_as_the_blocks_or_required() -> None:
    make = composed(C3, mechanism=_Keyword)
    assert [*inspect.signature(make).parameters][-2:] == ["attn_g", "attn_e"]
    with pytest.raises(TypeError, match="missing"):
        make(16, 16)
    layer = make(16, 16, 1, True, 1, 0.5, 8)
    assert layer.m[0].attn.scale.flatten().tolist() == [4.0] * 8  # type: ignore[index,union-attr]
