"""Which row of a config a framework's exception is about, and what it says, in the config's words.

While rows become layers, the framework's own loop over them tells, in the exception's traceback: it
is called `parse_model` everywhere, and counts with `i`. While layers run, the one that runs does.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from traceback import walk_tb
from typing import Any

from torch import Tensor, nn

from yaml_attn.building.failures import STALE, different_sizes, first_line
from yaml_attn.building.spec import ModelSpec
from yaml_attn.dialects.module_specs import EQUAL_JOINS
from yaml_attn.errors import BuildError


def cannot_make(recipe: ModelSpec, error: Exception) -> BuildError:
    """The error of a framework that could not make its model of a config."""
    variables = _parser_variables(error)
    at = variables.get("i")
    if not isinstance(at, int) or not 0 <= at < len(recipe.rows):
        return BuildError(f"{recipe.framework} cannot build it: {_said(error)}")
    module, args = recipe.rows[at].module, variables.get("args")
    if isinstance(variables.get("m"), str):
        close = get_close_matches(module, recipe.names, n=3, cutoff=0.6)
        guess = f"Did you mean {' or '.join(close)}? " if close else ""
        hint = f"{guess}A class of yours is made known by --own FILE.py:CLASS."
        return BuildError(f"{recipe.framework} has no module {module}", layer=at, hint=hint)
    written = f"{module}({', '.join(map(str, args))})" if isinstance(args, list) else module
    return BuildError(
        f"{written} cannot be constructed: {_said(error)}",
        layer=at,
        hint=f"So {recipe.framework} calls it, after scaling.",
    )


def cannot_run(
    recipe: ModelSpec, row: nn.Module, given: Any, error: Exception, size: int
) -> BuildError:
    """The error of a layer that failed on what it read.

    Args:
        recipe: what was made.
        row: the layer.
        given: what it was run on.
        error: what it raised.
        size: height and width of the image in this run.
    """
    at, reads = read_by(row)
    module = recipe.rows[at].module
    inputs = list(zip(reads, given if isinstance(given, list | tuple) else [given], strict=False))
    maps = [(source, value) for source, value in inputs if _is_map(value)]
    if module in EQUAL_JOINS and len({value.shape[2] for _, value in maps}) > 1:
        named_maps = [(recipe.name(source), value) for source, value in maps]
        fits = all(size % value.shape[2] == 0 for _, value in maps)
        return BuildError(
            f"{module} joins {different_sizes(named_maps, size, fits=fits)}",
            layer=at,
            hint=STALE if fits else f"{size} pixels are no multiple of the largest stride.",
        )
    named = "; ".join(f"{recipe.name(source)}, {_size(value)}" for source, value in inputs)
    return BuildError(
        f"{module} failed on {named}: {_said(error)}",
        layer=at,
        hint=STALE if len(maps) < len(inputs) else None,
    )


def read_by(row: Any) -> tuple[int, list[int]]:
    """The index of a framework's row, and those of the rows that it reads; -1 is the image."""
    at, source = row.i, row.f
    sources = source if isinstance(source, list) else [source]
    return at, [each if each >= 0 else at + each for each in sources]


def _parser_variables(error: Exception) -> Mapping[str, Any]:
    """The variables of the framework's loop over the rows, where it stopped."""
    found: Mapping[str, Any] = {}
    for frame, _ in walk_tb(error.__traceback__):
        if frame.f_code.co_name == "parse_model" and "i" in frame.f_locals:
            found = frame.f_locals
    return found


def _said(error: Exception) -> str:
    """What the framework says; of errors whose text alone says little, with their name."""
    line = first_line(error)
    plain = isinstance(error, RuntimeError | TypeError | ValueError)
    return line if plain else f"{type(error).__name__}: {line}"


def _is_map(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 4


def _size(value: Any) -> str:
    return "x".join(map(str, value.shape[1:])) if isinstance(value, Tensor) else "no single map"
