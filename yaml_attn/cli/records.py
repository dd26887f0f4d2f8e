"""Results as plain data for `--json`: the same content as the printed one, under stable names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yaml_attn.building.adjusted import AdjustedParameter
    from yaml_attn.building.report import BuildReport, LayerReport
    from yaml_attn.core.config import Config
    from yaml_attn.core.results import Difference, Inserted, Outline, Verification
    from yaml_attn.graph.changes import LayerChange, Reading
    from yaml_attn.mechanisms.catalog.tutorial import Answer
    from yaml_attn.mechanisms.registry import Mechanism, NativeMechanism, Refused


def difference(found: Difference) -> dict[str, Any]:
    """Two configs compared."""
    survivors = (each for each in found.changes if each.old is not None and each.new is not None)
    return {
        "old": found.old,
        "new": found.new,
        "index_map": {str(each.old): each.new for each in survivors},
        "layers": [change(each) for each in found.changes],
        "diff": found.text,
    }


def change(each: LayerChange) -> dict[str, Any]:
    """What became of one layer."""
    return {
        "old": each.old,
        "new": each.new,
        "state": each.state,
        "section": each.section,
        "from_before": each.from_before,
        "from_after": each.from_after,
        "number": each.number,
        "module": each.module,
        "args": list(each.args),
        "reads_before": [reading(one) for one in each.before],
        "reads_after": [reading(one) for one in each.after],
        "rewired": list(each.rewired),
    }


def reading(each: Reading) -> dict[str, Any]:
    """One input."""
    return {"written": each.written, "index": each.index, "module": each.module}


def edit(config: Config) -> dict[str, Any]:
    """What the edits of a config did."""
    return {
        "base": str(config.path),
        "dialect": config.dialect,
        "scale": config.scale,
        "inserted": [inserted(each) for each in config.inserted],
        "side_effects": list(config.side_effects),
    }


def inserted(each: Inserted) -> dict[str, Any]:
    """An inserted layer."""
    return {
        "index": each.index,
        "section": each.section,
        "row": list(each.row),
        "reads": reading(each.reads),
        "context": [reading(one) for one in each.context],
        "consumers": [
            {"index": one.index, "module": one.module, "reads_it": one.moved}
            for one in each.consumers
        ],
    }


def verification(found: Verification) -> dict[str, Any]:
    """Base and edited network built."""
    return {
        "builder": found.builder,
        "base_parameters": found.base.parameters,
        "added_parameters": sum(each.parameters for each in found.added),
        "taken": taken(found.taken),
        **build(found.edited),
    }


def outline(found: Outline) -> dict[str, Any]:
    """What is verified without the framework."""
    return {
        "strides": list(found.strides),
        "added_parameters": sum(each.parameters for each in found.added),
        "layers": [layer(each) for each in found.added],
        "taken": taken(found.taken),
        "missing": found.missing,
        "problem": found.problem,
    }


def taken(found: Mapping[int, Sequence[AdjustedParameter]]) -> list[dict[str, Any]]:
    """Parameters that layers took otherwise than asked."""
    return [{"layer": index, **each._asdict()} for index, some in found.items() for each in some]


def build(report: BuildReport) -> dict[str, Any]:
    """A build report."""
    return {
        "imgsz": report.imgsz,
        "parameters": report.parameters,
        "flops": report.flops,
        "strides": list(report.strides),
        "layers": [layer(each) for each in report.layers],
    }


def layer(each: LayerReport) -> dict[str, Any]:
    """One layer of a build report."""
    return {
        "index": each.index,
        "module": each.module,
        "number": each.number,
        "parameters": each.parameters,
        "shape": each.shape,
        "stride": each.stride,
        "flops": each.flops,
    }


def mechanism(each: Mechanism) -> dict[str, Any]:
    """A bundled mechanism."""
    return {
        "name": each.name,
        "aliases": list(each.aliases),
        "family": each.family,
        "title": each.title,
        "venue": each.venue,
        "year": each.year,
        "arxiv": each.arxiv,
        "summary": each.summary,
        "adapted": each.adapted,
        "inputs": each.inputs,
        "parameters": [
            {"name": one.name, "default": one.default, "type": one.annotation}
            for one in each.parameters
        ],
        "parameters_added": dict(zip(("256", "512", "1024"), each.parameters_added, strict=True)),
    }


def native(each: NativeMechanism) -> dict[str, Any]:
    """A mechanism that a stock framework has."""
    return {
        "name": each.name,
        "title": each.title,
        "venue": each.venue,
        "year": each.year,
        "arxiv": each.arxiv,
        "inputs": each.inputs,
        "parameters": [{"name": one.name, "type": one.annotation} for one in each.parameters],
        "framework": "ultralytics",
    }


def refused(each: Refused) -> dict[str, Any]:
    """A mechanism that cannot be a layer."""
    return {
        "name": each.name,
        "aliases": list(each.aliases),
        "title": each.title,
        "venue": each.venue,
        "year": each.year,
        "arxiv": each.arxiv,
        "refused": each.reason,
    }


def answer(each: Answer) -> dict[str, Any]:
    """What became of an entry of the tutorial."""
    return {
        "number": each.item.number,
        "written": each.item.written,
        "state": each.state,
        "name": each.name,
        "place": each.place,
        "paper": each.paper,
    }
