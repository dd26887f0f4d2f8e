"""The bundled mechanisms by name: paper, family, parameters. Imports no torch; `load` does.

The table is explicit: adding a mechanism is its file, its entry here, and nothing else
(`tests/modules/test_contract.py` then tests it).
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml_attn.errors import UnknownModuleError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Parameter:
    """One parameter of a mechanism after `channels`, in the order of its signature."""

    name: str
    default: Any
    annotation: str


@dataclass(frozen=True)
class Mechanism:
    """What is known of a bundled mechanism without importing torch.

    `parameters_added` counts the learned parameters that the layer adds at 256, 512 and 1024
    channels with its defaults (the contract test measures them).
    """

    name: str
    file: str
    family: str
    title: str
    venue: str
    year: int
    arxiv: str | None
    summary: str
    parameters_added: tuple[int, int, int]
    aliases: tuple[str, ...] = ()

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The constructor's parameters after `channels`, read from the source (not imported)."""
        source = (Path(__file__).parent / f"{self.file}.py").read_text(encoding="utf-8")
        classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
        body = next(node for node in classes if node.name == self.name).body
        init = next(
            node for node in body if isinstance(node, ast.FunctionDef) and node.name == "__init__"
        )
        names = init.args.args[2:]  # after self, channels
        defaults = init.args.defaults[len(init.args.defaults) - len(names) :]
        return tuple(
            Parameter(
                name.arg,
                ast.literal_eval(default),
                ast.unparse(name.annotation) if name.annotation else "",
            )
            for name, default in zip(names, defaults, strict=True)
        )

    @property
    def signature(self) -> str:
        """The constructor as it is called: `SE(channels, ratio=16, ...)`."""
        own = [f"{each.name}={each.default!r}" for each in self.parameters]
        return f"{self.name}({', '.join(['channels', *own])})"

    def load(self) -> type[nn.Module]:
        """The class itself. Imports torch."""
        found: type[nn.Module] = getattr(import_module(f"yaml_attn.modules.{self.file}"), self.name)
        return found


