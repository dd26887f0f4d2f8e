"""What `import yaml_attn` offers: configs that are loaded, edited, compared, built and saved.

Each command of the CLI is one call of this. A `Config` never changes: `insert` gives a new one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from yaml_attn.config.changes import LayerChange, Reading, changes
from yaml_attn.config.document import Document, encode
from yaml_attn.config.edits import Insertion, plan_after, plan_before
from yaml_attn.config.network import Layer, Network
from yaml_attn.config.places import resolve_place
from yaml_attn.config.rewrite import prove, rewrite
from yaml_attn.dialects import recognise, refuse_several_maps
from yaml_attn.dialects.base import scaled_number
from yaml_attn.dialects.channels import nominal_channels
from yaml_attn.errors import (
    ConfigError,
    InternalError,
    OutputError,
    PlaceError,
    UsageError,
)
from yaml_attn.files import EXISTS_HINT, find_base, templates, write_atomically
from yaml_attn.modules.arguments import row_arguments
from yaml_attn.modules.registry import find

if TYPE_CHECKING:
    from yaml_attn.building.report import BuildReport, LayerReport

Channels = Literal["nominal", "c2"]
"""What args[0] of an attention row says: the tutorials' number, or `c2`, right at every width."""


def load(base: str | Path) -> Config:
    """The config in this file or, when no such file exists, the template of this name.

    Raises:
        DocumentError, WiringError: it cannot be read as a config.
    """
    document = Document.load(find_base(str(base)))
    return Config(document, document.network)


class Difference(NamedTuple):
    """Two configs compared: what became of every layer, and the unified diff of their text."""

    old: str
    new: str
    changes: tuple[LayerChange, ...]
    text: str


class Consumer(NamedTuple):
    """A layer that read the layer before an inserted one; `moved`: it reads the new one now."""

    index: int
    module: str
    moved: bool


class Inserted(NamedTuple):
    """A layer that an edit added: its row, what it reads, and every reader of that."""

    index: int
    section: str
    row: Sequence[Any]
    reads: Reading
    consumers: tuple[Consumer, ...]

    @property
    def module(self) -> str:
        """The row's module name."""
        name: str = self.row[2]
        return name


class Verification(NamedTuple):
    """Base and edited network built: the attention's own parameters are the only difference."""

    base: BuildReport
    edited: BuildReport
    added: tuple[LayerReport, ...]

    @property
    def added_parameters(self) -> int:
        """Parameters of the inserted layers; `edited.parameters - base.parameters` equals it."""
        return sum(layer.parameters for layer in self.added)


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
    return _difference(str(old), before.document.text, str(new), after.document.text, changed)


def _difference(
    old: str, old_text: str, new: str, new_text: str, changed: tuple[LayerChange, ...]
) -> Difference:
    before, after = (
        re.split(r"\r\n|\r|\n", re.sub(r"\r?\n\Z", "", text)) for text in (old_text, new_text)
    )
    text = "\n".join(difflib.unified_diff(before, after, old, new, lineterm=""))
    return Difference(old, new, changed, text)


@dataclass(frozen=True)
class Config:
    """A config file, as it is or edited.

    `document` is the file as it was read, `network` its layers after all edits so far.
    """

    document: Document
    network: Network

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
                found.append(Inserted(change.new, layer.section, row, change.after[0], consumers))
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
                "Weights are loaded by layer number: a checkpoint of the base fits the layers "
                f"before {moved[0]} only."
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

    def difference(self, name: str = "") -> Difference:
        """What the edits so far change; `name` is that of the file that they will give."""
        old = self.path.name if self.path else "base"
        return _difference(old, self.document.text, name or old, self.text, self.changes)

    def insert(
        self,
        module: str,
        *,
        after: int | None = None,
        before: int | None = None,
        args: Sequence[Any] = (),
        parameters: Mapping[str, Any] | None = None,
        consumers: Literal["all", "next"] | Collection[int] = "all",
        name: str | None = None,
        channels: Channels = "nominal",
    ) -> Config:
        """This config with an attention layer inserted.

        Args:
            module: a bundled mechanism or one of its aliases.
            after: the layer that the attention reads; negative counts from the end.
            before: instead of `after`: the layer whose first input the attention refines.
            args: the mechanism's own parameters in the order of its signature, without channels.
            parameters: the same by name.
            consumers: who reads the attention: "all" readers of the layer, the "next" row only,
                or the readers with these indexes.
            name: the row's module name, when it must differ from the bundled one.
            channels: whether args[0] is the "nominal" (unscaled) count or the string "c2".

        Raises:
            UnknownModuleError, PlaceError, UsageError: no such module, place or parameter.
        """
        if (after is None) == (before is None):
            raise UsageError("say where: either after a layer or before one")
        mechanism = find(module)
        own = row_arguments(mechanism, args, parameters or {})
        network = self.network
        if not isinstance(consumers, str):
            consumers = [resolve_place(network, index) for index in consumers]
        row = name or mechanism.name
        if after is not None:
            plan = plan_after(network, resolve_place(network, after), row, (), consumers)
        elif before is not None:
            plan = plan_before(network, resolve_place(network, before), row, (), consumers)
        refuse_several_maps(network, plan.source)
        key = max(len(self.document.rows), 1 + max(layer.key for layer in network.layers))
        plan = replace(plan, args=(self._channel_argument(plan, channels), *own))
        return replace(self, network=plan.apply(network, key))

    def _channel_argument(self, plan: Insertion, channels: Channels) -> int | str:
        network = self.network
        at = network.index[plan.source]
        if channels == "c2":
            if network.index[plan.before] != at + 1:
                raise PlaceError(
                    "`c2` is the channels of the row above, which the attention would not read",
                    hint=f"It would read layer {at} by number; use --channels nominal.",
                )
            return "c2"
        nominal = nominal_channels(network, plan.source)
        if nominal is None:
            raise PlaceError(
                f"the file does not say how many channels layer {at} "
                f"({network.layers[at].module}) gives",
                hint="Use --channels c2, which the frameworks resolve themselves.",
            )
        return nominal

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
            model = bundled.build(self.network, self.document.settings, nc=nc, init=real)
            if real:
                bundled.run_real(model, imgsz)
            return bundled.inspect(model, imgsz, flops=flops)
        except ConfigError as error:
            raise self._located(error) from None

    def verify(
        self, *, imgsz: int = 640, nc: int | None = None, real: bool = False
    ) -> Verification:
        """Build the file as it was read and as it is now, and compare.

        Args:
            imgsz: as for `build`.
            nc: as for `build`.
            real: as for `build`, for the edited network.

        Raises:
            BuildError: one of them cannot be built.
            InternalError: their parameters differ by more than the inserted layers' own.
        """
        base = replace(self, network=self.document.network)
        before = base.build(imgsz=imgsz, nc=nc, flops=False)
        new = [layer.index for layer in self.inserted]
        after = self.build(imgsz=imgsz, nc=nc, flops=new, real=real)
        found = Verification(before, after, tuple(after.layers[index] for index in new))
        if after.parameters - before.parameters != found.added_parameters:
            raise InternalError(
                f"parameters would change by {after.parameters - before.parameters:+,}, not by "
                f"the {found.added_parameters:,} of the inserted layers; nothing was written",
                hint="This is a bug in yaml-attn. Please report it with the config.",
            )
        return found

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
