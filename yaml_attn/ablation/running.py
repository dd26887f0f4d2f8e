"""A study run: what it gives, and the files that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from yaml_attn.ablation.expanding import expand
from yaml_attn.ablation.opening import Base
from yaml_attn.ablation.producing import Facts, Failed, Made, Produced, Producer
from yaml_attn.ablation.shard import Shard
from yaml_attn.ablation.study import Study

Progress: TypeAlias = Callable[[Produced, int, int], None]
"""Told of each variant when it is made, with how many are made and how many there are."""


@dataclass(frozen=True)
class Result:
    """What a study, or one part of it, gives.

    `produced` is in the study's order; `facts` are those of the bases by name, a text for one
    that cannot be built; `merged` are names of variants that are the same file as another.
    `built_with` says in words what built them: "bundled", "ultralytics 8.4.190", ...
    """

    study: Study
    shard: Shard
    bases: tuple[Base, ...]
    produced: tuple[Produced, ...]
    facts: Mapping[str, Facts | str | None]
    merged: Mapping[str, str]
    built_with: tuple[str, ...]

    @property
    def made(self) -> tuple[Made, ...]:
        """The variants that have a file."""
        return tuple(each for each in self.produced if isinstance(each, Made))

    @property
    def failed(self) -> tuple[Failed, ...]:
        """The variants that cannot be."""
        return tuple(each for each in self.produced if isinstance(each, Failed))


def run(
    study: Study,
    *,
    build: bool = True,
    repo: Path | None = None,
    trust: bool = False,
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> Result:
    """Make every variant of a study; nothing is written.

    Args:
        study: what to make.
        build: whether to build each variant; its wiring is proved all the same.
        repo: a checkout of the framework to build with, in processes of their own.
        trust: whether a framework may run what the bases say, where that is not plain data.
        shard: the part to make, all unless given.
        progress: told of each variant.

    Raises:
        UsageError: the study cannot be expanded; see `expand`.
    """
    expansion = expand(study)
    shard = shard or Shard()
    picked = shard.pick(expansion.variants)
    producer = Producer(study, build=build, repo=repo, trust=trust)
    produced: list[Produced] = []
    for each in producer.produce(picked):
        produced.append(each)
        if progress:
            progress(each, len(produced), len(picked))
    bases = tuple(
        base for base in expansion.bases if any(each.variant.base is base for each in produced)
    )
    names = {each.variant.name for each in produced}
    return Result(
        study,
        shard,
        bases,
        tuple(produced),
        {base.name: producer.base(base) for base in bases},
        {name: same for name, same in expansion.merged.items() if same in names},
        tuple(sorted({words for base in bases if (words := producer.built_with(base))})),
    )
