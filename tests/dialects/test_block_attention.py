"""Names of attention inside a block: what is taken apart and how, what never is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from yaml_attn.dialects.block_attention import APART, HOSTS, Composed, Find, Where, host, parse
from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.dialects.module_specs import MODULES, strides
from yaml_attn.errors import UnknownModuleError
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.registry import MECHANISMS, find


@dataclass
class Known:
    name: str
    inputs: int = 1


def finding(*names: str) -> Find:
    """Looks up these names only."""

    def look_up(name: str) -> Known:
        if name in names:
            return Known(name)
        raise UnknownModuleError(f"no {name}")

    return look_up


@pytest.mark.parametrize(
    ("text", "block", "mechanism", "where"),
    [
        ("C3SE", "C3", "SE", "inside"),
        ("C3_SE", "C3", "SE", "inside"),
        ("C3_se", "C3", "SE", "inside"),
        ("C3_SE_Attention", "C3", "SE", "inside"),
        ("C3CA", "C3", "CoordAtt", "inside"),
        ("C3k2SE", "C3k2", "SE", "inside"),
        ("C2f_ECA", "C2f", "ECA", "inside"),
        ("C3GhostCBAM", "C3Ghost", "CBAM", "inside"),
        ("C3xECA", "C3x", "ECA", "inside"),
        ("BottleneckCSPSE", "BottleneckCSP", "SE", "inside"),
        ("BottleneckSE", "Bottleneck", "SE", "inside"),
        ("C3ThenSE", "C3", "SE", "after"),
        ("C3[SE]", "C3", "SE", "inside"),
        ("C3[SE_Block]", "C3", "SE", "inside"),
        ("C3+CA", "C3", "CoordAtt", "after"),
    ],
)
def test_a_name_is_taken_apart(text: str, block: str, mechanism: str, where: Where) -> None:
    assert parse(text, find) == Composed(block, mechanism, where)


@pytest.mark.parametrize(
    "text",
    "C3 C3x C3k2 C3TR C3SPP C2fAttn C2fCIB SE CBAM Conv nn.Conv2d C3STR C2f_Faster SPPFSE C3se "
    "C3Then ThenSE C3_ C3+ C3[] C3CAN C3ThenCAN".split(),
)
def test_a_module_a_mechanism_and_an_unknown_rest_are_not(text: str) -> None:
    assert parse(text, find) is None


def test_a_mechanism_of_a_composed_name_is_never_taken_apart() -> None:
    assert parse("C3SE", finding("SE", "C3SE")) is None
    assert parse("C3SE", finding("SE")) == Composed("C3", "SE")


@pytest.mark.parametrize("block", sorted(HOSTS))
@pytest.mark.parametrize("where", ["inside", "after"])
def test_both_spellings_read_back(block: str, where: Where) -> None:
    for mechanism in (each.name for each in MECHANISMS.values() if each.inputs == 1):
        composed = Composed(block, mechanism, where)
        assert composed.spelling.isidentifier()
        assert parse(composed.spelling, find) == composed
        assert parse(str(composed), find) == composed


def test_a_spelling_that_is_a_frameworks_own_module_is_avoided() -> None:
    look_up = finding("PSA")
    assert parse("C2fPSA", look_up) is None
    asked = parse("C2f[PSA]", look_up)
    assert asked == Composed("C2f", "PSA")
    assert asked.spelling == "C2f_PSA"
    assert parse("C2f_PSA", look_up) == asked


def test_an_ambiguous_name_is_refused_and_an_underscore_tells() -> None:
    look_up = finding("SE", "GhostSE")
    with pytest.raises(UnknownModuleError, match=r"C3\[GhostSE\] or C3Ghost\[SE\]") as caught:
        parse("C3GhostSE", look_up)
    assert "C3_GhostSE or C3Ghost_SE" in (caught.value.hint or "")
    assert parse("C3Ghost_SE", look_up) == Composed("C3Ghost", "SE")
    assert parse("C3[GhostSE]", look_up) == Composed("C3", "GhostSE")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C3[CBMA]", "no bundled attention mechanism is called CBMA"),
        ("SPPF[SE]", "SPPF has no bottleneck"),
        ("C3TR+SE", "C3TR has no bottleneck"),
        ("C3[CAN]", "CrossAttention reads 2 maps, and a block hands it one"),
        ("C3+CAN", "CrossAttention reads 2 maps, and a block hands it one"),
    ],
)
def test_what_the_command_line_asks_for_must_be_there(text: str, message: str) -> None:
    with pytest.raises(UnknownModuleError, match=message):
        parse(text, find)


def test_every_module_that_starts_like_a_block_is_told_apart() -> None:
    alike = {name for name in MODULES for block in HOSTS if name.startswith(block)}
    assert alike - HOSTS == APART


@pytest.mark.parametrize(
    ("module", "block"),
    [
        ("C3", "C3"),
        ("C2f_EMA", "C2f"),
        ("C3k2MCA", "C3k2"),
        ("C3STR", "C3"),
        ("C3TR", None),
        ("C2fAttn", None),
        ("C3d", None),
        ("Conv", None),
        ("SE", None),
    ],
)
def test_the_block_that_a_module_is_named_after(module: str, block: str | None) -> None:
    assert host(module) == block


@pytest.mark.parametrize("module", ["C3SE", "C3_SE", "C3ThenSE", "C2f_EMA", "C3k2SE", "C3kMCA"])
def test_channels_and_stride_are_those_of_the_block(module: str) -> None:
    rows: list[list[Any]] = [
        [-1, 1, "Conv", [64, 3, 2]],
        [[-1, 0], 1, "Concat", [1]],
        [-1, 3, module, [256, True]],
    ]
    network = Network.read({"head": rows})
    assert nominal_channels(network, 2) == 256
    assert strides(network)[2] == 2


def test_a_composed_block_may_have_a_stride() -> None:
    network = Network.read({"head": [[-1, 1, "GhostBottleneckSE", [64, 3, 2]]]})
    assert strides(network) == [2]


def test_without_a_number_channels_are_kept() -> None:
    rows: list[list[Any]] = [[-1, 1, "Conv", [64]], [-1, 1, "BottleneckAttention", ["c2"]]]
    assert nominal_channels(Network.read({"head": rows}), 1) == 64
