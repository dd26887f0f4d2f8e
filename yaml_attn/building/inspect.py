"""A framework's own model, made and run once: its rows are watched, which tells what each gives.

Every framework of the family hangs `i`, `f` and `type` on a row's module: its index, what it reads.
Shapes and counts are those of a forward at full size, as the framework wires and runs it, but with
zeros for convolutions; so they are exact for every module, whether or not we know it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from yaml_attn.building.blaming import cannot_make, cannot_run, read_by
from yaml_attn.building.flops import FlopCount
from yaml_attn.building.probing import (
    backward,
    count_parameters,
    is_finite,
    shape_of,
    still,
    stride_of,
    tensors,
)
from yaml_attn.building.report import BuildReport, LayerReport, Shape
from yaml_attn.building.shape_only import Unmultiplied
from yaml_attn.building.skip_init import Uninitialised
from yaml_attn.building.spec import ModelSpec
from yaml_attn.errors import BuildError, YamlAttnError


def build(
    recipe: ModelSpec,
    *,
    imgsz: int = 640,
    flops: bool | Collection[int] = True,
    real: bool = False,
) -> BuildReport:
    """Make the model, run it, and report what each row gives for an image of `imgsz` pixels.

    Batch norms use their running statistics, all else is as in training: heads return their raw
    outputs, a mapping as the values in its order, and nothing as (). No random numbers are used up.

    Args:
        recipe: what to make.
        imgsz: height and width of the image.
        flops: of which layers to report the FLOPs: all, none, or these indexes.
        real: whether to run forward and backward too, of two images of noise, in training mode.

    Raises:
        BuildError: a row cannot be constructed or run; or, if `real`, it gives a value or a
            gradient that is not finite, or has a parameter that no gradient reaches.
    """
    watch = _Watch()
    with torch.random.fork_rng(devices=[]), watch.rows(), _explained(recipe, watch):
        with ExitStack() as modes:
            if not real:  # shapes and counts need no values
                modes.enter_context(Uninitialised())
                modes.enter_context(Unmultiplied())
            model = recipe.make()
        rows: Sequence[nn.Module] = list(cast("Any", model).model)
        if len(rows) != len(recipe.rows):
            raise BuildError(
                f"{recipe.framework} made {len(rows)} layers of {len(recipe.rows)} rows"
            )
        _observe(model, watch, recipe.channels, imgsz)
        report = BuildReport(
            tuple(
                LayerReport(
                    index=at,
                    module=row.module,
                    number=row.number,
                    parameters=count_parameters(rows[at]),
                    shape=watch.seen[at].shape,
                    stride=stride_of(watch.seen[at].shape, imgsz),
                    flops=watch.seen[at].flops if _is_wanted(at, flops) else None,
                )
                for at, row in enumerate(recipe.rows)
            ),
            count_parameters(model),
            _head_strides(rows[-1], watch.shapes, imgsz),
            imgsz,
        )
        if real:
            _train(model, rows, recipe, watch, imgsz)
    return report


class _Seen(NamedTuple):
    """What one row gave."""

    shape: Shape
    flops: int
    finite: bool


class _Watch:
    """Which row runs, on what, and what those before it gave."""

    def __init__(self) -> None:
        self.flops = FlopCount()
        self.seen: dict[int, _Seen] = {}
        self.running: nn.Module | None = None
        self.given: Any = None
        self.size = 0
        """Height and width of the image."""
        self.values = False
        """Whether to look at the values too."""
        self._counted = 0

    @contextmanager
    def rows(self) -> Iterator[None]:
        """Watch inside the `with`: every model, as frameworks run theirs while they make it."""
        handles = (
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after),
        )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @property
    def shapes(self) -> Mapping[int, Shape]:
        """What each row gave when it last ran."""
        return {at: seen.shape for at, seen in self.seen.items()}

    def _before(self, module: nn.Module, args: Any) -> None:
        if _is_row(module):
            self.running, self.given = module, args[0] if args else None
            self._counted = self.flops.total
            if module.i == 0 and isinstance(self.given, Tensor):
                self.size = self.given.shape[-1]

    def _after(self, module: Any, _args: Any, output: Any) -> None:
        if _is_row(module):
            finite = not self.values or is_finite(output)
            flops = self.flops.total - self._counted
            self.seen[module.i] = _Seen(shape_of(output), flops, finite)
            self.running = self.given = None


@contextmanager
def _explained(recipe: ModelSpec, watch: _Watch) -> Iterator[None]:
    """Whatever the framework raises, in the config's words."""
    try:
        yield
    except YamlAttnError:
        raise
    except Exception as error:  # noqa: BLE001
        if watch.running is None:
            raise cannot_make(recipe, error) from None
        raise cannot_run(recipe, watch.running, watch.given, error, watch.size) from None


def _observe(model: nn.Module, watch: _Watch, channels: int, imgsz: int) -> None:
    with still(model), Unmultiplied(), watch.flops:
        model(torch.zeros(1, channels, imgsz, imgsz))


def _train(
    model: nn.Module, rows: Sequence[nn.Module], recipe: ModelSpec, watch: _Watch, imgsz: int
) -> None:
    """Forward and backward at full size, of two images: a batch norm of pooled maps needs two."""
    watch.values = True
    noise = torch.Generator().manual_seed(0)
    image = torch.rand(2, recipe.channels, imgsz, imgsz, generator=noise)
    outputs = [value for value in tensors(model.train()(image)) if value.requires_grad]
    for at, seen in sorted(watch.seen.items()):
        if not seen.finite:
            module = recipe.rows[at].module
            raise BuildError(f"{module} gives values that are not finite", layer=at)
    backward(outputs)
    for at, row in enumerate(rows):
        for name, parameter in row.named_parameters():
            where = f"{name} of {recipe.rows[at].module}"
            # What only the targets of a training reach stands in heads.
            if parameter.grad is None and parameter.requires_grad and row is not rows[-1]:
                raise BuildError(f"no gradient reaches {where}", layer=at)
            if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
                raise BuildError(f"the gradient of {where} is not finite", layer=at)


def _is_row(module: nn.Module) -> bool:
    return {"i", "f", "type"} <= vars(module).keys()


def _is_wanted(at: int, flops: bool | Collection[int]) -> bool:
    return flops if isinstance(flops, bool) else at in flops


def _head_strides(head: Any, shapes: Mapping[int, Shape], imgsz: int) -> tuple[float, ...]:
    """Of the maps of each level; auxiliary heads read further maps behind these."""
    levels = getattr(head, "nl", None)
    if not isinstance(levels, int) or not isinstance(head.f, list):
        return ()
    _, reads = read_by(head)
    strides = [stride_of(shapes.get(at, (0, imgsz, imgsz)), imgsz) for at in reads[:levels]]
    return tuple(stride for stride in strides if stride is not None)
