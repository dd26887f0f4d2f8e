"""Building a config with the right builder, and what an edit changed, layer by layer.

Which builder: a checkout that the user names; else the one of the config's dialect, if it is at
hand. Without one, what the rows and the mechanisms alone tell is verified: an outline.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from yaml_attn.core.results import Inserted, Outline, Verification
from yaml_attn.dialects import find as find_dialect
from yaml_attn.errors import BuildError, ConfigError, InternalError, UsageError, YamlAttnError
from yaml_attn.graph.network import IMAGE
from yaml_attn.mechanisms.custom import OwnMechanism, is_own
from yaml_attn.mechanisms.registry import MECHANISMS

if TYPE_CHECKING:
    from yaml_attn.building.adjusted import AdjustedParameter
    from yaml_attn.building.cache import Memo
    from yaml_attn.building.report import BuildReport, LayerReport
    from yaml_attn.core.config import Config
    from yaml_attn.mechanisms.contract import Check

_REST = {
    "ultralytics": "`pip install ultralytics`",
    None: "`--repo` with a checkout of the framework",
}


def builder_of(config: Config, repo: str | Path | None = None) -> str | None:
    """Which builder a config would be built with: "bundled", "ultralytics" or "checkout".

    None if there is none: its framework is neither bundled nor installed nor named.
    """
    if repo is not None:
        return "checkout"
    builder = find_dialect(config.dialect).builder
    if builder == "ultralytics":
        from yaml_attn.frameworks.runtime.build import available  # noqa: PLC0415

        return builder if available() else None
    return builder


def build(
    config: Config,
    *,
    imgsz: int = 640,
    nc: int | None = None,
    flops: bool | Collection[int] = True,
    real: bool = False,
    repo: str | Path | None = None,
    memo: Memo | None = None,
    trust: bool = False,
) -> BuildReport:
    """Build a config and run it; see `Config.build`."""
    builder = builder_of(config, repo)
    try:
        if builder == "checkout":
            from yaml_attn.frameworks.checkout import build as build_checkout  # noqa: PLC0415 (imports torch)

            return build_checkout.build(
                Path(str(repo)),
                config.text,
                config.name,
                dialect=config.dialect,
                scale=config.scale,
                nc=nc,
                imgsz=imgsz,
                flops=flops,
                real=real,
                own=sources(config),
                trust=trust,
            )
        if builder == "ultralytics":
            from yaml_attn.frameworks.runtime import build as build_ultralytics  # noqa: PLC0415 (imports torch)

            return build_ultralytics.build(
                config.text,
                config.name,
                scale=config.scale,
                nc=nc,
                imgsz=imgsz,
                flops=flops,
                real=real,
                own={name: each.load() for name, each in _rows(config).items()},
                trust=trust,
            )
        if builder == "bundled":
            return _bundled(config, imgsz, nc, flops, real, memo)
    except ConfigError as error:
        raise config.located(error) from None
    raise UsageError(
        f"there is nothing to build a config of {find_dialect(config.dialect).title} with",
        hint=f"{_rest(config)} provides its layers.",
    )


def _bundled(
    config: Config,
    imgsz: int,
    nc: int | None,
    flops: bool | Collection[int],
    real: bool,
    memo: Memo | None,
) -> BuildReport:
    from yaml_attn.building import bundled  # noqa: PLC0415 (imports torch)

    settings: dict[str, Any] = {
        "nc": nc,
        "mechanism": config.mechanism,
        "dialect": find_dialect(config.dialect),
    }
    if memo is not None:
        return memo.report(config.network, config.document.settings, imgsz=imgsz, **settings)
    # Shapes and counts need no initial weights, a real forward and backward does.
    model = bundled.build(config.network, config.document.settings, init=real, **settings)
    if real:
        bundled.run_real(model, imgsz)
    return bundled.inspect(model, imgsz, flops=flops)


def verify(
    config: Config,
    *,
    imgsz: int = 640,
    nc: int | None = None,
    real: bool = False,
    repo: str | Path | None = None,
    trust: bool = False,
) -> Verification:
    """Build a config as it was read and as it is now; see `Config.verify`."""
    promised = contracts(config)
    base = dataclasses.replace(config, network=config.document.network)
    new = [layer.index for layer in config.inserted]
    if repo is not None:
        before, after = _in_one_process(base, config, Path(repo), imgsz, nc, new, real, trust)
    else:
        before = build(base, imgsz=imgsz, nc=nc, flops=False, trust=trust)
        after = build(config, imgsz=imgsz, nc=nc, flops=new, real=real, trust=trust)
    pairs = [
        (change, before.layers[change.old], after.layers[change.new])
        for change in config.changes
        if change.old is not None and change.new is not None
    ]
    return Verification(
        str(builder_of(config, repo)),
        before,
        after,
        tuple(after.layers[index] for index in new),
        tuple((old, now) for change, old, now in pairs if change.replaced),
        others(config, before, after),
        tuple(
            before.layers[each.old]
            for each in config.changes
            if each.old is not None and each.new is None
        ),
        promised,
        _taken(config, [after.layers[index] for index in new]),
    )


def _in_one_process(
    base: Config,
    config: Config,
    repo: Path,
    imgsz: int,
    nc: int | None,
    new: Collection[int],
    real: bool,
    trust: bool,
) -> tuple[BuildReport, BuildReport]:
    """Base and edited network of a checkout's layers: to import a framework takes seconds."""
    from yaml_attn.frameworks.checkout import build as build_checkout  # noqa: PLC0415 (no preview needs it)

    def request(of: Config, flops: bool | Collection[int], real: bool) -> build_checkout.Request:
        own = sources(config)
        return build_checkout.Request(
            of.text, of.name, of.scale, nc, imgsz, flops, real, own, trust
        )

    requests = [request(base, False, False), request(config, new, real)]
    before, after = build_checkout.build_all(repo, requests, dialect=config.dialect)
    for owner, found in ((base, before), (config, after)):
        if isinstance(found, ConfigError):
            raise owner.located(found)
        if isinstance(found, YamlAttnError):
            raise found
    return cast("BuildReport", before), cast("BuildReport", after)


