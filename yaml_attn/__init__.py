"""Insert attention layers into YOLO configs, provably right.

>>> import yaml_attn
>>> config = yaml_attn.load("yolov5s.yaml").insert("SE", after=8)
>>> config.save("yolov5s_SE.yaml")
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0.dev0"

__all__ = ["Config", "YamlAttnError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    # The API is imported when it is first used, so that `--help` does not read YAML libraries.
    if name in {"Config", "load"}:
        from yaml_attn import api  # noqa: PLC0415

        return getattr(api, name)
    if name == "YamlAttnError":
        from yaml_attn.errors import YamlAttnError  # noqa: PLC0415

        return YamlAttnError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
