"""`python -m yaml_attn` is `yaml-attn`: Ctrl-C ends it in one line, however early and however late.

Reading the code takes longer than most commands do, and an exception in the middle of that may be
taken for another one: for a module that cannot be read, say. So Ctrl-C ends the process there.
"""

from __future__ import annotations

import os
import sys

# Ctrl-C may come while this is read: `signal` itself would import a dozen modules first.
from _signal import (  # type: ignore[import-not-found]
    SIG_DFL,
    SIGINT,
    default_int_handler,
    getsignal,
    signal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

_IMPORTING = "<frozen importlib"


def main() -> None:
    """Run the command line."""
    # A shell has the commands that it starts in the background ignore Ctrl-C.
    heeded = getsignal(SIGINT) is default_int_handler
    try:
        if heeded:
            signal(SIGINT, _interrupt)
        from yaml_attn.cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        _leave()
    finally:
        if heeded:  # all is said and done, and Python's own clearing up is no matter
            signal(SIGINT, SIG_DFL)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """Raise as always, but where modules are being read."""
    while frame:
        if frame.f_code.co_filename.startswith(_IMPORTING):
            _leave()
        frame = frame.f_back
    raise KeyboardInterrupt


def _leave() -> None:
    """Say what was written, and end at once."""
    mistakes = sys.modules.get("yaml_attn.cli.mistakes")
    interrupted = getattr(mistakes, "interrupted", lambda: "interrupted; nothing was written")
    shown = "\033[?25h" if os.isatty(2) else ""  # the cursor, which a progress bar hides
    os.write(2, f"{shown}{interrupted()}\n".encode(errors="replace"))
    os._exit(130)


if __name__ == "__main__":
    main()
