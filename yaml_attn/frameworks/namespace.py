"""What names mean to a framework's parser: layers, its own variables, or code that is none of both.

Told from the parser that is imported, so a fork's own layers are known.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

from torch import nn

from yaml_attn.dialects.inert import Meaning, Meanings
from yaml_attn.dialects.strides import MODULES
from yaml_attn.frameworks.scope import names_a_file


def meanings(parser: Any, trusted: Collection[str] = ()) -> Meanings:
    """What tells the meaning of a name to a framework.

    Args:
        parser: its module that has `parse_model`.
        trusted: classes of ours, and of the user's that the user has named.
    """
    names = vars(parser)
    code = getattr(inspect.unwrap(names.get("parse_model")), "__code__", None)
    variables = {*code.co_varnames, *code.co_cellvars} if code else set()

    def meaning(name: str) -> Meaning:
        if name in trusted:
            return "layer"
        package, _, last = name.rpartition(".")
        if package:
            home = _library(package, names)
            return _kind(getattr(home, last)) if hasattr(home, last) else "unknown"
        if name in variables:
            return "variable"
        if name in names:
            # Some layers are functions: DWConv in YOLOv7 and in YOLOv5 up to 6.0.
            return "layer" if name in MODULES else _kind(names[name])
        return "code" if hasattr(builtins, name) else "unknown"

    return meaning


def _library(package: str, names: Mapping[str, Any]) -> Any:
    """What `nn.X` and `torchvision.ops.X` are looked up in; None where it is not installed."""
    if package == "torchvision.ops":
        try:
            return import_module(package)
        except ImportError:
            return None
    return names.get("nn", nn)


def _kind(found: Any) -> Meaning:
    is_layer = isinstance(found, type) and issubclass(found, nn.Module) and not _reads_file(found)
    return "layer" if is_layer else "code"


def _reads_file(layer: type[nn.Module]) -> bool:
    """Whether it opens a file unless told otherwise, as whole models and loaders of weights do.

    `DetectMultiBackend(weights="yolov5s.pt")` and `DetectionModel(cfg="yolo26n.yaml")` are classes
    of layers too, and run what is in the file of that name that lies in the current folder.
    """
    try:
        parameters = inspect.signature(layer).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(names_a_file(each.default) for each in parameters)
