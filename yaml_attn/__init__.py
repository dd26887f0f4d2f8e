"""Insert attention layers into YOLO configs, provably right.

>>> import yaml_attn
>>> config = yaml_attn.load("yolov5s.yaml").insert("SE", after=8)
>>> config.save("yolov5s_SE.yaml")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yaml_attn.api import Config, compare_files, load
    from yaml_attn.errors import YamlAttnError
    from yaml_attn.planning import Insert, Remove, Replace

__version__ = "0.1.0.dev0"

_API = {
    "Config": "api",
    "Insert": "planning",
    "Remove": "planning",
    "Replace": "planning",
    "YamlAttnError": "errors",
    "compare_files": "api",
    "load": "api",
}

__all__ = [
    "Config",
    "Insert",
    "Remove",
    "Replace",
    "YamlAttnError",
    "__version__",
    "compare_files",
    "load",
]


def __getattr__(name: str) -> Any:
    # The API is imported when it is first used, so that `--help` does not read YAML libraries.
    if name in _API:
        return getattr(import_module(f"yaml_attn.{_API[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
