"""A user's own class in the file that `export` writes: the whole file that it stands in."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from yaml_attn.errors import UsageError
from yaml_attn.modules.own import OwnMechanism


def own_sections(own: Sequence[OwnMechanism], taken: Collection[str]) -> Iterator[str]:
    """The text of each file that the classes stand in, once.

    Raises:
        UsageError: a file imports more than PyTorch and the standard library, or defines a name
            that is in the exported file already.
    """
    names = set(taken)
    files = dict.fromkeys(inspect.getsourcefile(each.load()) or "" for each in own)
    for file in map(Path, files):
        text = file.read_text(encoding="utf-8")
        tree = ast.parse(text)
        _refuse_imports(file, tree)
        defined = {name for node in tree.body for name in _defines(node)}
        twice = sorted(defined & names)
        if twice:
            raise UsageError(f"{file} defines {twice[0]}, which the exported file has already")
        names |= defined
        lines = text.splitlines(keepends=True)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                lines[node.lineno - 1 : node.end_lineno] = [""]  # it stands at the top already
        yield f"\n# {'-' * 20} {file.name} {'-' * 20}\n{''.join(lines).strip()}\n"


def _refuse_imports(file: Path, tree: ast.Module) -> None:
    allowed = {"torch", *sys.stdlib_module_names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = ["." * node.level + (node.module or "")]
        else:
            continue
        for module in modules:
            if module.split(".")[0] not in allowed:
                raise UsageError(
                    f"{file}:{node.lineno} imports {module}; the exported file needs PyTorch alone"
                )


def _defines(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
