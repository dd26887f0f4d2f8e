"""What `import yaml_attn` offers: configs that are loaded, edited, compared, built and saved.

Each command of the CLI is one call of this. A `Config` never changes: `insert` gives a new one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml_attn.config.changes import LayerChange, changes
from yaml_attn.config.document import Document, encode
from yaml_attn.config.edits import apply
from yaml_attn.config.network import Layer, Network
from yaml_attn.config.places import Place as NamedPlace
from yaml_attn.config.places import named_places
from yaml_attn.config.rewrite import prove, rewrite
from yaml_attn.dialects import recognise
from yaml_attn.dialects.base import scaled_number
from yaml_attn.dialects.strides import strides
from yaml_attn.errors import ConfigError, InternalError, OutputError
from yaml_attn.files import EXISTS_HINT, find_base, templates, write_atomically
from yaml_attn.modules.own import OwnMechanism
from yaml_attn.modules.registry import Mechanism, find, known
from yaml_attn.planning import (
    Channels,
    Insert,
    Place,
    Remove,
    Replace,
    Request,
    own_mechanisms,
    plan,
)
from yaml_attn.results import Consumer, Difference, Inserted, Verification, unified_diff

if TYPE_CHECKING:
    from yaml_attn.building.report import BuildReport
    from yaml_attn.modules.contract import Check


def load(base: str | Path) -> Config:
    """The config in this file or, when no such file exists, the template of this name.

    Raises:
        DocumentError, WiringError: it cannot be read as a config.
    """
    document = Document.load(find_base(str(base)))
    return Config(document, document.network)


def compare_files(old: str | Path, new: str | Path) -> Difference:
    """Compare two configs that no edit of ours connects: their layers are aligned.

    Raises:
        DocumentError, WiringError: one of them cannot be read as a config.
    """
    from yaml_attn.config.compare import compare  # noqa: PLC0415 (no other command needs it)

    before, after = load(old), load(new)
    found = compare(before.network, after.network)
    same = {**found.index_map, **found.replaced}
    changed = changes(before.network, after.network, same)
    text = unified_diff(str(old), before.document.text, str(new), after.document.text)
    return Difference(str(old), str(new), changed, text)


@dataclass(frozen=True)
class Config:
    """A config file, as it is or edited.

    `document` is the file as it was read, `network` its layers after all edits so far, `own` the
    user's classes that edits named, by row name and by what the user called them.
    """

    document: Document
    network: Network
    own: Mapping[str, OwnMechanism] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file that the config was read from."""
        return self.document.path

    @cached_property
    def dialect(self) -> str:
        """The framework that the config is written for."""
        return recognise(self.network, self.document.settings)

    @cached_property
    def inserted(self) -> tuple[Inserted, ...]:
        """The layers that edits added, in the order of the file."""
        found = []
        for change in self.changes:
            if change.old is None and change.new is not None:
                layer = self.network.layers[change.new]
                row = self.network.row(layer)
                consumers = self._consumers_around(layer)
                reads, *context = change.after
                found.append(
                    Inserted(change.new, layer.section, row, reads, consumers, tuple(context))
                )
        return tuple(found)

    def _consumers_around(self, inserted: Layer) -> tuple[Consumer, ...]:
        index = self.network.index
        new = dict.fromkeys(self.network.consumers(inserted.key), True)
        raw = dict.fromkeys(self.network.consumers(inserted.sources[0].key), False)
        readers = {key: moved for key, moved in {**raw, **new}.items() if key != inserted.key}
        return tuple(
            Consumer(index[key], self.network[key].module, moved)
            for key, moved in sorted(readers.items(), key=lambda item: index[item[0]])
        )

    @cached_property
    def side_effects(self) -> tuple[str, ...]:
        """What the edits so far change beside the layers, in sentences."""
        old = sum(row.section == "backbone" for row in self.document.rows)
        new = sum(layer.section == "backbone" for layer in self.network.layers)
        found = []
        if new != old:
            found.append(
                f"The backbone has {new} layers instead of {old}: where you freeze it with "
                f"--freeze {old}, use --freeze {new}."
            )
        moved = [change.new for change in self.changes if change.state in {"moved", "changed"}]
        if moved:
            found.append(
                f"A checkpoint of the base fits the layers before {moved[0]} only, for weights are "
                "loaded by layer number; `yaml-attn weights` moves them all."
            )
        return tuple(found)

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
        """`number` of each layer after `depth_multiple`; as written where the file has none."""
        depth = self.document.settings.get("depth_multiple")
        written = [layer.number for layer in self.network.layers]
        if not isinstance(depth, (int, float)):
            return tuple(written)
        return tuple(scaled_number(number, depth) for number in written)

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
        own = {**self.own, **own_mechanisms(requests)}
        config = dataclasses.replace(self, own=own)
        edits = plan(self.network, requests, config.mechanism)
        return dataclasses.replace(config, network=apply(self.network, edits))

    def mechanism(self, name: str) -> Mechanism | OwnMechanism:
        """The mechanism that a row or a user means by this name.

        Raises:
            UnknownModuleError: there is none.
        """
        return self.own.get(name) or find(name)

    @cached_property
    def places(self) -> tuple[NamedPlace, ...]:
        """Every name that places can be meant by in this file, with its layers."""
        return named_places(self.network, strides(self.network, keeps=known))

    def build(
        self,
        *,
        imgsz: int = 640,
        nc: int | None = None,
        flops: bool | Collection[int] = True,
        real: bool = False,
    ) -> BuildReport:
        """Build the network with real layers and run it: shapes, strides, parameters, FLOPs.

        Args:
            imgsz: height and width of the image in pixels that shapes and FLOPs are given for.
            nc: number of classes instead of the file's.
            flops: whether to count FLOPs, or of which layers (by index).
            real: whether to run forward and backward at full size too.

        Raises:
            BuildError: it cannot be built; says which layer and the likely cause.
        """
        from yaml_attn.building import bundled  # noqa: PLC0415 (imports torch)

        try:
            # Shapes and counts need no initial weights, a real forward and backward does.
            model = bundled.build(
                self.network,
                self.document.settings,
                nc=nc,
                init=real,
                mechanism=self.mechanism,
            )
            if real:
                bundled.run_real(model, imgsz)
            return bundled.inspect(model, imgsz, flops=flops)
        except ConfigError as error:
            raise self._located(error) from None

    def verify(
        self, *, imgsz: int = 640, nc: int | None = None, real: bool = False
    ) -> Verification:
        """Build the file as it was read and as it is now, and compare them layer by layer.

        Args:
            imgsz: as for `build`.
            nc: as for `build`.
            real: as for `build`, for the edited network.

        Raises:
            BuildError: one of them cannot be built.
            InternalError: a layer that no edit names would have other parameters than before.
        """
        contracts = {layer.module: self._contract(layer) for layer in self.inserted}
        base = dataclasses.replace(self, network=self.document.network, own={})
        before = base.build(imgsz=imgsz, nc=nc, flops=False)
        new = [layer.index for layer in self.inserted]
        after = self.build(imgsz=imgsz, nc=nc, flops=new, real=real)
        pairs = [
            (change, before.layers[change.old], after.layers[change.new])
            for change in self.changes
            if change.old is not None and change.new is not None
        ]
        for change, old, now in pairs:
            if old.parameters != now.parameters and not change.replaced:
                raise InternalError(
                    f"layer {change.new} ({change.module}) would have {now.parameters:,} "
                    f"parameters instead of {old.parameters:,}; nothing was written",
                    hint="This is a bug in yaml-attn. Please report it with the config.",
                )
        return Verification(
            before,
            after,
            tuple(after.layers[index] for index in new),
            tuple((old, now) for change, old, now in pairs if change.replaced),
            tuple(
                before.layers[each.old]
                for each in self.changes
                if each.old is not None and each.new is None
            ),
            {name: checks for name, checks in contracts.items() if checks},
        )

    def _contract(self, layer: Inserted) -> tuple[Check, ...]:
        """What a class of the user's keeps of a layer's promises; nothing for a bundled one."""
        mechanism = self.own.get(layer.module)
        if mechanism is None:
            return ()
        from yaml_attn.modules.contract import check, require  # noqa: PLC0415 (imports torch)

        make, args = mechanism.load(), list(layer.row[3])[1:]
        checks = check(lambda channels: make(channels, *args))
        require(layer.module, checks)
        return checks

    def _located(self, error: ConfigError) -> ConfigError:
        """The error with the file and the line of its layer."""
        error.path = self.path
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

    @property
    def can_build(self) -> bool:
        """Whether the layers of this dialect are bundled."""
        return self.dialect == "yolov5"

    def check_output(
        self, path: str | Path, *, force: bool = False, in_place: bool = False
    ) -> None:
        """Refuse a file that `save` would refuse, before any work is done.

        Raises:
            OutputError: as `save`.
        """
        path = Path(path)
        if not path.exists():
            return
        if self.path is not None and path.samefile(self.path):
            if not in_place:
                raise OutputError(
                    "is the base itself",
                    path=path,
                    hint="Use --in-place to change it, or -o for another file.",
                )
        elif not force:
            raise OutputError("exists already", path=path, hint=EXISTS_HINT)

    def save(self, path: str | Path, *, force: bool = False, in_place: bool = False) -> Path:
        """Write the file, whole or not at all.

        Args:
            path: where to.
            force: whether another file of this name may be replaced.
            in_place: whether the base itself may be.

        Raises:
            OutputError: it exists and may not be replaced, or cannot be written.
        """
        path = Path(path)
        self.check_output(path, force=force, in_place=in_place)
        write_atomically(path, self.data, replace=force or in_place)
        return path
