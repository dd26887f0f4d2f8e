"""The edit of a checkout's `models/yolo.py`: one import, and one branch of `parse_model`.

    from models.yaml_attn_modules import *
    ...
            elif m in YAML_ATTN_MODULES:
                c1 = [ch[x] for x in ([f] if isinstance(f, int) else f)]
                c2, args = c1[0], [*c1, *args[len(c1):]]

The places are found in the syntax tree, the names (`m`, `f`, `ch`, ...) are the file's own, and
what is written are whole new lines: no other byte changes, and taking the lines out again gives the
file back. A file whose `parse_model` has another shape is refused.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from yaml_attn.errors import ConfigError
from yaml_attn.frameworks.python_source import UNREADABLE, meaning, tree_of
from yaml_attn.frameworks.standalone import TABLE

MODULE: Final = "yaml_attn_modules"

_LOOKED_FOR: Final = """\
Looked for, in a function parse_model at the top level: a loop
`for i, (f, n, m, args) in ...:`, in it the chain `if m in ...: ... else: c2 = ch[f]`, after that
`m(*args)` and `ch.append(c2)`, whatever the names; and before it an import from a file beside."""


class UnrecognisedError(ConfigError):
    """A `models/yolo.py` whose `parse_model` is not of the known shape; nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the lines go (before these line numbers, from 0) and what they say."""

    import_at: int
    import_line: bytes
    branch_at: int
    branch: tuple[bytes, ...]


def is_applied(source: bytes) -> bool:
    """Whether the lines are in the file, just as they are written.

    Raises:
        UnrecognisedError: some are, but not just so; or the file without them has another shape.
    """
    if TABLE.encode() not in source and MODULE.encode() not in source:
        return False
    without_edit(source)
    return True


def with_edit(source: bytes, siblings: Collection[str]) -> bytes:
    """The file with the lines in it.

    Args:
        source: `models/yolo.py`, without them.
        siblings: the modules that stand beside it, `common` and the like.

    Raises:
        UnrecognisedError: its `parse_model` has not the known shape, or with the lines it would do
            something else too.
    """
    place = find_place(source, siblings)
    lines = source.splitlines(keepends=True)
    before, after = lines[: place.import_at], lines[place.branch_at :]
    between = lines[place.import_at : place.branch_at]
    edited = b"".join([*before, place.import_line, *between, *place.branch, *after])
    _refuse_other(source, edited, place)
    return edited


def _refuse_other(source: bytes, edited: bytes, place: Place) -> None:
    """Refuse a file that is not the one before with just the lines, as Python reads both."""
    branch = "\n ".join(line.decode().strip() for line in place.branch).removeprefix("el")
    lines = tree_of(f"{place.import_line.decode()}{branch}\n").body
    try:
        taken_out = _TakenOut()
        rest = taken_out.visit(tree_of(edited)).body
        same = meaning(rest) == meaning(tree_of(source).body)
    except UNREADABLE:
        same = False
    if not same or taken_out.found != meaning(lines):
        raise UnrecognisedError(
            "would not be the same program with the lines of yaml-attn in it; it is left as it is",
            line=place.branch_at + 1,
        )


class _TakenOut(ast.NodeTransformer):
    """Takes the lines out of a tree; `found` is what they do."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        if (node.module or "").rpartition(".")[2] != MODULE:
            return node
        self.found += meaning([node])
        return None

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        if TABLE not in _used(node.test):
            return node
        self.found += meaning([ast.If(node.test, node.body, [])])
        return node.orelse


def without_edit(source: bytes) -> bytes:
    """The file without the lines.

    Raises:
        UnrecognisedError: they are not there just as they were written.
    """
    lines = source.splitlines(keepends=True)
    imports = [at for at, line in enumerate(lines) if MODULE.encode() in line]
    branches = [at for at, line in enumerate(lines) if TABLE.encode() in line]
    if len(imports) != 1 or len(branches) != 1:
        raise _edited(imports + branches)
    (at,), (branch,) = imports, branches
    base = b"".join([*lines[:at], *lines[at + 1 : branch], *lines[branch + 3 :]])
    # The import may stand elsewhere by now; the names that the lines use must be the file's.
    imported = re.match(rb"from (\S*)" + MODULE.encode() + rb" import \*\r?\n$", lines[at])
    place = find_place(base, None)
    if not imported or tuple(lines[branch : branch + 3]) != place.branch:
        raise _edited([at, branch])
    return base


def import_prefix(source: bytes, siblings: Collection[str]) -> str:
    """What the file writes before the name of a file beside it when it imports from there."""
    line = find_place(source, siblings).import_line.decode()
    return line.removeprefix("from ").partition(MODULE)[0]


def takes_alike(source: bytes, block: str) -> bool:
    """Whether `parse_model` takes for a block what equals it.

    It does if it knows the block and asks `m in {...}`; `m is ...` only the block itself answers.
    """
    tree = tree_of(source)
    loop, _, names = _parser(tree)
    parser = next(node for node in tree.body if loop in ast.walk(node))
    identities = (
        _used(node)
        for node in ast.walk(parser)
        if isinstance(node, ast.Compare)
        and any(isinstance(each, ast.Is | ast.IsNot) for each in node.ops)
    )
    return block in _used(parser) and not any({block, names.module} <= each for each in identities)