def sources(config: Config) -> tuple[tuple[str, str], ...]:
    """The user's classes as another process finds them, by row name."""
    return tuple((name, each.from_anywhere) for name, each in _rows(config).items())


def _rows(config: Config) -> Mapping[str, OwnMechanism]:
    """The user's classes by row name alone."""
    return {name: each for name, each in config.own.items() if not is_own(name)}


def others(
    config: Config, before: BuildReport, after: BuildReport
) -> tuple[tuple[LayerReport, LayerReport], ...]:
    """Layers before and after that no edit names, and that differ all the same.

    An insertion has none. A block in the place of another may give other channels to its readers,
    and Ultralytics' head has another form without C3k2.

    Raises:
        InternalError: there are some, and nothing was replaced or removed.
    """
    pairs = [
        (before.layers[change.old], after.layers[change.new])
        for change in config.changes
        if change.old is not None and change.new is not None and not change.replaced
    ]
    found = tuple((old, now) for old, now in pairs if old.parameters != now.parameters)
    if found and not any(change.replaced or change.new is None for change in config.changes):
        old, now = found[0]
        raise InternalError(
            f"layer {now.index} ({now.module}) would have {now.parameters:,} parameters instead of "
            f"{old.parameters:,}; nothing was written",
            hint="This is a bug in yaml-attn. Please report it with the config.",
        )
    return found


def outline(config: Config, *, imgsz: int = 640, nc: int | None = None) -> Outline:
    """What can be verified without the framework; see `Config.outline`."""
    from yaml_attn.building.single_layer import inspect_alone  # noqa: PLC0415 (imports torch)

    promised = contracts(config)
    network = config.network
    resolve = find_dialect(config.dialect).resolve
    try:
        resolved = resolve(
            network, config.document.settings, config.mechanism, nc=nc, scale=config.scale
        )
    except BuildError as error:
        # Forks have modules of their own: that is no reason to refuse the edit.
        located = config.located(error)
        return Outline((), (), promised, _rest(config), located.message)
    try:
        added = tuple(
            inspect_alone(
                network, resolved, each.index, config.mechanism(each.module).load(), imgsz
            )
            for each in config.inserted
        )
    except BuildError as error:
        raise config.located(error) from None
    reads = [network.index.get(source.key, IMAGE) for source in network.layers[-1].sources]
    strides = tuple(resolved[at].stride if at != IMAGE else 1.0 for at in reads)
    return Outline(strides, added, promised, _rest(config), taken=_taken(config, added))


def _taken(
    config: Config, added: Sequence[LayerReport]
) -> Mapping[int, tuple[AdjustedParameter, ...]]:
    """What inserted layers that read one map took of their parameters, by index, if not all."""
    from yaml_attn.building.adjusted import taken  # noqa: PLC0415 (imports torch)

    found = {}
    for each, built in zip(config.inserted, added, strict=True):
        if each.module in MECHANISMS and not each.context:
            # An attention gives as many channels as it reads.
            channels = cast("int", built.shape[0])
            found[each.index] = tuple(taken(MECHANISMS[each.module], channels, each.row[3][1:]))
    return {index: some for index, some in found.items() if some}


def contracts(config: Config) -> Mapping[str, tuple[Check, ...]]:
    """Which promises of a layer the user's own classes keep, by row name.

    Raises:
        UsageError: a class breaks one that no layer can do without.
    """
    found = {layer.module: _contract(config, layer) for layer in config.inserted}
    return {name: checks for name, checks in found.items() if checks}


def _contract(config: Config, layer: Inserted) -> tuple[Check, ...]:
    mechanism = config.own.get(layer.module)
    if mechanism is None:
        return ()
    from yaml_attn.mechanisms.contract import check, require  # noqa: PLC0415 (imports torch)

    make, args = mechanism.load(), list(layer.row[3])[1:]
    checks = check(lambda channels: make(channels, *args))
    require(layer.module, checks)
    return checks


def _rest(config: Config) -> str:
    return _REST.get(find_dialect(config.dialect).builder, "`build`, with bundled layers")
