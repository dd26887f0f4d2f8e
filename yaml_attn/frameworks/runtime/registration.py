"""What makes the mechanisms known to the Ultralytics of this process, and forgotten again.

Three functions of the framework get a wrapper, which `unregister` takes off again; no file is
touched:

- `nn.tasks.parse_model`: it passes the arguments of a row that it does not know to the class as
  they are, so `[-1, 1, SE, [1024]]` would be built with 1024 channels at every scale. The wrapper
  hands it the same rows, with the first argument of ours spelled so that it resolves to the
  channels that the row really reads; and the rows of attention inside a block as that block's
  (`composed_rows`). The model keeps the rows as the file has them. A config of which the parser
  would run something (`dialects/inert.py`) does not get as far, unless it is trusted.
- `nn.tasks.BaseModel.load`: it finds the tensors of layers that attention has moved (`loading.py`).
- `utils.dist.generate_ddp_file`: the script that each process of a multi-GPU training runs begins
  with the import of `yaml_attn.frameworks.ultralytics`, and names the user's own classes there.

What installed packages offer (`mechanisms/custom.py`) is registered when a row first names it. A
finder of modules joins `sys.meta_path`, for users' files in checkpoints
(`mechanisms/custom_import.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import wraps
from importlib import import_module
from itertools import count
from pathlib import Path
from types import CodeType
from typing import Any, Final, TypeAlias

from torch import nn

from yaml_attn.dialects.inert import refuse_code
from yaml_attn.errors import BuildError, UnknownModuleError, UntrustedError, UsageError
from yaml_attn.frameworks.imports import full_path
from yaml_attn.frameworks.namespace import meanings
from yaml_attn.frameworks.runtime.block_rows import ComposedRow
from yaml_attn.frameworks.runtime.loading import IN_MEMORY, loading
from yaml_attn.mechanisms.custom import OwnMechanism, load_rows
from yaml_attn.mechanisms.custom_import import Checkpoints
from yaml_attn.mechanisms.registry import MECHANISMS, AnyMechanism, find, finds, known

REGISTERING: Final = "yaml_attn.frameworks.ultralytics"
"""What a process imports to have the mechanisms registered."""

_MARK: Final = "_yaml_attn"

_TRUST: Final = "_yaml_attn_trust"
"""The name under which the framework's module says that configs are handed over as they are."""

_CHECKPOINTS: Final = Checkpoints()

Names: TypeAlias = MutableMapping[str, Any]
"""The variables of the module that has `parse_model`."""


def register(*own: str, trust: bool = False) -> tuple[str, ...]:
    """Make the mechanisms usable by name in every YAML that Ultralytics builds. Doing it twice is
    doing it once.

    A name that the framework's own parser gives a meaning stays the framework's. From here on, a
    config that would run code as it is built is refused (`UntrustedError`).

    Args:
        own: classes of yours that rows name too, each as `FILE.py:CLASS` or `PACKAGE.MODULE:CLASS`.
            A class that is registered again is its file's present one.
        trust: let every config run what it says; until `unregister`.

    Returns:
        The registered names; their aliases work in rows too, unless the framework has one itself.

    Raises:
        UsageError: Ultralytics is not installed, or there is no such class; or its name is taken.
    """
    tasks = framework("nn.tasks")
    classes = load_rows(own)
    if not _is_registered(tasks):
        special = set(_names_in(tasks.parse_model.__code__))
        ours = {name: each.load() for name, each in MECHANISMS.items() if name not in special}
        before = {name: vars(tasks).get(name) for name in ours}
        # Under a name that parse_model takes for its own, an alias still finds the mechanism.
        for name, each in MECHANISMS.items():
            _add(vars(tasks), name, each.load(), inputs=each.inputs)
        vars(tasks).update(ours)
        _wrap(tasks, "parse_model", lambda stock: _parse_model(stock, tasks), before)
    if trust:
        setattr(tasks, _TRUST, True)
    if _CHECKPOINTS not in sys.meta_path:
        sys.meta_path.append(_CHECKPOINTS)
    dist = framework("utils.dist")
    if not hasattr(dist.generate_ddp_file, _MARK):
        _wrap(dist, "generate_ddp_file", lambda stock: _generate_ddp_file(stock, vars(tasks)), {})
    base = getattr(tasks, "BaseModel", None)
    if base and not hasattr(base.load, _MARK):
        _wrap(base, "load", lambda stock: loading(stock, _find, _say), {})
    known_by = getattr(tasks.parse_model, _MARK)
    for name, mechanism in classes.items():
        if name not in known_by and hasattr(tasks, name):
            raise UsageError(f"Ultralytics has a {name} itself", hint=f"Call the class My{name}.")
        known_by.setdefault(name, None)
        _add(vars(tasks), name, mechanism.load(), source=mechanism.from_anywhere)
        setattr(tasks, name, mechanism.load())
    return tuple(known_by)


