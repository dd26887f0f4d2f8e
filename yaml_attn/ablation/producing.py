"""Variants made: each written as text, proved, and built beside its base.

What cannot be built is told and the rest goes on. Layers are remembered across a study, so that
nothing is built twice. What builds it is what `insert` would build with, unless the study says
otherwise, and is told with its version: figures are of one builder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from yaml_attn import verifying
from yaml_attn.ablation.ahead import AT_ONCE, Ahead
from yaml_attn.ablation.expanding import reason
from yaml_attn.ablation.opening import Base
from yaml_attn.ablation.study import Study
from yaml_attn.ablation.variants import Variant
from yaml_attn.dialects import find as find_dialect
from yaml_attn.errors import ConfigError, UsageError
from yaml_attn.modules.identity import NotIdentity, not_identity

if TYPE_CHECKING:
    from yaml_attn.building.report import BuildReport
    from yaml_attn.configs import Config

Method: TypeAlias = Literal["bundled", "ultralytics", "checkout", "outline"]
"""Whose layers a config was built with; "outline": its new layers alone were."""


WORDS: Final[Mapping[Method, str]] = {"outline": "new layers alone"}
"""What a method is called, if not by its name."""


class Facts(NamedTuple):
    """What building gave; None where it is not known.

    `strides` are those of the maps that the head reads, `added_...` what the base does not have.
    `note` says what else is to be known: what the framework will not take, as far as the rows
    tell, and layers that differ from the base's though no edit names them.
    """

    method: Method
    parameters: int | None
    flops: int | None
    strides: tuple[float | None, ...]
    added_parameters: int | None = None
    added_flops: int | None = None
    strides_kept: bool | None = None
    note: str | None = None


class Made(NamedTuple):
    """A variant with the bytes of its file, and what of it is new and moved, by index.

    `inserted` are plain records of the new rows, `disturbing` the new layers that do not start as
    the identity. `facts` are None if nothing was built. No config is kept: a study may have
    thousands.
    """

    variant: Variant
    data: bytes
    inserted: Sequence[Mapping[str, Any]]
    replaced: Sequence[int]
    index_map: Mapping[int, int]
    disturbing: Sequence[NotIdentity]
    facts: Facts | None


class Failed(NamedTuple):
    """A variant that cannot be, and why."""

    variant: Variant
    problem: str


Produced: TypeAlias = Made | Failed


class _Built(NamedTuple):
    facts: Facts
    report: BuildReport | None


class Producer:
    """Makes the variants of one study; remembers bases and layers."""

    def __init__(
        self,
        study: Study,
        *,
        build: bool = True,
        repo: Path | None = None,
        trust: bool = False,
    ) -> None:
        """Prepare to make variants.

        Args:
            study: what they are of.
            build: whether to build them.
            repo: a checkout to build with, in processes of their own.
            trust: as for `Config.build`.
        """
        self.study = study
        self.build = build
        self.repo = repo
        self.trust = trust
        self._bases: dict[str, _Built | str] = {}
        self._tried: set[str] = set()
        self._ahead = Ahead(repo, study, trust=trust) if repo and build else None
        if build:
            from yaml_attn.building.memo import Memo  # noqa: PLC0415 (imports torch)

            self._memo = Memo()

    def produce(self, variants: Iterable[Variant]) -> Iterator[Produced]:
        """Every variant, in order.

        Raises:
            UsageError: what the study says to build with is not installed.
            InternalError: a layer that no edit names would have other parameters than before.
        """
        rest = iter(variants)
        while batch := list(islice(rest, AT_ONCE if self._ahead else 1)):
            if self._ahead:
                self._ahead.build(self._wanted(batch))
            for each in batch:
                yield self._produced(each) if each.problem is None else Failed(each, each.problem)

    def base(self, base: Base) -> Facts | str | None:
        """What building a base gave, or why it cannot be built; None if nothing is built."""
        if not self.build:
            return None
        built = self._base(base)
        return built if isinstance(built, str) else built.facts

    def built_with(self, base: Base) -> str | None:
        """What a base and its variants are built with, in words; None if nothing is built."""
        facts = self.base(base)
        if facts is None:
            return None
        method = self._method(base.config)
        if method != "ultralytics":
            return WORDS.get(method, method)
        from yaml_attn.frameworks.build_ultralytics import version  # noqa: PLC0415

        return f"ultralytics {version()}"

    def _produced(self, variant: Variant) -> Produced:
        config = variant.base.config.edit(*variant.requests)
        made = _made(variant, config)
        if not self.build:
            return made
        base = self._base(variant.base)
        if isinstance(base, str):
            return Failed(variant, f"the base cannot be built: {base}")
        try:
            self._keep_promises(config)
            built = self._built(config) if variant.requests else base
        except ConfigError as error:
            return Failed(variant, reason(error))
        except _BrokenPromiseError as broken:
            return Failed(variant, str(broken))
        return made._replace(facts=_compared(config, base, built))

    def _base(self, base: Base) -> _Built | str:
        if base.name not in self._bases:
            try:
                self._bases[base.name] = self._built(base.config)
            except ConfigError as error:
                self._bases[base.name] = reason(error)
        return self._bases[base.name]

    def _built(self, config: Config) -> _Built:
        study = self.study
        method = self._method(config)
        if method == "outline":
            facts = _outlined(config, imgsz=study.imgsz, nc=study.nc)
            return _Built(facts, None)
        if self._ahead:
            report = self._ahead.report(config)
        else:
            memo = self._memo if method == "bundled" else None
            report = config.build(imgsz=study.imgsz, nc=study.nc, memo=memo, trust=self.trust)
        return _Built(Facts(method, report.parameters, report.flops, report.strides), report)

    def _wanted(self, variants: Iterable[Variant]) -> Iterator[Config]:
        """What there is to build of several variants, with their bases."""
        for each in variants:
            if each.base.name not in self._bases:
                yield each.base.config
            if each.requests and each.problem is None:
                yield each.base.config.edit(*each.requests)

    def _method(self, config: Config) -> Method:
        if self.repo is not None:
            return "checkout"
        builder = find_dialect(config.dialect).builder
        if builder == "bundled":
            return "bundled"
        asked, at_hand = self.study.builder, config.builder()
        if asked not in {builder, None} or (asked is None and at_hand is None):
            return "outline"
        if at_hand is None:
            raise UsageError(
                f"builder: {builder} is not installed here",
                hint=f"`pip install {builder}`, or leave `builder` out.",
            )
        return "ultralytics"

    def _keep_promises(self, config: Config) -> None:
        """Try each class of the user's own once for each of its arguments: it takes a second."""
        rows = {str([*layer.row[2:3], *layer.row[3][1:]]) for layer in config.inserted}
        if config.own and not rows <= self._tried:
            try:
                verifying.contracts(config)
            except UsageError as error:
                raise _BrokenPromiseError(error.message) from None
            self._tried |= rows


