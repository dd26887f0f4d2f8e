"""Ultralytics with the bundled mechanisms: `import yaml_attn.frameworks.ultralytics`.

Importing this registers them, in every process that does it. Two functions of the framework get a
wrapper, which `unregister` takes off again; no file is touched:

- `nn.tasks.parse_model`: it passes the arguments of a row that it does not know to the class as
  they are, so `[-1, 1, SE, [1024]]` would be built with 1024 channels at every scale. The wrapper
  hands it the same rows, with the first argument of ours spelled so that it resolves to the
  channels that the row really reads. The model keeps the rows as the file has them.
- `utils.dist.generate_ddp_file`: the script that each process of a multi-GPU training runs begins
  with the import of this module.

A model is made of the classes in `yaml_attn.modules`, and its checkpoint names these and nothing
of this file: it loads, predicts, validates and exports wherever yaml-attn is installed. What builds
from rows again (training from a checkpoint, resuming) needs the import.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any, Final

from torch import nn

from yaml_attn.errors import BuildError, UsageError
from yaml_attn.frameworks.pretrained import load_pretrained
from yaml_attn.modules.registry import MECHANISMS, find, known

__all__ = ["load_pretrained", "register", "run_yolo", "unregister"]

MODULE: Final = __name__
_MARK: Final = "_yaml_attn"


def register() -> tuple[str, ...]:
    """Make the mechanisms usable by name in every YAML that Ultralytics builds. Doing it twice is
    doing it once.

    A name that the framework's own parser gives a meaning stays the framework's.

    Returns:
        The registered names; their aliases work in rows too, unless the framework has one itself.

    Raises:
        UsageError: Ultralytics is not installed.
    """
    tasks = _framework("nn.tasks")
    if not hasattr(tasks.parse_model, _MARK):
        special = set(_names_in(tasks.parse_model.__code__))
        ours = {name: each.load() for name, each in MECHANISMS.items() if name not in special}
        before = {name: vars(tasks).get(name) for name in ours}
        for name, each in MECHANISMS.items():
            setattr(tasks, _row_name(name), _Row(name, (nn.Module,), {"mechanism": each.load()}))
        vars(tasks).update(ours)
        _wrap(tasks, "parse_model", lambda stock: _parse_model(stock, vars(tasks)), before)
    dist = _framework("utils.dist")
    if not hasattr(dist.generate_ddp_file, _MARK):
        _wrap(dist, "generate_ddp_file", _generate_ddp_file, {})
    return tuple(getattr(tasks.parse_model, _MARK))


def unregister() -> None:
    """Give Ultralytics back as it was before `register`."""
    tasks, dist = _framework("nn.tasks"), _framework("utils.dist")
    for name, value in getattr(tasks.parse_model, _MARK, {}).items():
        if value is None:
            delattr(tasks, name)
        else:
            setattr(tasks, name, value)
    for name in [name for name in vars(tasks) if name.startswith(_row_name(""))]:
        delattr(tasks, name)
    for module, function in ((tasks, "parse_model"), (dist, "generate_ddp_file")):
        if hasattr(getattr(module, function), _MARK):
            setattr(module, function, getattr(module, function).__wrapped__)


def run_yolo(args: list[str]) -> None:
    """The framework's own command, `yolo ARGS`, with the mechanisms registered.

    Raises:
        UsageError: Ultralytics is not installed.
        SystemExit: as the command ends.
    """
    # In place: the framework keeps the list itself. No path of a script: old versions would start
    # that script in each process of a multi-GPU training.
    sys.argv[:] = ["yolo", *args]
    register()
    _framework("cfg").entrypoint()


class _Row(type):
    """What a row of ours calls: makes the mechanism with the channels that the row reads.

    A class, because the framework's safe loading allows no function; it prints as the mechanism,
    because that text becomes the layer's `type`.
    """

    mechanism: type[nn.Module]

    def __call__(cls, channels: int | list[int], *args: Any) -> nn.Module:
        if isinstance(channels, int):
            return cls.mechanism(channels, *args)
        read, *own = args  # all layers' channels, then which of them
        inputs = read if isinstance(read, list) else [read]
        return cls.mechanism(*(channels[each] for each in inputs), *own)

    def __repr__(cls) -> str:
        return repr(cls.mechanism)


class _From(list[int]):
    """A `from` of several layers that the parser can index with: it gives the channels of the
    first as those of the row, as it does for every layer that it does not know.
    """

    def __index__(self) -> int:
        return self[0]


def _row_name(name: str) -> str:
    return f"yaml_attn:{name}"


def _parse_model(stock: Callable[..., Any], names: Mapping[str, Any]) -> Callable[..., Any]:
    def parse_model(d: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        sections = {key: d[key] for key in ("backbone", "head") if isinstance(d.get(key), list)}
        rows = {key: [_real_row(row, names) for row in rows] for key, rows in sections.items()}
        layers, save = stock({**d, **rows}, *args, **options)
        for layer in layers:
            if isinstance(layer.f, _From):  # a checkpoint would name the class
                layer.f = list(layer.f)
        return layers, save

    return parse_model


def _real_row(row: Any, names: Mapping[str, Any]) -> Any:
    """The row as the stock parser must see it; one that is not ours as it is.

    The parser replaces a string that names one of its own variables: `c2` is what the layer before
    puts out, `ch` what each layer does, `f` the row's `from`.

    Raises:
        BuildError: it reads more or fewer layers than the mechanism does.
    """
    match row:
        case [source, number, str(module), list(args)] if name := _mechanism(module, names):
            inputs = MECHANISMS[name].inputs
            if (len(source) if isinstance(source, list) else 1) != inputs:
                raise BuildError(f"{module} reads {inputs} layers, not {source}")
            channels = ["c2"] if source == -1 else ["ch", "f"]
            if isinstance(source, list):
                source = _From(source)
            return [source, number, _row_name(name), [*channels, *args[inputs:]]]
    return row


def _mechanism(module: str, names: Mapping[str, Any]) -> str | None:
    """The name of the mechanism that a module cell means here, if it means one."""
    if module in names:
        ours = module in MECHANISMS and names[module] is MECHANISMS[module].load()
        return module if ours else None
    return find(module).name if known(module) else None


def _generate_ddp_file(stock: Callable[..., str]) -> Callable[..., str]:
    def generate_ddp_file(*args: Any, **options: Any) -> str:
        file = stock(*args, **options)
        script = Path(file).read_text(encoding="utf-8")
        Path(file).write_text(f"import {MODULE}\n{script}", encoding="utf-8")
        return file

    return generate_ddp_file


def _wrap(
    module: Any, name: str, wrapper: Callable[[Any], Callable[..., Any]], before: Mapping[str, Any]
) -> None:
    """Put a wrapper on a function of the framework, which remembers what the names were before."""
    stock = getattr(module, name)
    wrapped = wraps(stock)(wrapper(stock))
    setattr(wrapped, _MARK, before)
    setattr(module, name, wrapped)


def _names_in(code: CodeType) -> Iterator[str]:
    """The globals that a function uses, also inside its generator expressions."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)


def _framework(part: str) -> Any:
    try:
        return import_module(f"ultralytics.{part}")
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        raise UsageError(
            "Ultralytics is not installed for this Python",
            hint="Install it beside yaml-attn: pip install ultralytics",
        ) from None


register()
