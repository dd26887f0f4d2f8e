"""Building a config with the installed Ultralytics, in this process.

The model is what `YOLO(config)` makes of it: the last row's module says of which class. What the
framework does to a process is taken back: its logging is silent, the mechanisms are known to it for
as long as it builds, its default activation is what it was. A config of which it would run
something is refused (`registration`), unless it is trusted.
"""

from __future__ import annotations

import io
import logging
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from yaml_attn.building.spec import ModelSpec, class_names, plain, rows_of
from yaml_attn.dialects.dialect import scales_of
from yaml_attn.dialects.filenames import scale_of
from yaml_attn.document.document import Document
from yaml_attn.errors import UsageError
from yaml_attn.frameworks.imports import importing

if TYPE_CHECKING:
    from torch import nn

    from yaml_attn.building.report import BuildReport

_MODELS: Final = (
    ("rtdetr", "RTDETRDetectionModel"),
    ("world", "WorldModel"),
    ("yoloesegment", "YOLOESegModel"),
    ("yoloe", "YOLOEModel"),
    ("classify", "ClassificationModel"),
    ("detect", "DetectionModel"),
    ("semanticsegment", "SemanticSegmentationModel"),
    ("segment", "SegmentationModel"),
    ("pose", "PoseModel"),
    ("obb", "OBBModel"),
    ("depth", "DepthModel"),
    ("", "DetectionModel"),
)
"""What the last row's module is called, or contains -> the model; the first that fits."""


def available() -> bool:
    """Whether Ultralytics is installed; it is not imported."""
    return find_spec("ultralytics") is not None


def version() -> str:
    """The version of Ultralytics that builds.

    Raises:
        UsageError: it cannot be imported.
    """
    with _quiet(), importing("Ultralytics"):
        from yaml_attn.frameworks.runtime.registration import framework  # noqa: PLC0415

        framework("nn.tasks")
    return str(sys.modules["ultralytics"].__version__)


def build(
    text: str,
    name: str,
    *,
    scale: str | None,
    nc: int | None = None,
    imgsz: int = 640,
    flops: bool | Collection[int] = True,
    real: bool = False,
    own: Mapping[str, type[nn.Module]] | None = None,
    what: str = "Ultralytics",
    trust: bool = False,
) -> BuildReport:
    """Build a config and report what each row gives for an image of `imgsz` pixels.

    Args:
        text: the config.
        name: its file's name, from which the framework reads the scale.
        scale: one of the config's scales, in place of what the name says.
        nc: number of classes, in place of the config's own.
        imgsz: height and width of the image.
        flops: of which layers to count the FLOPs: all, none, or these indexes.
        real: whether to run forward and backward too.
        own: classes of the user's, by their names in rows.
        what: the framework, as messages call it.
        trust: whether the config may run what it says.

    Raises:
        DocumentError: the text is no config.
        UntrustedError: the framework would run some of it.
        UsageError: Ultralytics is not installed or cannot be imported, is too old for the head, or
            the config has no such scale.
        BuildError: a row cannot be constructed or run.
    """
    with _recipe(text, name, scale, nc, own or {}, what, trust=trust) as recipe:
        from yaml_attn.building.inspect import build as observe  # noqa: PLC0415 (imports torch)

        return observe(recipe, imgsz=imgsz, flops=flops, real=real)


@contextmanager
def made(
    text: str,
    name: str,
    *,
    scale: str | None = None,
    nc: int | None = None,
    own: Mapping[str, type[nn.Module]] | None = None,
) -> Iterator[tuple[nn.Module, int]]:
    """The framework's own model of a config, and the channels of its image, to run in the `with`.

    Raises:
        YamlAttnError: as `build`.
    """
    with _recipe(text, name, scale, nc, own or {}, "Ultralytics", trust=False) as recipe:
        try:
            model = recipe.make()
        except Exception as error:  # noqa: BLE001  # whatever the framework makes of it
            from yaml_attn.building.blaming import cannot_make  # noqa: PLC0415

            raise cannot_make(recipe, error) from None
        yield model, recipe.channels


@contextmanager
def _recipe(
    text: str,
    name: str,
    scale: str | None,
    nc: int | None,
    own: Mapping[str, type[nn.Module]],
    what: str,
    *,
    trust: bool,
) -> Iterator[ModelSpec]:
    """How the framework makes a model of a config, which it can inside the `with`."""
    document = Document.parse(text.encode(), Path(name))
    scale = _scale(document, scale or scale_of(name))
    with _quiet(), importing(what):
        from yaml_attn.frameworks.runtime.registration import framework, registered  # noqa: PLC0415

        tasks = framework("nn.tasks")
    what = f"{what} {sys.modules['ultralytics'].__version__}"
    model = _model(tasks, document.rows[-1].values[2], what)
    config = {**plain(document, nc), "scale": scale, "yaml_file": name}
    # What the loader makes of the string.
    config = {key: None if value == "None" else value for key, value in config.items()}
    channels = config.get("channels", config.get("ch", 3))  # `ch` before 8.3, and in forks

    def make() -> nn.Module:
        made = model(config, ch=channels, nc=config.get("nc"), verbose=False)
        if hasattr(made.model[-1], "num_denoising"):
            made.model[-1].num_denoising = 0  # in training, RT-DETR would look for targets
        return cast("nn.Module", made)

    with _quiet(), _silent(), registered(own, trust=trust), _default_activation(tasks):
        yield ModelSpec(make, rows_of(document, scale), channels, what, class_names(tasks))


def _scale(document: Document, asked: str) -> str:
    """The scale at which the framework will read the config; "" if it is of one scale."""
    scales = scales_of(document.settings)
    if not scales:
        return ""
    if asked and asked not in scales:
        raise UsageError(f"there is no scale {asked}", hint=f"There are {', '.join(scales)}.")
    return asked or scales[0]


def _model(tasks: Any, head: str, what: str) -> Any:
    """The class of the model whose last row this is."""
    name = next(model for part, model in _MODELS if part in head.lower())
    if not hasattr(tasks, name):
        raise UsageError(
            f"{what} has no {name}, which {head} is the head of",
            hint="Install a newer one: pip install -U ultralytics",
        )
    return getattr(tasks, name)


@contextmanager
def _quiet() -> Iterator[None]:
    """No logging, no warnings. The framework's own logger would be set up anew by its import."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing printed. Not around an import: a logger set up there would keep this for good."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        yield


@contextmanager
def _default_activation(tasks: Any) -> Iterator[None]:
    """Up to 8.4.130 at least, a config's activation stays that of all later models."""
    before = tasks.Conv.default_act
    try:
        yield
    finally:
        tasks.Conv.default_act = before
