"""How a run ends that nothing foresaw: in one line, and with exit code 1."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Final, TextIO, TypeGuard

from yaml_attn.cli.mistakes import complain
from yaml_attn.escaping import in_line

DEBUG: Final = "YAML_ATTN_DEBUG"
"""The environment variable that asks for the trace of an error."""

_UNWRITABLE: Final = frozenset(
    getattr(errno, name, None) for name in "EPIPE ENOSPC EBADF EIO EFBIG EDQUOT EINVAL".split()
)
_MOST: Final = 300
_BUG: Final = (
    "This is a bug in yaml-attn: please report it, with the command and the file, to those from "
    f"whom you have yaml-attn. {DEBUG}=1 shows the trace."
)


def prepare_streams() -> None:
    """Streams that can be printed on: a character that a terminal lacks is `?`, none is missing.

    A command that was started with a closed stream would else print into the next file that it
    opens. What is printed on a closed standard output fails, as on a full one.
    """
    for number in range(3):
        with contextlib.suppress(OSError):
            os.fstat(number)
            continue
        os.open(os.devnull, os.O_RDONLY if number == 1 else os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or _writer(1)
    sys.stderr = sys.stderr or _writer(2)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def report(error: Exception) -> int:
    """Say what happened; gives the exit code."""
    with contextlib.suppress(OSError):  # there may be no standard error to say it on
        trace(error)
        # Whoever stops reading has seen enough.
        if not (_is_of_stream(error) and error.errno == errno.EPIPE):
            complain(in_line(_in_words(error)))
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    return 1


def trace(error: BaseException) -> None:
    """Print the trace of an error, if that is asked for."""
    if os.environ.get(DEBUG, "0") not in {"", "0"}:
        traceback.print_exception(error)


def _in_words(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    if isinstance(error, RecursionError):
        return "something in the files is nested too deeply to be read"
    if _is_of_stream(error):
        return f"standard output cannot be written ({error.strerror})"
    if isinstance(error, OSError) and error.strerror:
        try:
            Path.cwd()
        except OSError:
            return "the folder that this runs in is not there any more: change to another one"
        names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name]
        return f"{' and '.join(names) or 'a file'} cannot be used ({error.strerror})"
    own = [at for at in traceback.extract_tb(error.__traceback__) if "yaml_attn" in at.filename]
    where = f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
    text = " ".join(str(error).split())[:_MOST]
    return f"unforeseen {type(error).__name__}{where}{': ' * bool(text)}{text}. {_BUG}"


def _writer(number: int) -> TextIO:
    return open(number, "w", encoding="utf-8", closefd=False)


def _is_of_stream(error: Exception) -> TypeGuard[OSError]:
    """Whether printing failed: what fails at a file has its name."""
    return isinstance(error, OSError) and error.errno in _UNWRITABLE and error.filename is None


def _flush(stream: TextIO) -> None:
    """Write what is left in a stream; what cannot be is thrown away, lest Python tries again."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