def is_ours(module: str) -> bool:
    """Whether a row's module is a mechanism, or a class of the user's that is registered."""
    return known(module) or hasattr(sys.modules.get("ultralytics.nn.tasks"), _row_name(module))


def _find(name: str) -> AnyMechanism:
    """The mechanism that a row names, or the registered class of the user's.

    Raises:
        UnknownModuleError: it names none, or one of that name that is the framework's own.
    """
    names = vars(framework("nn.tasks"))
    if name in names and not _ours(name, names):
        raise UnknownModuleError(f"{name} is Ultralytics' own")
    row = names.get(_row_name(name))
    return OwnMechanism(name, row.source) if row and row.source else find(name)


def _say(text: str) -> None:
    """Tell the user of a training something, among what Ultralytics says itself."""
    utils = framework("utils")
    if utils.RANK in {-1, 0}:
        utils.LOGGER.warning("yaml-attn: %s", text)


def unregister() -> None:
    """Give Ultralytics back as it was before `register`."""
    tasks, dist = framework("nn.tasks"), framework("utils.dist")
    if _CHECKPOINTS in sys.meta_path:
        sys.meta_path.remove(_CHECKPOINTS)
    _restore(tasks, getattr(tasks.parse_model, _MARK, {}))
    for name in [name for name in vars(tasks) if name == _TRUST or _is_row_name(name)]:
        delattr(tasks, name)
    wrapped = [(tasks, "parse_model"), (dist, "generate_ddp_file")]
    for module, function in [*wrapped, (getattr(tasks, "BaseModel", None), "load")]:
        if hasattr(getattr(module, function, None), _MARK):
            setattr(module, function, getattr(module, function).__wrapped__)


@contextmanager
def registered(own: Mapping[str, type[nn.Module]], *, trust: bool = False) -> Iterator[None]:
    """The mechanisms, and classes of the user's by their names in rows, known inside the `with`.

    `trust` says whether configs are handed over as they are there, whatever else is registered.

    Raises:
        UsageError: Ultralytics is not installed.
    """
    tasks = framework("nn.tasks")
    already = _is_registered(tasks)
    register()
    before = {name: vars(tasks).get(name) for name in (*own, *map(_row_name, own), _TRUST)}
    try:
        setattr(tasks, _TRUST, trust)
        for name, each in own.items():
            _add(vars(tasks), name, each)
        vars(tasks).update(own)
        yield
    finally:
        _restore(tasks, before)
        if not already:
            unregister()


def framework(part: str) -> Any:
    """A module of Ultralytics.

    Raises:
        UsageError: Ultralytics is not installed.
    """
    try:
        return import_module(f"ultralytics.{part}")
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        raise UsageError(
            "Ultralytics is not installed for this Python",
            hint="Install it beside yaml-attn: pip install ultralytics",
        ) from None


class _Row(type):
    """What a row of ours calls: makes the mechanism with the channels that the row reads.

    A class, because the framework's safe loading allows no function; it prints as the mechanism,
    because that text becomes the layer's `type`. `source` is where a user's class is from.
    """

    mechanism: type[nn.Module]
    inputs: int
    source: str

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


def _is_row_name(name: str) -> bool:
    return name.startswith(_row_name(""))


def _is_registered(tasks: Any) -> bool:
    return hasattr(tasks.parse_model, _MARK)


def _add(
    names: Names, name: str, mechanism: type[nn.Module], *, inputs: int = 1, source: str = ""
) -> None:
    """Give the parser what the rows of a class are built by."""
    facts = {"mechanism": mechanism, "inputs": inputs, "source": source}
    names[_row_name(name)] = _Row(name, (nn.Module,), facts)


def _restore(tasks: Any, before: Mapping[str, Any]) -> None:
    for name, value in before.items():
        if value is None:
            delattr(tasks, name)
        else:
            setattr(tasks, name, value)


