"""`yaml-attn places`: what every name of a place means in a config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from yaml_attn.cli import options

if TYPE_CHECKING:
    from yaml_attn.analysis.places import Place
    from yaml_attn.graph.network import Network


def places(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A config, or a template's name.")],
    *,
    own: options.Own = None,
    json: options.Json = False,
) -> None:
    """List the places that have a name: which layers each means in this file.

    Example:
        yaml-attn places yolov5s.yaml
    """
    from yaml_attn.api import load  # noqa: PLC0415

    config = load(file, own=own or ())
    network, found = config.network, config.places
    if json:
        options.print_json(
            {"file": str(config.path), "places": [_record(network, each) for each in found]}
        )
    else:
        _print(network, found)


def _record(network: Network, place: Place) -> dict[str, Any]:
    layers = [{"index": network.index[key], "module": network[key].module} for key in place.keys]
    return {"name": place.name, "meaning": place.meaning, "layers": layers}


def _print(network: Network, found: tuple[Place, ...]) -> None:
    from yaml_attn.cli.render import Table, console, default_format, print_table  # noqa: PLC0415

    style = default_format()
    table = Table(["name", "what it means", "layers"], wraps=["what it means"], whole=["layers"])
    for place in found:
        table.add(place.name, place.meaning, _layers(network, place))
    out = console(style)
    print_table(out, table, style)
    out.print(
        "Places too: an index (8, -2), one of several layers (C3[-1], head[0]), all of them "
        "(C3[*], backbone.*), a list (4,P3)."
    )


def _layers(network: Network, place: Place) -> str:
    """`2 (C3), 9 (SPPF)`, or `2, 4, 6 (C3)` where all have one module."""
    modules = [network[key].module for key in place.keys]
    indexes = [str(network.index[key]) for key in place.keys]
    if len(set(modules)) == 1:
        return f"{', '.join(indexes)} ({modules[0]})"
    return ", ".join(f"{index} ({module})" for index, module in zip(indexes, modules, strict=True))