MECHANISMS: Mapping[str, Mechanism] = {
    mechanism.name: mechanism
    for mechanism in (
        Mechanism(
            "SE",
            "se",
            family="channel",
            title="Squeeze-and-Excitation Networks",
            venue="CVPR",
            year=2018,
            arxiv="1709.01507",
            summary="Gates each channel by a small two-layer network that sees the global means\n"
            "of all channels: which features matter in this image, wherever they are.",
            parameters_added=(8192, 32768, 131072),
            aliases=("SEAttention", "SELayer", "SEBlock", "SEModule", "SENet", "SqueezeExcitation"),
        ),
        Mechanism(
            "ChannelAttention",
            "cbam",
            family="channel",
            title="CBAM: Convolutional Block Attention Module",
            venue="ECCV",
            year=2018,
            arxiv="1807.06521",
            summary="The first half of CBAM: as SE, but the small network sees the maximum of\n"
            "each channel besides its mean.",
            parameters_added=(8464, 33312, 132160),
            aliases=("ChannelAttentionModule", "ChannelGate"),
        ),
        Mechanism(
            "SpatialAttention",
            "cbam",
            family="spatial",
            title="CBAM: Convolutional Block Attention Module",
            venue="ECCV",
            year=2018,
            arxiv="1807.06521",
            summary="The second half of CBAM: gates each position by a 7x7 convolution over the\n"
            "maximum and the mean of all channels there.",
            parameters_added=(100, 100, 100),
            aliases=("SpatialAttentionModule", "SpatialGate"),
        ),
        Mechanism(
            "CBAM",
            "cbam",
            family="channel and spatial",
            title="CBAM: Convolutional Block Attention Module",
            venue="ECCV",
            year=2018,
            arxiv="1807.06521",
            summary="Which features matter in this image, then where: ChannelAttention, then\n"
            "SpatialAttention.",
            parameters_added=(8564, 33412, 132260),
            aliases=("CBAMBlock", "CBAMAttention", "CBAMLayer"),
        ),
        Mechanism(
            "ECA",
            "eca",
            family="channel",
            title="ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
            venue="CVPR",
            year=2020,
            arxiv="1910.03151",
            summary="Gates each channel by the means of its few nearest channels: a handful of\n"
            "parameters, no bottleneck.",
            parameters_added=(5, 5, 5),
            aliases=("ECAAttention", "ECALayer", "ECABlock", "ECAModule", "ECANet"),
        ),
        Mechanism(
            "CoordAtt",
            "coord_att",
            family="channel and spatial",
            title="Coordinate Attention for Efficient Mobile Network Design",
            venue="CVPR",
            year=2021,
            arxiv="2103.02907",
            summary="Gates each channel by its row and by its column, from the means of both:\n"
            "channel attention that knows where.",
            parameters_added=(6680, 25648, 100448),
            aliases=("CA", "CABlock", "CoordAttention", "CoordinateAttention", "CoordAttn"),
        ),
        Mechanism(
            "SimAM",
            "simam",
            family="channel and spatial",
            title="SimAM: A Simple, Parameter-Free Attention Module for CNNs",
            venue="ICML",
            year=2021,
            arxiv=None,
            summary="Gates each value by how far it stands out of its channel. Nothing is learned.",
            parameters_added=(0, 0, 0),
            aliases=("SimAMModule", "SimAMAttention"),
        ),
        Mechanism(
            "GAMAttention",
            "gam",
            family="channel and spatial",
            title="Global Attention Mechanism: Retain Information to Enhance "
            "Channel-Spatial Interactions",
            venue="arXiv",
            year=2021,
            arxiv="2112.05561",
            summary="Gates every value on its own, first from all channels at its position, then\n"
            "from its 13x13 surroundings. Nothing is pooled away; heavy.",
            parameters_added=(435136, 1738624, 6950656),
            aliases=("GAM", "GAM_Attention", "GAMModule", "GAMBlock", "GlobalAttentionMechanism"),
        ),
        Mechanism(
            "SKAttention",
            "sk",
            family="convolution",
            title="Selective Kernel Networks",
            venue="CVPR",
            year=2019,
            arxiv="1903.06586",
            summary="A 3x3 convolution and a wider one, mixed for each channel by what the whole\n"
            "image shows: the receptive field follows the object. Replaces a convolution.",
            parameters_added=(62528, 198720, 790656),
            aliases=("SK", "SKNet", "SKConv", "SKUnit", "SKLayer", "SKBlock", "SelectiveKernel"),
        ),
        Mechanism(
            "ShuffleAttention",
            "shuffle",
            family="channel and spatial",
            title="SA-Net: Shuffle Attention for Deep Convolutional Neural Networks",
            venue="ICASSP",
            year=2021,
            arxiv="2102.00240",
            summary="Gates half of each group of channels by the channel's mean, the other half\n"
            "by position, then shuffles the channels. Almost no parameters.",
            parameters_added=(12, 24, 48),
            aliases=("SA", "SANet", "SALayer", "ShuffleAttn", "Shuffle_Attention"),
        ),
        Mechanism(
            "DoubleAttention",
            "double",
            family="self-attention",
            title="A^2-Nets: Double Attention Networks",
            venue="NeurIPS",
            year=2018,
            arxiv="1810.11579",
            summary="Gathers C/4 descriptors from all positions and deals to each position its\n"
            "own mixture of them: global context at a cost linear in the map's size.",
            parameters_added=(66048, 263168, 1050624),
            aliases=("A2", "A2Net", "A2Attention", "A2Block", "DoubleAtten", "DoubleAttn"),
        ),
        Mechanism(
            "SOCA",
            "soca",
            family="channel",
            title="Second-order Attention Network for Single Image Super-Resolution",
            venue="CVPR",
            year=2019,
            arxiv=None,
            summary="As SE, but the small network sees how strongly each channel varies together\n"
            "with the others, not its mean.",
            parameters_added=(8464, 33312, 132160),
            aliases=("SOCAttention", "SOCALayer", "SOCABlock", "SOCAModule", "SecondOrder"),
        ),
        Mechanism(
            "S2Attention",
            "s2_attention",
            family="convolution",
            title="S^2-MLPv2: Improved Spatial-Shift MLP Architecture for Vision",
            venue="arXiv",
            year=2021,
            arxiv="2108.01072",
            summary="Shifts quarters of the channels by a pixel in four directions and mixes\n"
            "three such maps, for each channel by what the whole image shows. Replaces a\n"
            "convolution.",
            parameters_added=(525312, 2099200, 8392704),
            aliases=("S2", "S2MLP", "S2MLPv2", "S2-MLPv2", "S2_MLPv2", "S2Attn", "S2_Attention"),
        ),
        Mechanism(
            "NAMAttention",
            "nam",
            family="channel",
            title="NAM: Normalization-based Attention Module",
            venue="NeurIPS workshop",
            year=2021,
            arxiv="2111.12419",
            summary="Gates each value by its own normalised size, times how much the batch norm's\n"
            "scale says that its channel matters. Nothing is learned but that norm.",
            parameters_added=(512, 1024, 2048),
            aliases=("NAM", "NAM_Attention", "NAMAtt", "NAMAttn", "NAMModule", "NAMBlock"),
        ),
        Mechanism(
            "CrissCrossAttention",
            "criss_cross",
            family="self-attention",
            title="CCNet: Criss-Cross Attention for Semantic Segmentation",
            venue="ICCV",
            year=2019,
            arxiv="1811.11721",
            summary="Each pixel reads its whole row and column, weighted by likeness; with\n"
            "recurrence=2 so the whole map. Starts as the identity.",
            parameters_added=(82241, 328321, 1312001),
            aliases=("CrissCross", "CCA", "CCNet", "CCAttention", "CC_Attention", "CrissCrossAttn"),
        ),
    )
}