class _BrokenPromiseError(Exception):
    """A class of the user's own can stand in no network."""


def _made(variant: Variant, config: Config) -> Made:
    """A variant that is not built yet; its text is proved here."""
    inserted = [
        {
            "index": each.index,
            "row": list(each.row),
            "reads": [one.index for one in (each.reads, *each.context)],
            "read_by": [one.index for one in each.consumers if one.moved],
        }
        for each in config.inserted
    ]
    replaced = [at for each in config.changes if each.replaced and (at := each.new) is not None]
    new = {*(each.index for each in config.inserted), *replaced}
    disturbing = not_identity(config.network, new, config.mechanism)
    return Made(variant, config.data, inserted, replaced, dict(config.index_map), disturbing, None)


def _outlined(config: Config, *, imgsz: int, nc: int | None) -> Facts:
    """What the rows and the new layers alone tell."""
    outline = config.outline(imgsz=imgsz, nc=nc)
    facts = Facts("outline", None, None, outline.strides, note=outline.problem)
    if outline.problem or any(each.replaced for each in config.changes):
        return facts
    return facts._replace(
        added_parameters=sum(each.parameters for each in outline.added),
        added_flops=sum(each.flops or 0 for each in outline.added),
    )


def _compared(config: Config, base: _Built, built: _Built) -> Facts:
    """The facts of a variant beside its base's, of which nothing but the edits may differ."""
    facts, before, after = built.facts, base.report, built.report
    kept = facts.strides == base.facts.strides
    if before is None or after is None:
        return facts._replace(strides_kept=kept)
    flops = None
    if before.flops is not None and after.flops is not None:
        flops = after.flops - before.flops
    return facts._replace(
        added_parameters=after.parameters - before.parameters,
        added_flops=flops,
        strides_kept=kept,
        note="; ".join([*_others(config, before, after), *_strides(facts, base.facts)]) or None,
    )


def _strides(facts: Facts, base: Facts) -> list[str]:
    """That the head reads maps of other strides than the base's, in words."""
    if facts.strides == base.strides:
        return []
    now, then = (", ".join(f"{each:g}" for each in of.strides if each) for of in (facts, base))
    return [f"the head reads strides {now} instead of {then}"]


def _others(config: Config, before: BuildReport, after: BuildReport) -> list[str]:
    """Layers that no edit names and that differ from the base's all the same, in words."""
    return [
        f"layer {new.index} ({new.module}) has {new.parameters:,} parameters instead of "
        f"{old.parameters:,}"
        for old, new in verifying.others(config, before, after)
    ]
