"""Where a checkout has the block that attention is to be put into, and whether its parser lets it.

Nothing of the checkout is run: its files are read.
"""

from __future__ import annotations

from pathlib import Path

from yaml_attn.dialects.block_attention import Composed
from yaml_attn.errors import UsageError
from yaml_attn.frameworks.checkout.block_classes import ComposedClass
from yaml_attn.frameworks.checkout.module_globals import home_of
from yaml_attn.frameworks.checkout.parse_model import import_prefix, takes_alike
from yaml_attn.mechanisms.registry import Mechanism, find


def host_in(composed: Composed, parser: Path, root: Path, base: bytes) -> ComposedClass:
    """The class for a checkout.

    Args:
        composed: the block and the mechanism.
        parser: the file that reads the rows.
        root: the checkout.
        base: the text of `parser`, without the lines of ours.

    Raises:
        UnrecognisedError: the parser has another shape.
        UsageError: the checkout has no such block, or has it where it cannot be had from; or
            the mechanism is not a bundled one.
    """
    block, name = composed.block, composed.spelling
    mechanism = find(composed.mechanism)
    if not isinstance(mechanism, Mechanism):
        raise UsageError(f"{name} is {composed}, and {mechanism.name} is not one of ours")
    home = home_of(block, parser, root)
    if home is None or not takes_alike(base, block):
        ask = f"does not ask `m in {{{block}, ...}}` in parse_model"
        raise UsageError(
            f"{name} is {composed}, and this checkout {ask if home else f'has no {block}'}",
            path=parser,
            hint="Insert the attention as a row of its own.",
        )
    if home.parent != parser.parent or home == parser:
        raise UsageError(
            f"{name} needs {block}, which stands in {home.relative_to(root).as_posix()}",
            path=parser,
            hint="It must stand in a file beside this one.",
        )
    siblings = {path.stem for path in parser.parent.glob("*.py")}
    return ComposedClass(composed, mechanism, import_prefix(base, siblings) + home.stem)