def _key(name: str) -> str:
    """What is left of a name where people differ: SE_Block, SE-Block and SEBlock are one."""
    return name.lower().replace("_", "").replace("-", "")


@cache
def _meanings() -> Mapping[str, tuple[str, ...]]:
    """Every name that people write, as its key -> the mechanisms it can mean."""
    meanings: dict[str, tuple[str, ...]] = {}
    for mechanism in MECHANISMS.values():
        for key in dict.fromkeys(map(_key, mechanism.aliases)):
            meanings[key] = (*meanings.get(key, ()), mechanism.name)
    # A mechanism's own name is never ambiguous.
    return meanings | {_key(name): (name,) for name in MECHANISMS}


def known(name: str) -> bool:
    """Whether exactly one bundled mechanism has this name or alias."""
    return len(_meanings().get(_key(name), ())) == 1


def find(name: str) -> Mechanism:
    """The mechanism with this name or alias, whatever its case, underscores and hyphens.

    Raises:
        UnknownModuleError: none has it, or an alias could mean two.
    """
    meant = _meanings().get(_key(name), ())
    if len(meant) == 1:
        return MECHANISMS[meant[0]]
    if meant:
        raise UnknownModuleError(
            f"{name} could mean {' or '.join(meant)}", hint="Use one of these names."
        )
    close = get_close_matches(_key(name), _meanings(), n=3, cutoff=0.5)
    names = dict.fromkeys(meaning for match in close for meaning in _meanings()[match])
    guess = f"Did you mean {' or '.join(names)}? " if names else ""
    raise UnknownModuleError(
        f"no bundled attention mechanism is called {name}",
        hint=f"{guess}`yaml-attn modules` lists them all.",
    )
