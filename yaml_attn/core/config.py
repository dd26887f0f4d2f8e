"""A config: edited, compared, built and saved. It never changes: `insert` gives a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml_attn.analysis.places import Place as NamedPlace
from yaml_attn.analysis.places import named_places
from yaml_attn.analysis.selecting import Place
from yaml_attn.core import effects
from yaml_attn.core.edits import (
    Channels,
    Insert,
    Remove,
    Replace,
    Request,
    own_mechanisms,
    plan,
    refuse_native,
)
from yaml_attn.core.results import Difference, Inserted, Outline, Verification, unified_diff
from yaml_attn.dialects import family, filenames, recognise
from yaml_attn.dialects.dialect import depth_of, scaled_number, scales_of
from yaml_attn.dialects.module_specs import strides
from yaml_attn.document.document import Document, encode
from yaml_attn.document.rewrite import prove, rewrite
from yaml_attn.errors import ConfigError, OutputError
from yaml_attn.files import (
    EXISTS_HINT,
    digest,
    refuse_irreplaceable,
    standing,
    templates,
    write_atomically,
)
from yaml_attn.graph.changes import LayerChange, changes
from yaml_attn.graph.edits import apply
from yaml_attn.graph.network import Network
from yaml_attn.mechanisms.custom import OwnMechanism
from yaml_attn.mechanisms.registry import AnyMechanism, find, finds

if TYPE_CHECKING:
    from yaml_attn.building.cache import Memo
    from yaml_attn.building.report import BuildReport


@dataclass(frozen=True)
class Config:
    """A config file, as it is or edited.

    `document` is the file as it was read, `network` its layers after all edits so far, `own` the
    user's classes that rows or edits name, by row name and by what the user called them. `named`,
    `asked_dialect` and `asked_scale` are what the user said, if anything: see `load`.
    """

    document: Document
    network: Network
    own: Mapping[str, OwnMechanism] = field(default_factory=dict)
    named: str = ""
    asked_dialect: str | None = None
    asked_scale: str | None = None

    def __repr__(self) -> str:
        """One line: the file, how it is read, how many layers it has, and what edits did so far."""
        parts = [self.label, self.dialect]
        parts += [f"scale {self.scale}"] * (self.scale is not None)
        parts.append(f"{len(self.network)} layers")
        for each in self.changes:
            if each.replaced or each.state in {"inserted", "removed"}:
                at = each.old if each.new is None else each.new
                parts.append(f"{at} ({each.module}) {'replaced' if each.replaced else each.state}")
        return f"<Config {', '.join(parts)}>"

    @property
    def path(self) -> Path | None:
        """The file that the config was read from."""
        return self.document.path

    @property
    def name(self) -> str:
        """What the user called the file, without folders: `yolov8s.yaml` may mean `yolov8.yaml`."""
        return self.named or (self.path.name if self.path else "config.yaml")

    @property
    def label(self) -> str:
        """What messages call the file: its path, or a template's name."""
        return str(self.path) if self.path and not self.is_template else self.name

    @cached_property
    def dialect(self) -> str:
        """The framework that the config is written for: one of `dialects.NAMES`."""
        return self.asked_dialect or recognise(self.document.network, self.document.settings)

    @cached_property
    def scales(self) -> tuple[str, ...]:
        """The scales that the file holds, if it holds several; Ultralytics' files do."""
        return scales_of(self.document.settings)

    @cached_property
    def scale(self) -> str | None:
        """The one of `scales` that is built: as asked, as the name says, or the first."""
        for scale in (self.asked_scale, filenames.scale_of(self.name)):
            if scale in self.scales:
                return scale
        return self.scales[0] if self.scales else None

    @property
    def default_name(self) -> str:
        """What to call the edited file: the base, and the modules that are new in it, as asked for.

        A scale that was asked for, or named, stands where Ultralytics looks for it.
        """
        stem = Path(self.name).stem
        if self.scale is not None and (self.asked_scale or filenames.scale_of(stem)):
            stem = filenames.with_scale(stem, self.scale)
        edited = [
            self.network.layers[each.new]
            for each in self.changes
            if each.new is not None and (each.old is None or each.replaced)
        ]
        # New layers get their keys in the order in which they are asked for.
        modules = [layer.module for layer in sorted(edited, key=lambda layer: layer.key)]
        parts = dict.fromkeys(each.rpartition(".")[2] for each in modules) or ["edited"]
        return "_".join([stem, *parts]) + ".yaml"

    def scale_warning(self, path: str | Path) -> str | None:
        """What to tell the user where Ultralytics reads a file of this name at another scale."""
        if self.scale is None or family(self.dialect) != "ultralytics":
            return None
        return filenames.lost_scale(path, self.scales, self.scale, self.name)

    def name_warning(self, path: str | Path) -> str | None:
        """The same, or what to tell where it opens another file for this name."""
        if family(self.dialect) != "ultralytics":
            return None
        return self.scale_warning(path) or filenames.read_instead(path)

    @cached_property
    def inserted(self) -> tuple[Inserted, ...]:
        """The layers that edits added, in the order of the file."""
        return effects.inserted(self.network, self.changes)

    @cached_property
    def side_effects(self) -> tuple[str, ...]:
        """What the edits so far change beside the layers, in sentences."""
        return effects.side_effects(self.document.network, self.network, self.changes, self.dialect)

    @cached_property
    def index_map(self) -> Mapping[int, int]:
        """Index in the file as it was read -> index now, of every layer that survived."""
        rows = len(self.document.rows)
        return {key: at for key, at in self.network.index.items() if key < rows}

    @cached_property
    def changes(self) -> tuple[LayerChange, ...]:
        """What became of every layer since the file was read."""
        return changes(self.document.network, self.network, self.index_map)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """`number` of each layer after depth scaling; as written where the file has none."""
        depth = depth_of(self.document.settings, self.scale)
        return tuple(scaled_number(layer.number, depth) for layer in self.network.layers)

    @cached_property
    def text(self) -> str:
        """The file's new text, proved: read anew it is this network, all else as it was.

        Raises:
            InternalError: the proof failed (a bug of ours).
        """
        text = rewrite(self.document, self.network)
        prove(self.document, self.network, text)
        return text

    def diff(self, name: str = "") -> Difference:
        """What the edits so far change; `name` is that of the file that they will give."""
        old = self.path.name if self.path else "base"
        new = name or old
        text = unified_diff(old, self.document.text, new, self.text)
        return Difference(old, new, self.changes, text)

    def insert(
        self,
        module: str,
        *,
        after: Place | None = None,
        before: Place | None = None,
        edge: tuple[Place, Place] | None = None,
        inputs: tuple[Place, ...] | None = None,
        args: Sequence[Any] = (),
        parameters: Mapping[str, Any] | None = None,
        consumers: str | Collection[Place] = "all",
        name: str | None = None,
        channels: Channels = "nominal",
    ) -> Config:
        """This config with an attention layer inserted at one or several places.

        The arguments are those of `Insert`.

        Raises:
            UnknownModuleError, PlaceError, UsageError: no such module, place or parameter.
        """
        request = Insert(
            module,
            after,
            before,
            edge,
            inputs,
            args,
            parameters or {},
            consumers,
            name,
            channels,
        )
        return self.edit(request)

    def replace(self, at: Place, module: str, args: Sequence[Any] | None = None) -> Config:
        """This config with another module in the place of one or several layers.

        The arguments are those of `Replace`.

        Raises:
            PlaceError: there is no such layer.
        """
        return self.edit(Replace(at, module, args))

    def remove(self, at: Place) -> Config:
        """This config without one or several layers; their readers read what they read.

        Raises:
            PlaceError: there is no such layer, or to remove it has no meaning.
        """
        return self.edit(Remove(at))

    def edit(self, *requests: Request) -> Config:
        """This config with several edits made at once, all in the numbering that it has now.

        Raises:
            UnknownModuleError, PlaceError, UsageError: as `insert`, `replace` and `remove`.
        """
        refuse_native(requests, family(self.dialect))
        own = {**self.own, **own_mechanisms(requests, self.own)}
        config = dataclasses.replace(self, own=own)
        edits = plan(self.network, requests, config.mechanism, lambda: config.strides)
        return dataclasses.replace(config, network=apply(self.network, edits))

    def mechanism(self, name: str) -> AnyMechanism:
        """The mechanism that a row or a user means by this name.

        Raises:
            UnknownModuleError: there is none.
        """
        return self.own.get(name) or find(name)

    @cached_property
    def places(self) -> tuple[NamedPlace, ...]:
        """Every name that places can be meant by in this file, with its layers."""
        return named_places(self.network, self.strides)

    @cached_property
    def strides(self) -> Sequence[float | None]:
        """The stride of each layer, as far as rows, or comments on what the head reads, tell."""
        found = strides(self.network, keeps=lambda name: finds(name, self.mechanism))
        # A comment (`P3/8`) tells of its own row alone: what follows from it may not be so.
        for source in self.network.layers[-1].sources:
            at = self.network.index.get(source.key)
            if at is not None and found[at] is None:
                found[at] = self.document.strides_told.get(source.key)
        return found

    def builder(self, repo: str | Path | None = None) -> str | None:
        """What `build` would use: "bundled", "ultralytics", "checkout", or None for nothing."""
        from yaml_attn.core.verify import builder_of  # noqa: PLC0415 (no preview needs it)

        return builder_of(self, repo)

    def build(
        self,
        *,
        imgsz: int = 640,
        nc: int | None = None,
        flops: bool | Collection[int] = True,
        real: bool = False,
        repo: str | Path | None = None,
        memo: Memo | None = None,
        trust: bool = False,
    ) -> BuildReport:
        """Build the network with real layers and run it: shapes, strides, parameters, FLOPs.

        Args:
            imgsz: height and width of the image in pixels that shapes and FLOPs are given for.
            nc: number of classes instead of the file's.
            flops: whether to count FLOPs, or of which layers (by index).
            real: whether to run forward and backward at full size too.
            repo: a checkout of the framework, to build with its own layers in its own process.
            memo: remembers layers from one build to the next, where they are bundled.
            trust: whether a framework may run what the config says, where that is not plain data.

        Raises:
            UntrustedError: a framework would run some of it, or might.
            BuildError: it cannot be built; says which layer and the likely cause.
            UsageError: there is nothing to build it with.
        """
        from yaml_attn.core import verify as verifying  # noqa: PLC0415 (no preview needs it)

        return verifying.build(
            self, imgsz=imgsz, nc=nc, flops=flops, real=real, repo=repo, memo=memo, trust=trust
        )

    def verify(
        self,
        *,
        imgsz: int = 640,
        nc: int | None = None,
        real: bool = False,
        repo: str | Path | None = None,
        trust: bool = False,
    ) -> Verification:
        """Build the file as it was read and as it is now, and compare them layer by layer.

        Args:
            imgsz: as for `build`.
            nc: as for `build`.
            real: as for `build`, for the edited network.
            repo: as for `build`.
            trust: as for `build`.

        Raises:
            UntrustedError: as `build`.
            BuildError: one of them cannot be built.
            UsageError: there is nothing to build them with.
            InternalError: a layer that no edit names would have other parameters than before.
        """
        from yaml_attn.core import verify as verifying  # noqa: PLC0415 (no preview needs it)

        return verifying.verify(self, imgsz=imgsz, nc=nc, real=real, repo=repo, trust=trust)

    def outline(self, *, imgsz: int = 640, nc: int | None = None) -> Outline:
        """What can be verified without the framework: strides, and the new layers by themselves.

        Args:
            imgsz: as for `build`.
            nc: as for `build`.

        Raises:
            ConfigError: a setting is missing, or its value is of no use.
        """
        from yaml_attn.core import verify as verifying  # noqa: PLC0415 (no preview needs it)

        return verifying.outline(self, imgsz=imgsz, nc=nc)

    def located(self, error: ConfigError) -> ConfigError:
        """An error about these layers, with the file and the line of its layer."""
        error.path = self.label
        if error.layer is not None:
            key = self.network.layers[error.layer].key
            # A layer that is not in the file yet has no line.
            error.line = self.document.rows[key].line if key < len(self.document.rows) else None
        return error

    @property
    def data(self) -> bytes:
        """The bytes of the file that `save` would write."""
        return encode(self.text, bom=self.document.bom)

    @property
    def is_template(self) -> bool:
        """Whether the config was read from a template of the package."""
        return self.path in templates().values()

    def check_output(
        self, path: str | Path, *, force: bool = False, in_place: bool = False
    ) -> str | None:
        """Refuse a file that `save` would refuse, before any work is done.

        What is returned is the digest of what would be replaced, None where nothing would be: for
        `write_atomically`, when the work is done.

        Raises:
            OutputError: as `save`.
        """
        path = Path(path)
        there = standing(path)
        if self._is_base(path):
            if not in_place:
                raise OutputError(
                    "is the base itself",
                    path=path,
                    hint="Use --in-place to change it, or -o for another file.",
                )
            there = digest(self.document.data)
        elif there and not force:
            raise OutputError("exists already", path=path, hint=EXISTS_HINT)
        refuse_irreplaceable(path)
        return there

    def _is_base(self, path: Path) -> bool:
        if self.path is None:
            return False
        return path == self.path or (
            path.exists() and self.path.exists() and path.samefile(self.path)
        )

    def save(self, path: str | Path, *, force: bool = False, in_place: bool = False) -> Path:
        """Write the file, whole or not at all.

        Args:
            path: where to.
            force: whether another file of this name may be replaced.
            in_place: whether the base itself may be, if it still is as it was read.

        Raises:
            OutputError: it exists and may not be replaced, was changed since it was read, or
                cannot be written.
        """
        path = Path(path)
        over = self.check_output(path, force=force, in_place=in_place)
        write_atomically(path, self.data, over=over)
        return path
