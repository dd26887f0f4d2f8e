"""An attention row's channels are not those of the layer it reads.

The first argument of an attention row is the number of channels before any width scaling, as in
the rows around it. Copied from another place it is wrong: some frameworks stop at it, others build
the layer for the wrong width. A number that width scaling gives from the right one is accepted,
and so is whatever does not look like channels: 16 and 32 are the usual ratio and number of groups.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 3, C2f, [64]]
      - [-1, 1, SE, [256]]  # <-
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C2f, [128]]
    head:
      - [[2, 4], 1, Detect, [nc]]

Right:

      - [-1, 1, SE, [64]]
"""

from __future__ import annotations

from collections.abc import Iterator

from yaml_attn.checks.context import Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.heuristics import is_mechanism
from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.dialects.module_specs import is_known
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA207", "attention-channels", "warning")


def check(subject: Subject) -> Iterator[Finding]:
    """Every bundled mechanism whose first argument looks like channels and disagrees."""
    for index, layer in enumerate(subject.network.layers):
        if not is_mechanism(layer) or not layer.args:
            continue
        written = layer.args[0]
        (source,) = subject.inputs(index)
        if type(written) is not int or not _is_channels(written) or not _told(subject, source):
            continue
        channels = nominal_channels(subject.network, source)
        if channels is None or written in {channels, *_scaled(subject, channels)}:
            continue
        yield RULE.found(
            subject.place_of_span(subject.document.rows[index].args, index),
            f"{layer.module} says {written} channels and reads {subject.named(source)}, which "
            f"gives {channels}",
            meant=f"write {channels}, or c2, which every framework resolves itself",
        )


def _is_channels(written: int) -> bool:
    """Whether a number can be nothing else: 16 and 32 are the usual ratio and groups."""
    return written > 32 and written % 8 == 0


def _told(subject: Subject, index: int) -> bool:
    """Whether the rows tell a layer's channels: no unknown block on the way up to them."""
    if index == IMAGE:
        return True
    if is_known(subject.layer(index).module):
        joins = subject.is_join(index)
        return not joins or all(_told(subject, each) for each in subject.inputs(index))
    return index in subject.attention and all(_told(subject, i) for i in subject.inputs(index))


def _scaled(subject: Subject, channels: int) -> set[int]:
    """What the widths of the file make of a number of channels."""
    settings = subject.document.settings
    scales = settings.get("scales")
    rows = scales.values() if isinstance(scales, dict) else ()
    widths = [settings.get("width_multiple"), *(row[1] for row in rows if _is_scale(row))]
    return {-int(-channels * width // 8) * 8 for width in widths if isinstance(width, int | float)}


def _is_scale(row: object) -> bool:
    return isinstance(row, list) and len(row) > 1
