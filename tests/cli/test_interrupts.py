"""Ctrl-C ends the command in one line, while its code is still being read too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Ctrl-C when a module is asked for; the module is then read to its end by nobody.
CODE = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # where a job in the background ignores it
at = sys.argv.pop(1)

def look(event, args):
    if event == "import" and args[0] == at:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(look)
from yaml_attn.__main__ import main
main()
"""
COMMAND = ["insert", "--base", "yolov5s.yaml", "--module", "SE", "--after", "8"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
@pytest.mark.parametrize(
    "module", ["yaml_attn.cli", "typer", "yaml_attn.cli.writing", "yaml_attn.api", "torch"]
)
def test_an_interrupt_while_code_is_read_is_one_line(tmp_path: Path, module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", CODE, module, *COMMAND],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (130, "")
    assert result.stderr == "interrupted; nothing was written\n"
    assert not list(tmp_path.iterdir())
