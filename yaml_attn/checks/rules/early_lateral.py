"""The way back down reads a layer above the one that was sent up.

In a neck that goes up and down again, the Concat on the way down reads the very layer that the
Upsample of that stride read. One row too early has the same stride, so nothing fails: the number
was kept although a row was inserted above. (YOLOv4, YOLOv7 and YOLOR reduce a layer for the
Upsample alone, as they reduce what the Upsample is joined with, and read it unreduced on the way
down; such necks are left out.)

A warning where it is so at all levels, several of them, and no attention above explains the
numbers: then somebody may have wanted it.

Wrong:

    backbone:
      - [-1, 1, Conv, [64, 3, 2]]
      - [-1, 1, SE, [64]]
      - [-1, 3, C3, [64]]
      - [-1, 1, Conv, [128, 3, 2]]
      - [-1, 3, C3, [128]]
    head:
      - [-1, 1, Conv, [64, 1, 1]]
      - [-1, 1, nn.Upsample, [None, 2, nearest]]
      - [[-1, 2], 1, Concat, [1]]
      - [-1, 3, C3, [64]]
      - [-1, 1, Conv, [64, 3, 2]]
      - [[-1, 4], 1, Concat, [1]]  # <-
      - [-1, 3, C3, [128]]
      - [[8, 11], 1, Detect, [nc]]

Right:

      - [[-1, 5], 1, Concat, [1]]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from yaml_attn.checks.context import Reference, Subject
from yaml_attn.checks.finding import Finding, Rule
from yaml_attn.checks.intent import kept
from yaml_attn.dialects.module_specs import enlarges, is_known, plain, shrinks
from yaml_attn.graph.network import IMAGE

RULE = Rule("YA205", "early-lateral", "error")


def check(subject: Subject) -> Iterator[Finding]:
    """Every Concat on the way down that reads above what the Upsample of its stride read."""
    if _reduces_laterals(subject):
        return
    early, levels = [], 0
    for index in range(len(subject.network)):
        far = _far_input(subject, index)
        lateral = None if far is None else _sent_up(subject, index)
        if far is None or lateral is None:
            continue
        levels += 1
        if far.target != lateral and _is_early(subject, far.target, lateral):
            told = kept(subject, far, partial(_fits, subject, lateral), lateral)
            early.append((far, lateral, told))
    meant = levels == len(early) > 1 and not any(told["fix"] for *_, told in early)
    for far, lateral, told in early:
        yield RULE.found(
            subject.place_of(far.layer, far.position),
            f"{subject.layer(far.layer).module} reads {subject.named(far.target)} on the way "
            f"down, but {subject.named(lateral)} was sent up",
            **told,
            level="warning" if meant else "error",
        )


def _is_early(subject: Subject, index: int, lateral: int) -> bool:
    return subject.through(index) in _above(subject, subject.through(lateral))


def _fits(subject: Subject, lateral: int, other: int) -> bool:
    return subject.through(other) == subject.through(lateral)


def _reduces_laterals(subject: Subject) -> bool:
    """Whether an Upsample is joined with a convolution made for this: a lateral, reduced."""
    for index in range(len(subject.network)):
        inputs = [subject.through(each) for each in subject.inputs(index) if each != IMAGE]
        layers = [subject.layer(each) for each in inputs]
        up = any(enlarges(each.module, each.args) for each in layers)
        if up and subject.is_join(index) and any(_is_lateral(subject, each) for each in inputs):
            return True
    return False


def _is_lateral(subject: Subject, index: int) -> bool:
    """Whether a convolution reads one layer from afar."""
    reads = subject.inputs(index)
    afar = len(reads) == 1 and reads[0] < index - 1
    return afar and "Conv" in subject.layer(index).module


def _far_input(subject: Subject, index: int) -> Reference | None:
    """The far one of two inputs, where the near one comes from a downsampling."""
    references = list(subject.references(index))
    # The weighted Concats of a BiFPN join the levels of the backbone with those of the neck.
    if plain(subject.layer(index).module) != "Concat" or len(references) != 2:
        return None
    near = [each for each in references if each.target == index - 1]
    far = [each for each in references if each.target != index - 1 and each.target != IMAGE]
    if not near or not far:
        return None
    layer = subject.layer(subject.through(index - 1))
    return far[0] if shrinks(layer.module, layer.args) else None


def _sent_up(subject: Subject, join: int) -> int | None:
    """What the Upsamples above read at the stride of this join, if that is one layer."""
    power = subject.strides[join - 1].power
    found = {
        subject.inputs(index)[0]
        for index, layer in enumerate(subject.network.layers[:join])
        if enlarges(layer.module, layer.args) and IMAGE not in subject.inputs(index)
    }
    laterals = [layer for layer in found if subject.strides[layer].power == power]
    return laterals[0] if len(laterals) == 1 else None


def _above(subject: Subject, lateral: int) -> set[int]:
    """The layers above `lateral` in its chain, down from which a framework's own block works."""
    found: set[int] = set()
    worked = False
    stride = subject.strides[lateral]
    while len(subject.inputs(lateral)) == 1:
        # Whoever reads what an added block refines may do so on purpose.
        worked |= lateral not in subject.attention and is_known(subject.layer(lateral).module)
        (lateral,) = subject.inputs(lateral)
        if lateral == IMAGE or subject.strides[lateral] != stride:
            break
        if worked:
            found.add(lateral)
    return found
