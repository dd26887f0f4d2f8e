"""A user's class tried out: a table of the promises that it keeps and those that it breaks.

The bundled mechanisms keep them all (`tests/modules/test_contract.py` is stricter still). An
exception of the user's code is the detail of a failed check, never one of ours.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

import torch

from yaml_attn.errors import UsageError
from yaml_attn.mechanisms.promises import (
    BASIC,
    PROMISES,
    THOROUGH,
    CannotTellError,
    Factory,
    Promise,
    Subject,
    said,
    shortened,
)


@dataclass(frozen=True, slots=True)
class Check:
    """One promise tried: whether it is kept, and what was seen.

    Without a `required` one no network can be built; the others are worth a warning.
    """

    name: str
    passed: bool
    detail: str
    required: bool = False


def check(factory: Factory, channels: int = 64, *, thorough: bool = False) -> tuple[Check, ...]:
    """Try a layer out. Takes a second or two, most of it torch's first run on the meta device.

    What the layer prints is swallowed (and told); random numbers and warnings leave no trace.

    Args:
        factory: makes the layer. If it fails or changes the shape, that is all there is to tell.
        channels: how many it is made for.
        thorough: whether to compile it and export it to ONNX too.
    """
    subject = Subject(factory, channels)
    with _apart() as printed:
        found = _tried(subject, BASIC[:1])
        if found[0].passed:
            found += _tried(subject, BASIC[1:])
        if found[-1].passed:
            found += _tried(subject, PROMISES + (THOROUGH if thorough else ()))
            text = printed.getvalue().strip()
            detail = f"printed: {shortened(text.splitlines()[0])}" if text else ""
            found.append(Check("prints nothing", not text, detail))
    return tuple(found)


def require(name: str, checks: Sequence[Check]) -> None:
    """Refuse a class that can stand in no network.

    Raises:
        UsageError: a required check failed; says which, and what was seen.
    """
    broken = [each for each in checks if each.required and not each.passed]
    if broken:
        seen = "; ".join(f"{each.name}: no, {each.detail}" for each in broken)
        raise UsageError(
            f"{name} cannot be used as an attention layer ({seen})",
            hint="It must map (N, C, H, W) to the same shape, in training from one image too.",
        )


def _tried(subject: Subject, promises: Sequence[Promise]) -> list[Check]:
    tried = ((promise, _outcome(subject, promise)) for promise in promises)
    return [
        Check(promise.name, *outcome, promise.required) for promise, outcome in tried if outcome
    ]


def _outcome(subject: Subject, promise: Promise) -> tuple[bool, str] | None:
    """Whether it is kept, and what was seen; None if this machine cannot tell."""
    try:
        return True, promise.test(subject)
    except CannotTellError:
        return None
    except Exception as error:  # noqa: BLE001  # whatever the user's code raises
        return False, said(error)


@contextmanager
def _apart() -> Iterator[io.StringIO]:
    """Undisturbed by what is around, disturbing nothing; gives what is printed meanwhile."""
    with (
        redirect_stdout(io.StringIO()) as printed,
        torch.random.fork_rng(devices=[]),
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield printed
