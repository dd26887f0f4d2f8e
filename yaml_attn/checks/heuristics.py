"""Which layers look like an added attention, and which unknown ones surely keep height and width.

Names are all there is to go by: forks bring hundreds of modules that no table can know.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from yaml_attn.dialects import module_specs
from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.graph.network import IMAGE, Layer, Network
from yaml_attn.mechanisms import registry

# People add these blocks of a newer release to older ones; where its own blocks are, it is native.
_NATIVE_WITH = {"C2PSA": "C3k2", "PSA": "SCDown"}
_ATTENTION = re.compile(r"att|cbam|former", re.IGNORECASE)
_NAMED_SO = re.compile(r"att(n|ention)", re.IGNORECASE)
# Blocks that people rename after what they put inside: C2f_EMA, C3SE, SPPF_LSKA.
_BLOCK = re.compile(r"(A2)?C[23](f|k2?|PSA)?|SPPF?|ELAN|RepC3|BottleneckCSP")
# The same in the midst of a name: Light_C3, VoVGSCSP.
_SOME_BLOCK = re.compile(rf"(^|_)({_BLOCK.pattern})|CSP|ELAN")
_RESAMPLES = re.compile(
    r"down|up|sampl|pool|merg|space|spd|depth|strid|carafe|focus|conv|(^|_)mp(_?\d|$)",
    re.IGNORECASE,
)
_BACKBONE = re.compile(
    r"block|blk|layer|net|stage|stem|patch|embed|resid|invert|shuffle", re.IGNORECASE
)
# What people call the Concat of a BiFPN, which weighs its inputs and lays them on each other.
_WEIGHTED = re.compile(r"bifpn_?concat_?\d?|concat_?bifpn_?\d?", re.IGNORECASE)


def attention(network: Network) -> frozenset[int]:
    """The layers that look like an added attention: one input, and no module of a framework.

    Rows whose args are a convolution's (channels, kernel, stride above 1) are none, whatever
    their name, and neither are blocks named after what they hold (C2f_EMA), nor what a fork brings
    if it may give other channels or another size than it reads.
    """
    modules = {module_specs.plain(layer.module) for layer in network.layers}
    strided = strided_modules(network)
    return frozenset(
        index
        for index, layer in enumerate(network.layers)
        if _is_attention(layer, modules)
        and (
            registry.known(layer.module)
            or (layer.module not in strided and keeps_channels(network, index))
        )
    )


def strided_modules(network: Network) -> frozenset[str]:
    """The modules that somewhere have the args of a convolution that makes the map smaller."""
    return frozenset(layer.module for layer in network.layers if is_strided(layer.args))


def is_weighted_concat(module: str) -> bool:
    """Whether it is a BiFPN's Concat, of maps of equal size, by its name."""
    return bool(_WEIGHTED.fullmatch(module_specs.plain(module)))


def keeps_channels(network: Network, index: int) -> bool:
    """Whether a layer's first argument, if it looks like channels, is what the layer reads."""
    layer = network.layers[index]
    written = layer.args[0] if layer.args else None
    if type(written) is not int or written < 16:
        return True
    return written == nominal_channels(network, layer.sources[0].key)


def is_mechanism(layer: Layer) -> bool:
    """Whether the row names a bundled mechanism, and is no convolution under its name."""
    known = registry.known(layer.module) and not module_specs.is_known(layer.module)
    return known and len(layer.sources) == 1 and not is_strided(layer.args)


def is_named_so(layer: Layer) -> bool:
    """Whether a fork's own row says that it is an attention, and of no block or stage."""
    name = module_specs.plain(layer.module)
    return bool(_NAMED_SO.search(name)) and not _BACKBONE.search(name)


def keeps_stride(layer: Layer) -> bool:
    """Whether a module that no framework has can be taken to keep height and width."""
    name = module_specs.plain(layer.module)
    if is_strided(layer.args):
        return False
    if len(layer.sources) > 1:  # Gold-YOLO and its like resize what they join
        return is_weighted_concat(name)
    if registry.known(name) or _BLOCK.match(name):
        return True
    if _ATTENTION.search(name):
        return is_named_so(layer) or not may_resample(layer)
    # Whole backbones are made of modules of which neither name nor args tell that they shrink.
    return layer.section == "head" and not may_resample(layer)


def is_strided(args: Sequence[object]) -> bool:
    """Whether args are those of a convolution that makes the map smaller: 64, 3, 2."""
    head = args[:3]
    whole = len(head) == 3 and all(type(value) is int for value in head)
    return whole and head[1] in range(1, 8) and head[2] in {2, 4}


def _is_attention(layer: Layer, modules: Collection[str]) -> bool:
    name = module_specs.plain(layer.module)
    if len(layer.sources) != 1 or layer.sources[0].key == IMAGE or is_strided(layer.args):
        return False
    if module_specs.is_known(name):
        return name in _NATIVE_WITH and _NATIVE_WITH[name] not in modules
    if registry.known(name):
        return True
    if _SOME_BLOCK.search(name):
        return False
    if is_named_so(layer):
        return True
    looks = _ATTENTION.search(name) or not _BACKBONE.search(name)
    return bool(looks) and not may_resample(layer)


def may_resample(layer: Layer) -> bool:
    """Whether name or args of a module that no framework has hint at another size."""
    return bool(_RESAMPLES.search(layer.module)) or 2 in layer.args
