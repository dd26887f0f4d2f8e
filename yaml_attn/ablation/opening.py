"""The bases of a study as configs: the one place where a study meets `yaml_attn.api`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from yaml_attn.ablation.study import NamedBase, Study
from yaml_attn.api import load
from yaml_attn.config.places import resolve
from yaml_attn.dialects import family, naming
from yaml_attn.errors import ConfigError
from yaml_attn.files import exists, installed, templates

if TYPE_CHECKING:
    from yaml_attn.ablation.fields import Field
    from yaml_attn.configs import Config


@dataclass(frozen=True)
class Base:
    """A base at one scale.

    `name` is what the names of its variants begin with; `file` what the study calls it, without a
    folder that only this machine has; `nc` its number of classes, where study or file says it.
    """

    field: Field
    name: str
    file: str
    config: Config
    nc: int | None = None

    @property
    def scale(self) -> str | None:
        """The scale that it is built at, where the file holds several."""
        return self.config.scale

    def resolve(self, selector: str) -> tuple[int, ...]:
        """The indexes of the layers that a selector means.

        Raises:
            PlaceError: it means none.
        """
        network = self.config.network
        keys = resolve(network, selector, lambda: self.config.strides)
        return tuple(network.index[key] for key in keys)

    def has_module(self, name: str) -> bool:
        """Whether a layer has this module."""
        return any(layer.module == name for layer in self.config.network.layers)

    def misread(self, name: str) -> str | None:
        """What is wrong with a file's name for the framework that would load it, if anything."""
        return self.config.scale_warning(name)

    def opened_instead(self, name: str) -> str | None:
        """The other file that the framework would look for first, given this name."""
        if family(self.config.dialect) != "ultralytics":
            return None
        other = str(naming.without_scale(name))
        return other if other != name else None


def open_bases(study: Study) -> tuple[Base, ...]:
    """Every base of a study at each of its scales.

    Raises:
        UsageError: one cannot be read as a config, or no base has one of the scales.
    """
    opened = [(named, _opened(named, study)) for named in study.bases]
    for scale in study.scales:
        if scale.text() != ALL and not any(scale.text() in each.scales for _, each in opened):
            raise scale.wrong(f"no base has the scale {scale.text()}", _have(opened))
    return tuple(
        Base(named.field, _name(named, each, scale), _portable(named.file), each, _nc(each, study))
        for named, config in opened
        for each, scale in _scaled(config, study)
    )


def _nc(config: Config, study: Study) -> int | None:
    written = config.document.settings.get("nc")
    known = isinstance(written, int) and not isinstance(written, bool)
    return study.nc or (written if known else None)


ALL = "all"
"""What `scales` may say instead of naming each."""


def _scaled(config: Config, study: Study) -> Iterator[tuple[Config, str | None]]:
    """The config at each scale that the study wants of it; as it is where it holds but one."""
    asked = [scale.text() for scale in study.scales]
    wanted = [each for each in config.scales if each in asked or ALL in asked]
    for scale in wanted:
        yield dataclasses.replace(config, asked_scale=scale), scale
    if not wanted:
        yield config, None


def _have(opened: list[tuple[NamedBase, Config]]) -> str:
    found = [f"{named.file} has {', '.join(each.scales) or 'none'}" for named, each in opened]
    return f"{'; '.join(found)}."


def _name(named: NamedBase, config: Config, scale: str | None) -> str:
    """What variants' names begin with: Ultralytics reads the scale from there alone."""
    name = named.alias or Path(config.name).stem
    scale = scale or naming.scale_of(Path(config.name).stem)
    if scale not in config.scales:
        return name
    return naming.with_scale(str(naming.without_scale(name)), scale)


def _portable(file: str) -> str:
    path = PurePath(file)
    return path.name if path.is_absolute() else path.as_posix()


def _opened(named: NamedBase, study: Study) -> Config:
    """The config of a base; what is wrong with it is wrong with the study."""
    try:
        return _load(named, study)
    except ConfigError as error:
        layer = "" if error.layer is None else f"layer {error.layer}: "
        message = f"{error.where or named.file}: {layer}{error.message}"
        raise named.field.wrong(message, error.hint) from None


def _load(named: NamedBase, study: Study) -> Config:
    """The config that a study means: a file beside it or a template, not one where we are."""
    file, folder = named.file, named.field.folder
    if folder is None:
        return _with_own(load(file, dialect=study.dialect), study)
    shipped = {**installed(), **templates()}
    meant = folder / file
    beside = exists(meant) or exists(naming.without_scale(meant))
    for candidate in () if beside else (file, f"{file}.yaml", str(naming.without_scale(file))):
        if candidate in shipped:
            config = load(shipped[candidate], dialect=study.dialect)
            return dataclasses.replace(_with_own(config, study), named=file)
    return _with_own(load(meant, dialect=study.dialect), study)


def _with_own(config: Config, study: Study) -> Config:
    return dataclasses.replace(config, own=study.own)
