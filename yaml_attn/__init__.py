"""Insert attention layers into YOLO configs, provably right.

    >>> import yaml_attn
    >>> config = yaml_attn.load("yolov5s.yaml").insert("SE", after=8)
    >>> config.inserted[0].row
    [-1, 1, 'SE', [1024]]
    >>> config.index_map[9]
    10

A config never changes: `insert`, `replace` and `remove` give a new one, so they chain, each in the
numbering that the one before it left. Several edits in one numbering are one `edit`:

    >>> from yaml_attn import Insert, Replace
    >>> study = yaml_attn.load("yolov5s.yaml").edit(
    ...     Insert("CBAM", after="P3,P4,P5"), Insert("SE", edge=(4, 16)), Replace(9, "SPP", [1024])
    ... )
    >>> [(layer.index, layer.module) for layer in study.inserted]
    [(16, 'SE'), (19, 'CBAM'), (23, 'CBAM'), (27, 'CBAM')]

`text` is the new file, proved; `diff` what changed; `build` and `verify` build it with real layers;
`save` writes it, whole or not at all:

    >>> print(config.diff().changes[-1].from_after)
    [18, 21, 24]
    >>> report = config.build()
    >>> report.parameters, report.strides, round(report.gflops, 1)
    (7268157, (8.0, 16.0, 32.0), 16.4)
    >>> config.remove(9).text == config.document.text
    True
    >>> config.save("yolov5s_SE.yaml").name
    'yolov5s_SE.yaml'

`check` finds the mistakes that still train, `compare_files` aligns any two configs:

    >>> [report.failed for report in yaml_attn.check("yolov5s_SE.yaml")]
    [False]
"""

from __future__ import annotations

from yaml_attn.version import __version__

# Nothing is imported until it is needed: `--help` reads no YAML library, and the command's first
# line, from which on Ctrl-C is taken care of, is reached at once.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from yaml_attn.api import Config, compare_files, load
    from yaml_attn.checks.run import check
    from yaml_attn.core.edits import Insert, Remove, Replace
    from yaml_attn.errors import YamlAttnError
    from yaml_attn.frameworks import register_ultralytics

_API = {
    "Config": "api",
    "Insert": "core.edits",
    "Remove": "core.edits",
    "Replace": "core.edits",
    "YamlAttnError": "errors",
    "check": "checks.run",
    "compare_files": "api",
    "load": "api",
    "register_ultralytics": "frameworks",
}

__all__ = [
    "Config",
    "Insert",
    "Remove",
    "Replace",
    "YamlAttnError",
    "__version__",
    "check",
    "compare_files",
    "load",
    "register_ultralytics",
]


def __getattr__(name: str) -> Any:
    if name in _API:
        from importlib import import_module  # noqa: PLC0415

        return getattr(import_module(f"yaml_attn.{_API[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
