"""How many channels a layer gives, in the numbers of the file (before any width scaling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from yaml_attn.dialects.block_attention import host
from yaml_attn.graph.network import IMAGE, Layer, Network, Source

# args[0] is the number of output channels, in every framework that knows the module.
_GIVES_FIRST: Final = frozenset(
    """
    Conv DWConv GhostConv Bottleneck GhostBottleneck SPP SPPF MixConv2d Focus CrossConv
    BottleneckCSP C3 C3TR C3SPP C3Ghost C3x C1 C2 C2f C3k2 C2fAttn C2fPSA C2PSA C2fCIB A2C2f RepC3
    PSA SCDown ADown AConv ELAN1 SPPELAN RepNCSPELAN4 SPPCSPC GhostSPPCSPC DownC Stem GhostStem
    RepConv RepConv_OREPA RobustConv RobustConv2 BottleneckCSPA BottleneckCSPB BottleneckCSPC
    RepBottleneck ConvTranspose DWConvTranspose2d nn.Conv2d nn.ConvTranspose2d
    RepBottleneckCSPA RepBottleneckCSPB RepBottleneckCSPC Res ResCSPA ResCSPB ResCSPC RepRes
    RepResCSPA RepResCSPB RepResCSPC ResX ResXCSPA ResXCSPB ResXCSPC RepResX RepResXCSPA
    RepResXCSPB RepResXCSPC Ghost GhostCSPA GhostCSPB GhostCSPC SwinTransformerBlock STCSPA
    STCSPB STCSPC SwinTransformer2Block ST2CSPA ST2CSPB ST2CSPC TorchVision Index Classify
    """.split()
)
_GIVES_SECOND: Final = frozenset(["HGStem", "HGBlock", "ResNetLayer"])


def nominal_channels(network: Network, key: int) -> int | None:
    """Output channels of the layer with this key, or None where the file does not say.

    Walks back through layers that keep channels; a Concat adds its inputs up; the image has 3.
    """
    # Each layer once, whatever joins lead to it, and without recursion: networks may be deep.
    pending, needed = [key], {IMAGE}
    while pending:
        layer = pending.pop()
        if layer not in needed:
            needed.add(layer)
            pending += [source.key for source in _inputs(network[layer])]
    found: dict[int, int | None] = {IMAGE: 3}
    for layer in sorted(needed - {IMAGE}, key=network.index.__getitem__):
        inputs = _inputs(network[layer])
        found[layer] = _given(network[layer], [found[source.key] for source in inputs])
    return found[key]


def _inputs(layer: Layer) -> Sequence[Source]:
    """The inputs that the layer's channels depend on; none where its row tells them."""
    return () if _channels_at(layer) is not None else layer.sources


def _channels_at(layer: Layer) -> int | None:
    """Where in the row's args its output channels are; None where they follow from its input's."""
    if layer.module in _GIVES_FIRST:
        return 0
    if layer.module in _GIVES_SECOND:
        return 1
    # What people build on a block takes the block's args.
    return 0 if host(layer.module) and _integer(layer.args, 0) is not None else None


def _given(layer: Layer, inputs: Sequence[int | None]) -> int | None:
    """Output channels of a layer whose inputs have these."""
    position = _channels_at(layer)
    if position is not None:
        channels = _integer(layer.args, position)
        # (c1, c2, stride, is_first): its blocks expand by four.
        expands = layer.module == "ResNetLayer" and not any(layer.args[3:4])
        return 4 * channels if expands and channels is not None else channels
    known = [channels for channels in inputs if channels is not None]
    if not inputs or len(known) < len(inputs):
        return None
    if layer.module in {"Concat", "Chuncat"}:
        return sum(known)
    # CBFuse gives its last input's channels, everything else keeps those of its (first) one, as
    # the frameworks' parsers record for modules that they do not know.
    kept = known[-1] if layer.module == "CBFuse" else known[0]
    factor = _integer(layer.args, 0) or 2
    rescaled = {
        "ReOrg": kept * 4,
        "Contract": kept * factor**2,
        "Expand": kept // factor**2,
        "Foldcut": kept // 2,
    }
    return rescaled.get(layer.module, kept)


def _integer(args: Any, position: int) -> int | None:
    value = args[position] if position < len(args) else None
    return value if type(value) is int else None
