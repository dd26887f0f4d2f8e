"""What a layer must do to stand in a network, promise by promise, each tried out on small maps.

Each stands for a failure met in published attention layers. A function returns what it saw, or
raises: `BrokenError` in our words, or whatever the layer itself raises.
"""

from __future__ import annotations

import copy
import inspect
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

Factory = Callable[[int], nn.Module]
"""Channels -> a layer: a class whose other parameters have defaults, or a function."""

SIZES: Final = ((1, 1), (1, 7), (6, 1), (7, 9), (32, 32))
"""Height and width of the maps that a layer is run on."""


class BrokenError(Exception):
    """The promise is not kept; says how."""


class CannotTellError(Exception):
    """This machine cannot try it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried out: makes layers that are all the same, and maps for them."""

    factory: Factory
    channels: int

    def layer(self, *, training: bool = False) -> nn.Module:
        """A new layer, away from its initial values: a gate at 0 hides what is behind it."""
        torch.default_generator.manual_seed(0)
        layer = self.factory(self.channels).train(training)
        with torch.no_grad():
            for parameter in layer.parameters():
                if parameter.is_floating_point() and not _is_lazy(parameter):
                    parameter.add_(torch.randn_like(parameter) * 0.02)
        return layer

    def image(self, batch: int = 2, height: int = 6, width: int = 5) -> Tensor:
        """A map with a mean, so that gradients pass ReLUs and pooled means."""
        noise = torch.Generator().manual_seed(0)
        return torch.randn(batch, self.channels, height, width, generator=noise) + 0.5


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its test returns what it saw."""

    name: str
    test: Callable[[Subject], str]
    required: bool = False


def said(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, BrokenError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return shortened(": ".join([type(error).__name__, *lines[:1]]))


def shortened(text: str) -> str:
    """The text, cut where it would fill the screen."""
    return text if len(text) <= 160 else f"{text[:159]}…"


def _failure(run: Callable[[], object]) -> str | None:
    try:
        run()
    except Exception as error:  # noqa: BLE001  # whatever the user's code raises
        return said(error)
    return None


def _is_lazy(parameter: Tensor) -> bool:
    return isinstance(parameter, UninitializedParameter)


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise BrokenError(otherwise)


def _run(layer: nn.Module, x: Tensor) -> Tensor:
    """The output, if it is a finite map of the shape of `x`."""
    y: Any = layer(x)
    _expect(isinstance(y, Tensor), f"gives a {type(y).__name__}, not one map")
    found: Tensor = y
    _expect(found.shape == x.shape, f"{_size(x)} becomes {_size(found)}")
    if not found.is_meta:
        _expect(bool(found.isfinite().all()), "gives values that are not finite")
    return found


def _train(layer: nn.Module, x: Tensor) -> None:
    """Forward and backward; the gradients that come must be finite."""
    x.requires_grad_()
    loss: Any = _run(layer, x * 1).float().square().mean()  # times 1: no leaf, as in a network
    loss.backward()
    _expect(x.grad is not None, "no gradient reaches the layer before")
    for key, each in (("the input", x), *layer.named_parameters()):
        finite = each.grad is None or bool(each.grad.isfinite().all())
        _expect(finite, f"the gradient of {key} is not finite")


def _size(x: Tensor) -> str:
    return "x".join(map(str, x.shape))


def _expect_close(found: Tensor, wanted: Tensor, otherwise: str, tolerance: float = 1e-4) -> None:
    scale = wanted.detach().double().abs().max().clamp_min(1e-12)
    apart = float((found.detach().double() - wanted.detach().double()).abs().max() / scale)
    _expect(apart < tolerance, f"{otherwise}, by {apart:.1%} of the largest value")


# --- without these it can stand in no network


def _is_constructed(subject: Subject) -> str:
    layer: Any = subject.factory(subject.channels)
    _expect(isinstance(layer, nn.Module), f"gives a {type(layer).__name__}")
    return f"for {subject.channels} channels"


def _keeps_the_shape(subject: Subject) -> str:
    x = subject.image()
    _run(subject.layer(), x)
    return _size(x)


def _trains_with_one_image(subject: Subject) -> str:
    # A batch norm of pooled values has one value per channel then, and refuses it.
    _train(subject.layer(training=True), subject.image(1, 8, 8))
    return ""


def _survives_zeros(subject: Subject) -> str:
    # YOLOv5 and YOLOv7 find their strides with one image of zeros, in training mode: a 0 / 0 in
    # it stays in the statistics of every batch norm behind.
    layer = subject.layer(training=True)
    _run(layer, torch.zeros(1, subject.channels, 8, 8))
    for key, value in chain(layer.named_parameters(), layer.named_buffers()):
        _expect(bool(value.isfinite().all()), f"{key} is not finite afterwards")
    _run(layer.eval(), subject.image())
    return ""


# --- what a network does with a layer


def _works_at_any_size(subject: Subject) -> str:
    layer = subject.layer()
    found = {
        f"{height}x{width}": _failure(lambda: _run(layer, subject.image(2, height, width)))  # noqa: B023 (called at once)
        for height, width in SIZES
    }
    failed = [f"{size}: {failure}" for size, failure in found.items() if failure]
    _expect(not failed, "; ".join(failed[:2]))
    return ", ".join(found)


def _leaves_its_input(subject: Subject) -> str:
    x = subject.image()
    before = x.clone()
    subject.layer(training=True)(x)
    _expect(torch.equal(x, before), "changes it in place, and other layers read it too")
    return ""


def _keeps_images_apart(subject: Subject) -> str:
    layer, x = subject.layer(), subject.image(3)
    alone = torch.cat([_run(layer, x[at : at + 1]) for at in range(3)])
    _expect_close(_run(layer, x), alone, "an image's output depends on the others of the batch")
    return ""


def _works_in(dtype: torch.dtype) -> Callable[[Subject], str]:
    def test(subject: Subject) -> str:
        layer, x = subject.layer(), subject.image()
        wanted = _run(layer, x)
        try:
            found = _run(layer.to(dtype), x.to(dtype))
        except RuntimeError as error:
            if re.search("not implemented for '(Half|BFloat16)'", str(error)):
                raise CannotTellError from None  # older torch: on a GPU it may work
            raise
        _expect(found.dtype is dtype, f"gives {found.dtype}")
        _expect_close(found, wanted, "differs from float32", 0.05)
        return ""

    return test


def _trains_under_autocast(subject: Subject) -> str:
    with torch.autocast("cpu", torch.bfloat16):
        _train(subject.layer(training=True), subject.image(2, 8, 8))
    return ""


def _keeps_channels_last(subject: Subject) -> str:
    layer, x = subject.layer(), subject.image()
    found = _run(layer, x.to(memory_format=torch.channels_last))
    _expect_close(found, _run(layer, x), "gives something else")
    kept = found.is_contiguous(memory_format=torch.channels_last)
    _expect(kept, "right, but the output is in another layout, which is slower")
    return ""


def _runs_on_meta(subject: Subject) -> str:
    # On the CPU a tensor made on the CPU goes unnoticed; on the meta device it is a foreign one.
    with torch.device("meta"):
        layer = subject.factory(subject.channels)
    y = _run(layer, torch.empty(2, subject.channels, 6, 5, device="meta"))
    _expect(y.is_meta, f"gives a map on the {y.device}")
    return "makes no tensor on a fixed device"


def _leaves_names_free(subject: Subject) -> str:
    # YOLOv5's and Ultralytics' parse_model write these on the module of every row.
    layer, x = subject.layer(), subject.image()
    wanted = _run(layer, x)
    for name, value in {"i": 9, "f": -1, "type": "models.common.Layer", "np": 1234}.items():

        def written(name: str = name, value: object = value) -> None:
            setattr(layer, name, value)
            _expect_close(_run(layer, x), wanted, "gives something else")

        failure = _failure(written)
        _expect(failure is None, f"with its {name} overwritten, as frameworks do: {failure}")
    return ""


# --- its parameters


def _has_its_parameters(subject: Subject) -> str:
    layer = subject.layer(training=True)
    before = dict(layer.named_parameters())
    lazy = [key for key, parameter in before.items() if _is_lazy(parameter)]
    _expect(not lazy, f"the size of {', '.join(lazy)} is not known before the first image")
    layer(subject.image())
    late = [key for key, _ in layer.named_parameters() if key not in before]
    _expect(not late, f"{', '.join(late)} come with the first image; optimizers miss them")
    return f"{sum(each.numel() for each in before.values()):,}"


def _gradient_reaches_all(subject: Subject) -> str:
    layer = subject.layer(training=True)
    _train(layer, subject.image(4))
    unread = [key for key, each in layer.named_parameters() if each.grad is None]
    _expect(not unread, f"none reaches {', '.join(unread)}")
    return ""


def _is_trained_everywhere(subject: Subject) -> str:
    names = [key for key, _ in subject.layer().named_parameters()]
    missed = [key for key in names if key.rpartition(".")[2] not in {"weight", "bias"}]
    what = f"YOLOv5 up to 6.1 and YOLOv7 train weight and bias only, not {', '.join(missed)}"
    _expect(not missed, what)
    return ""


# --- copies of it


def _used(subject: Subject) -> nn.Module:
    """A layer that was trained, as checkpoints hold it: with its statistics and leftovers."""
    layer = subject.layer(training=True)
    layer(subject.image(4))
    return layer.eval()


def _expect_twin(subject: Subject, twin: nn.Module, layer: nn.Module) -> None:
    x = subject.image()
    _expect_close(_run(twin, x), _run(layer, x), "the copy gives something else")


def _survives_deepcopy(subject: Subject) -> str:
    layer = _used(subject)
    _expect_twin(subject, copy.deepcopy(layer), layer)
    return ""


def _survives_saving(subject: Subject) -> str:
    # YOLO checkpoints hold the model itself, not its state dict. These bytes are our own.
    layer, file = _used(subject), io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    _expect_twin(subject, torch.load(file, weights_only=False), layer)
    return ""


def _survives_state_dict(subject: Subject) -> str:
    layer, fresh = _used(subject), subject.factory(subject.channels)
    fresh.load_state_dict(layer.state_dict())
    _expect_twin(subject, fresh.eval(), layer)
    return ""


# --- compilers and exporters


def _compiles(subject: Subject) -> str:
    layer = subject.layer()
    compiled = torch.compile(subject.layer(), fullgraph=True, backend="aot_eager")
    for height, width in ((6, 5), (4, 9)):
        x = subject.image(2, height, width)
        _expect_close(compiled(x), layer(x), "the compiled layer gives something else")
    return ""


def _exports(subject: Subject) -> str:
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 (need not be there)
    except ImportError:
        raise CannotTellError from None
    layer, file = subject.layer(), io.BytesIO()
    axes = {0: "batch", 2: "height", 3: "width"}
    options: dict[str, Any] = {
        "opset_version": 17,
        "input_names": ["x"],
        "output_names": ["y"],
        "dynamic_axes": {"x": axes, "y": axes},
    }
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # as YOLOv5's export.py
    export: Callable[..., object] = torch.onnx.export
    export(layer, (subject.image(),), file, **options)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for batch, height, width in ((2, 6, 5), (3, 4, 9), (1, 1, 1)):
        x = subject.image(batch, height, width)
        found = torch.from_numpy(session.run(["y"], {"x": x.numpy()})[0])
        _expect(found.shape == x.shape, f"{_size(x)} becomes {_size(found)}")
        _expect_close(found, layer(x), f"gives something else at {height}x{width}", 1e-3)
    return ""


BASIC: Final = (
    Promise("is constructed", _is_constructed, required=True),
    Promise("keeps the shape", _keeps_the_shape, required=True),
)
"""Promises without which there is nothing else to try."""

PROMISES: Final = (
    Promise("trains with one image", _trains_with_one_image, required=True),
    Promise("survives an image of zeros", _survives_zeros, required=True),
    Promise("works at any size", _works_at_any_size),
    Promise("leaves its input as it is", _leaves_its_input),
    Promise("keeps images apart", _keeps_images_apart),
    Promise("works in float16", _works_in(torch.float16)),
    Promise("works in bfloat16", _works_in(torch.bfloat16)),
    Promise("trains under autocast", _trains_under_autocast),
    Promise("keeps channels_last", _keeps_channels_last),
    Promise("runs on the meta device", _runs_on_meta),
    Promise("leaves i, f, type and np free", _leaves_names_free),
    Promise("has its parameters from the start", _has_its_parameters),
    Promise("a gradient reaches every parameter", _gradient_reaches_all),
    Promise("every framework trains its parameters", _is_trained_everywhere),
    Promise("survives deepcopy", _survives_deepcopy),
    Promise("survives torch.save", _survives_saving),
    Promise("survives its state_dict", _survives_state_dict),
)
"""What a network, its training and its checkpoints ask of a layer."""

THOROUGH: Final = (
    Promise("compiles", _compiles),
    Promise("exports to ONNX", _exports),
)
"""Promises that take seconds to try."""