def _parse_model(stock: Callable[..., Any], tasks: Any) -> Callable[..., Any]:
    names: Names = vars(tasks)
    blocks = {name: names.get(name) for name in _names_in(stock.__code__)}

    def parse_model(d: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        if not names.get(_TRUST):
            _refuse_code(d, tasks)
        real, index, composed = dict(d), count(), {}

        def real_row(row: Any) -> Any:
            at = next(index)
            found = ComposedRow.read(row, at, blocks) if _is_free(row, names) else None
            if found is None:
                return _real_row(row, at, names)
            composed[at] = found
            return found.plain

        for section in ("backbone", "head"):
            if isinstance(d.get(section), list):
                real[section] = [real_row(row) for row in d[section]]
        layers, save = stock(real, *args, **options)
        for at, row in composed.items():
            layers[at] = row.with_attention(layers[at])
        for layer in layers:
            if isinstance(layer.f, _From):  # a checkpoint would name the class
                layer.f = list(layer.f)
        return layers, save

    return parse_model


def _refuse_code(config: Mapping[str, Any], tasks: Any) -> None:
    """Refuse a config that the parser would run some of.

    Raises:
        UntrustedError: there is such a thing in it.
    """
    names = vars(tasks)
    own = {name for name in names if _row_name(name) in names and _ours(name, names)}
    try:
        refuse_code(config, meanings(tasks, own))
    except UntrustedError as error:
        error.path = config.get("yaml_file")
        raise


def _is_free(row: Any, names: Mapping[str, Any]) -> bool:
    """Whether a row is one whose module is nobody's own name."""
    match row:
        case [_, _, str(module), list()]:
            return module not in names and not known(module)
    return False


def _real_row(row: Any, at: int, names: Names) -> Any:
    """The row as the stock parser must see it; one that is not ours as it is.

    The parser replaces a string that names one of its own variables: `c2` is what the layer before
    puts out, `ch` what each layer does, `f` the row's `from`.

    Raises:
        BuildError: it reads more or fewer layers than the mechanism does.
    """
    match row:
        case [source, number, str(module), list(args)] if name := _ours(module, names):
            inputs = names[name].inputs
            if (len(source) if isinstance(source, list) else 1) != inputs:
                raise BuildError(f"{module} reads {inputs} layers, not {source}", layer=at)
            channels = ["c2"] if source == -1 else ["ch", "f"]
            if isinstance(source, list):
                source = _From(source)
            return [source, number, name, [*channels, *args[inputs:]]]
    return row


def _ours(module: str, names: Names) -> str | None:
    """The name of the `_Row` that a module cell means here, if it means one of ours."""
    if module not in names:
        if not finds(module):
            return None
        mechanism = find(module)
        name = _row_name(mechanism.name)
        if name not in names and isinstance(mechanism, OwnMechanism):
            _add(names, mechanism.name, mechanism.load())
        return name if name in names else None
    row = names.get(_row_name(module))
    return _row_name(module) if row and names[module] is row.mechanism else None


def _generate_ddp_file(stock: Callable[..., str], names: Names) -> Callable[..., str]:
    def generate_ddp_file(trainer: Any, *args: Any, **options: Any) -> str:
        file = stock(trainer, *args, **options)
        script = Path(file).read_text(encoding="utf-8")
        # Ultralytics up to 8.3 hands its processes words alone: each builds the network anew.
        if "trainer.model" not in script and getattr(trainer, "model", None) in IN_MEMORY:
            Path(file).unlink()
            raise UsageError(
                "the processes of this Ultralytics build the network anew, without the weights "
                "that were loaded",
                hint="Write them first: yaml-attn weights -w WEIGHTS -b BASE -c CONFIG, then "
                'train(pretrained="CONFIG.pt").',
            )
        Path(file).write_text(f"{_first_lines(names)}{script}", encoding="utf-8")
        return file

    return generate_ddp_file


def _first_lines(names: Names) -> str:
    """What makes another process know what this one does."""
    rows = (row for name, row in names.items() if _is_row_name(name))
    given = [repr(row.source) for row in rows if row.source]
    path = f"import sys\nsys.path += {full_path()!r}\n" if given else ""
    given += ["trust=True"] * bool(names.get(_TRUST))
    call = f"{REGISTERING}.register({', '.join(given)})\n" if given else ""
    return f"{path}import {REGISTERING}\n{call}"


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
