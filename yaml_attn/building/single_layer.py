"""Some layers of a config built by themselves, where the others' classes are not at hand.

What a mechanism gets, its input channels, and how large its input is, the rows tell: the dialect
knows both. So its parameters, output and FLOPs are as exact as in a whole network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from yaml_attn.building.failures import first_line
from yaml_attn.building.flops import FlopCount
from yaml_attn.building.probing import count_parameters
from yaml_attn.building.report import LayerReport
from yaml_attn.building.skip_init import Uninitialised
from yaml_attn.dialects.dialect import ResolvedLayer
from yaml_attn.errors import BuildError
from yaml_attn.graph.network import Network


def inspect_alone(
    network: Network,
    resolved: Sequence[ResolvedLayer],
    index: int,
    make: Callable[..., nn.Module],
    imgsz: int = 640,
) -> LayerReport:
    """Build and run one layer that gives one map.

    Args:
        network: the layers; none that this one reads may be the image.
        resolved: the same as their framework would construct them.
        index: which of them to build.
        make: constructs it.
        imgsz: height and width of the image in pixels that shape and FLOPs are given for.

    Raises:
        BuildError: it cannot be constructed, or fails.
    """
    layer = resolved[index]
    row = network.layers[index]
    reads = [resolved[network.index[source.key]] for source in row.sources]
    try:
        with Uninitialised(), torch.no_grad():
            made = nn.Sequential(*(make(*layer.args) for _ in range(layer.copies)))
            # In evaluation a batch norm takes a map of one pixel too.
            made.eval()
            given = [_zeros(each, imgsz) for each in reads]
            with FlopCount() as flops:
                output: Tensor = made(given if row.listed else given[0])
    except Exception as error:  # noqa: BLE001  # whatever torch makes of it, in the config's words
        written = f"{layer.module}({', '.join(map(str, layer.args))})"
        raise BuildError(f"{written} failed: {first_line(error)}", layer=index) from None
    return LayerReport(
        index=index,
        module=layer.module,
        number=layer.number,
        parameters=count_parameters(made),
        shape=tuple(output.shape[1:]),
        stride=layer.stride,
        flops=flops.total,
    )


def _zeros(layer: ResolvedLayer, imgsz: int) -> Tensor:
    """What a layer gives for one image, (1, C, H, W).

    Raises:
        BuildError: the rows do not say how large that is.
    """
    if layer.stride is None:
        raise BuildError(
            f"the rows do not say at which stride layer {layer.index} ({layer.module}) works"
        )
    side = max(round(imgsz / layer.stride), 1)
    return torch.zeros(1, cast("int", layer.channels), side, side)
