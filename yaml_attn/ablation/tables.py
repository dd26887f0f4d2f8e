"""What a study gives as tables: `manifest.csv` for programs, `summary.md` and `.tex` for a paper.

A difference to the base is told to the last parameter, for ECA adds five of them.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from yaml_attn import escaping
from yaml_attn.ablation.manifest import built_with
from yaml_attn.ablation.producing import Facts, Made, Produced
from yaml_attn.ablation.running import Result
from yaml_attn.escaping import code, in_line, latex, markdown
from yaml_attn.files import digest

UNKNOWN: Final = "n/a"
"""A figure that nobody knows."""

_HEADERS: Final = ("Base", "Module", "Place", "Params (M)", "Δ params", "GFLOPs", "Δ MFLOPs")
_FIRST_NUMBER: Final = 3
_LEVEL: Final = re.compile(r"\bP[1-9]\b")


def tables(result: Result) -> dict[str, bytes]:
    """The tables of a study by file name."""
    suffix = result.shard.suffix
    return {
        f"manifest{suffix}.csv": _csv(result).encode(),
        f"summary{suffix}.md": _markdown(result).encode(),
        f"summary{suffix}.tex": _latex(result).encode(),
    }


def _csv(result: Result) -> str:
    written = io.StringIO()
    records = [_record(each) for each in result.produced]
    writer = csv.DictWriter(written, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: escaping.csv(value) for key, value in each.items()} for each in records)
    return written.getvalue()


def _record(each: Produced) -> dict[str, Any]:
    variant = each.variant
    made = each if isinstance(each, Made) else None
    facts = made.facts if made else None
    return {
        "name": variant.name,
        "file": variant.file if made else None,
        "base": variant.base.name,
        "scale": variant.base.scale,
        "module": variant.shown_module,
        "place": ", ".join(variant.shown_places),
        "built": built_with(facts) if facts else None,
        "nc": variant.base.nc,
        "fused": "no",
        "starts_as_identity": ("no" if made.disturbing else "yes") if made else None,
        "parameters": facts.parameters if facts else None,
        "parameters_added": facts.added_parameters if facts else None,
        "flops": facts.flops if facts else None,
        "flops_added": facts.added_flops if facts else None,
        "strides": " ".join(f"{each:g}" for each in facts.strides if each) if facts else None,
        "sha256": digest(made.data) if made else None,
        "problem": None if isinstance(each, Made) else each.problem,
    }


def figures(facts: Facts | None, *, itself: bool = False) -> tuple[str, str, str, str]:
    """Parameters and FLOPs in words, each with what the base does not have of it.

    Args:
        facts: what building gave, if anything was built.
        itself: whether they are the base's own.
    """
    known = facts or Facts("outline", None, None, ())
    flops = known.added_flops
    return (
        UNKNOWN if known.parameters is None else f"{known.parameters / 1e6:.3f}",
        "" if itself else _difference(known.added_parameters),
        UNKNOWN if known.flops is None else f"{known.flops / 1e9:.2f}",
        "" if itself else _difference(None if flops is None else flops / 1e6),
    )


def _difference(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:+,.3f}" if isinstance(value, float) else f"{value:+,}"


def _cells(made: Made) -> tuple[str, ...]:
    """A variant as a row under `_HEADERS`."""
    variant = made.variant
    return (
        variant.base.name,
        variant.shown_module,
        ", ".join(variant.shown_places),
        *figures(made.facts, itself=not variant.requests),
    )


def _rows(result: Result) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Headers and rows, without columns that tell nothing: one base, figures nobody knows."""
    rows = [_cells(made) for made in result.made]
    shown = [
        at
        for at in range(len(_HEADERS))
        if (at or len(result.bases) > 1)
        and (at < _FIRST_NUMBER or any(row[at] not in {"", UNKNOWN} for row in rows))
    ]
    return [_HEADERS[at] for at in shown], [[row[at] for at in shown] for row in rows]


def conditions(result: Result) -> str:
    """What the figures are of: how many classes, and layers as they are trained."""
    classes: dict[int | None, list[str]] = {}
    for base in result.bases:
        classes.setdefault(base.nc, []).append(base.name)
    words = [
        f"nc {UNKNOWN if nc is None else nc}"
        + (f" ({', '.join(names)})" if classes.keys() - {nc} else "")
        for nc, names in classes.items()
    ]
    return f"{'; '.join(words)}; unfused"


def start_notes(result: Result) -> Iterator[str]:
    """What pretrained weights meet in the new layers, in sentences; nothing where that is none."""
    able: dict[str, None] = {}
    unable: dict[str, None] = {}
    for made in result.made:
        inserted = {each["index"] for each in made.inserted}
        for each in made.disturbing:
            # Inside a block it stands behind all of the block's own arguments.
            group = able if each.args is not None and each.index in inserted else unable
            group[each.module] = None
    trained = "trained from pretrained weights, the table compares the damage at the start too"
    if able and result.study.identity_init:
        yield f"{_do_not(able)} in every config, as the study asks: {trained}."
    elif able:
        yield (
            f"{_do_not(able)}: {trained}. --identity-init (`identity_init: true` in a study file) "
            "starts them so."
        )
    if unable:
        yield f"{_do_not(unable)}, and --identity-init does not change that: {trained}."


def _do_not(names: Collection[str]) -> str:
    does = "does" if len(names) == 1 else "do"
    return f"{', '.join(names)} {does} not start as the identity"


def _conditions(result: Result) -> str:
    bases = ", ".join(base.name for base in result.bases)
    measured = any(made.facts for made in result.made)
    flops = (
        " FLOPs of convolutions and matrix products, two per multiply-add, for one image of "
        f"{result.study.imgsz} pixels."
    )
    levels = dict.fromkeys(
        level
        for made in result.made
        for place in made.variant.shown_places
        for level in _LEVEL.findall(place)
    )
    what = f" {', '.join(levels)}: what the head reads at that level." if levels else ""
    return f"Ablation of {bases}; {conditions(result)}.{flops if measured else ''}{what}"


def _markdown(result: Result) -> str:
    headers, rows = _rows(result)
    rule = ["---" if header in _HEADERS[:_FIRST_NUMBER] else "--:" for header in headers]
    lines = [markdown(" ".join([_conditions(result), *start_notes(result)])), ""]
    table = [headers, *rows]
    table = [[markdown(cell) for cell in row] for row in table]
    table.insert(1, rule)
    lines += [f"| {' | '.join(row)} |" for row in table]
    if result.failed:
        lines += ["", "Not possible:", ""]
        lines += [
            f"- {code(each.variant.name)}: {markdown(each.problem)}" for each in result.failed
        ]
    return "\n".join(lines) + "\n"


def _latex(result: Result) -> str:
    headers, rows = _rows(result)
    columns = "".join("l" if header in _HEADERS[:_FIRST_NUMBER] else "r" for header in headers)
    lines = [
        "% Needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{latex(_conditions(result))}}}",
        r"  \label{tab:ablation}",
        rf"  \begin{{tabular}}{{{columns}}}",
        r"    \toprule",
        f"    {' & '.join(map(latex, headers))} \\\\",
    ]
    base = None
    for made, row in zip(result.made, rows, strict=True):
        if made.variant.base is not base:
            lines.append(r"    \midrule")
            base = made.variant.base
        lines.append(f"    {' & '.join(map(latex, row))} \\\\")
    lines += [r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]
    notes = [*start_notes(result)]
    notes += [f"not possible: {each.variant.name}: {each.problem}" for each in result.failed]
    lines += [f"% {in_line(note)}" for note in notes]
    return "\n".join(lines) + "\n"