def find_place(source: bytes, siblings: Collection[str] | None) -> Place:
    """Where the lines go, from the syntax tree; `siblings` None leaves the import out."""
    try:
        tree = tree_of(source)
    except UNREADABLE as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise UnrecognisedError(f"is no Python that can be read ({error})", line=line) from None
    lines = source.splitlines(keepends=True)
    loop, chain, names = _parser(tree)
    last = chain
    while len(last.orelse) == 1 and isinstance(last.orelse[0], ast.If):
        last = last.orelse[0]
    branch_at = _else_line(lines, last)
    indent = _indent(lines[branch_at])
    body = lines[last.body[0].lineno - 1]
    deeper = _indent(body) if last.body[0].lineno > last.test.lineno else indent + b"    "
    end = b"\r\n" if lines[branch_at].endswith(b"\r\n") else b"\n"
    text = [
        indent + f"elif {names.module} in {TABLE}:".encode() + end,
        deeper + f"c1 = [{names.read} for x in {names.inputs}]".encode() + end,
        deeper
        + f"{names.out}, {names.args} = c1[0], [*c1, *{names.args}[len(c1):]]".encode()
        + end,
    ]
    if siblings is None:
        return Place(0, b"", branch_at, tuple(text))
    import_at, package = _import_place(tree, siblings, loop)
    return Place(
        import_at, f"from {package}{MODULE} import *".encode() + end, branch_at, tuple(text)
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """What the file calls the class, its arguments and its output channels, its inputs as a list,
    and the channels of an input `x`.
    """

    module: str
    args: str
    out: str
    inputs: str
    read: str


def _parser(tree: ast.Module) -> tuple[ast.For, ast.If, _Names]:
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name == "parse_model":
            for loop in ast.walk(function):
                match loop:
                    case ast.For(target=ast.Tuple(elts=[ast.Name(), ast.Tuple(elts=[*row])])):
                        found = _chain(
                            loop, [each.id for each in row if isinstance(each, ast.Name)]
                        )
                        if found:
                            return (loop, *found)
    raise UnrecognisedError(
        "has no parse_model of a shape that is known; it is left as it is", hint=_LOOKED_FOR
    )


def _chain(loop: ast.For, row: list[str]) -> tuple[ast.If, _Names] | None:
    """The chain of the loop that gives each module its arguments, if it has the known shape."""
    if len(row) != 4:
        return None
    source, _, module, args = row
    for at, chain in enumerate(loop.body):
        if not isinstance(chain, ast.If) or module not in _used(chain.test):
            continue
        orelse = chain.orelse
        while len(orelse) == 1 and isinstance(orelse[0], ast.If):
            orelse = orelse[0].orelse
        match orelse:
            case [
                ast.Assign(
                    targets=[ast.Name(id=out)],
                    value=ast.Subscript(value=ast.Name(id=channels), slice=index) as read,
                )
            ] if source in _used(index):
                rest = [ast.unparse(each) for each in loop.body[at + 1 :]]
                appends = any(f"{channels}.append({out})" in each for each in rest)
                before = [ast.unparse(each) for each in loop.body[:at]]
                if appends and _calls(before, rest, f"{module}(*{args}"):
                    inputs = f"([{source}] if isinstance({source}, int) else {source})"
                    return chain, _Names(module, args, out, inputs, _of_x(read, source))
    return None


def _calls(before: list[str], after: list[str], call: str) -> bool:
    """Whether the module is called with nothing but what its row says.

    In `m(*args, **named)`, `named` is empty in our branch if only other branches fill it.
    """
    found = re.search(rf"{re.escape(call)}(?:, \*\*(\w+))?\)", "\n".join(after))
    if not found or not found[1]:
        return found is not None
    others = [each for each in (*before, *after) if re.search(rf"\b{found[1]}\b", each)]
    return others[:-1] == [f"{found[1]} = {{}}"] and found[0] in others[-1]


def _of_x(read: ast.Subscript, source: str) -> str:
    """The expression for what is read, of `x` instead of `from`."""
    tree = copy.deepcopy(read)
    for name in ast.walk(tree):
        if isinstance(name, ast.Name) and name.id == source:
            name.id = "x"
    return ast.unparse(tree)


def _used(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _else_line(lines: list[bytes], last: ast.If) -> int:
    """The line of the chain's `else`, which has no node; between two statements is no other."""
    for at in range(last.body[-1].end_lineno or 0, last.orelse[0].lineno):
        if lines[at].lstrip().startswith(b"else"):
            return at
    raise UnrecognisedError("has an else that stands in no line of its own", line=last.lineno)


def _import_place(tree: ast.Module, siblings: Collection[str], loop: ast.For) -> tuple[int, str]:
    """The line behind the last import from a file beside, and how that one spells the package."""
    for at in range(len(tree.body) - 1, -1, -1):
        match tree.body[at]:
            case ast.ImportFrom(module=str(module), level=level, end_lineno=int(end)) if (
                end < loop.lineno and module.rpartition(".")[2] in siblings
            ):
                if at + 1 < len(tree.body) and tree.body[at + 1].lineno == end:
                    continue  # `import a; import b`
                package, dot, _ = module.rpartition(".")
                return end, "." * level + package + dot
    raise UnrecognisedError("imports nothing from the files beside it", hint=_LOOKED_FOR)


def _indent(line: bytes) -> bytes:
    return line[: len(line) - len(line.lstrip())]


def _edited(lines: Collection[int]) -> UnrecognisedError:
    numbers = ", ".join(str(at + 1) for at in sorted(lines))
    return UnrecognisedError(
        f"has lines of yaml-attn that are not as it writes them (lines {numbers})",
        hint=f"Take out by hand what speaks of {MODULE} and {TABLE}, then apply again.",
    )
