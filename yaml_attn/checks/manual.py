"""The manual of the rules, made from their docstrings: docs/checks.md, and `check --explain`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from yaml_attn.checks import READABLE, RULES, UNREADABLE, Readable, Unreadable
from yaml_attn.docstrings import docstring
from yaml_attn.errors import UsageError

_HEAD = """\
# Checks

`yaml-attn check` finds these mistakes. Each can be chosen or left out by its code or the beginning
of it (`--select YA1`, `--ignore YA301`), on one row by a comment (`# yaml-attn: ignore[YA203]`),
and for a project in `pyproject.toml`:

```toml
[tool.yaml-attn]
ignore = ["YA301"]
base = "models/yolov5s.yaml"
```

## In pre-commit and on GitHub

pre-commit installs a hook from its repository with all it depends on, torch too, though `check`
never imports it; the hook `local` runs the yaml-attn that is installed already. One of the two in
`.pre-commit-config.yaml` is enough; `yaml-attn-fix`, or `--fix`, repairs as well:

```yaml
repos:
  - repo: <this repository>
    rev: <version>
    hooks:
      - id: yaml-attn-check
  - repo: local
    hooks:
      - id: yaml-attn-check
        name: yaml-attn check
        entry: yaml-attn check
        args: [--]
        language: system
        types: [yaml]
```

Options stand in `args` before `--`, behind which a name is a file's, whatever it begins with:
`args: [--ignore, YA301, --]`.

In a workflow this repository is an Action, which installs no torch and shows each finding at its
line of a pull request:

```yaml
steps:
  - uses: actions/checkout@v4
  - uses: <this repository>@<version>
    with:
      files: models
      args: --base models/yolov5s.yaml --ignore YA301
```

For code scanning, `yaml-attn check models --format sarif > yaml-attn.sarif || true` writes what
`github/codeql-action/upload-sarif` uploads (`sarif_file: yaml-attn.sarif`; the job's permission
`security-events: write`).

## What the examples mean

An error fails the check. In the examples `<-` marks the row of the finding; the right row stands
in its place. Where a rule compares with a base, that is:

```yaml
{base}
```
"""

BASE = """\
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 3, C2f, [64]]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 3, C2f, [128]]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 1], 1, Concat, [1]]
  - [-1, 3, C2f, [64]]
  - [-1, 1, Conv, [64, 3, 2]]
  - [[-1, 3], 1, Concat, [1]]
  - [-1, 3, C2f, [128]]
  - [[6, 9], 1, Detect, [nc]]"""
"""The config that the examples of rules about a base compare with."""


def manual() -> str:
    """The page about all rules."""
    parts = [_HEAD.format(base=BASE), "## Files that cannot be read\n"]
    parts += [_section(rule) for rule in UNREADABLE]
    parts += ["## Rows\n", *(_section(rule) for rule in READABLE)]
    return "\n".join(parts).rstrip("\n") + "\n"


def explain(code: str) -> str:
    """The manual of one rule.

    Raises:
        UsageError: there is no such rule.
    """
    rule = RULES.get(code.strip().upper())
    if rule is None:
        raise UsageError(f"no check has the code {code!r}", hint=f"Codes: {', '.join(RULES)}.")
    return _section(rule).removeprefix("### ")


def summary(code: str) -> str:
    """A rule in one sentence."""
    return docstring(RULES[code]).split("\n")[0]


def _section(rule: Readable | Unreadable) -> str:
    title = f"### {rule.RULE.code} {rule.RULE.name} ({rule.RULE.level})"
    return f"{title}\n\n" + "\n".join(_fenced(docstring(rule)))


def _fenced(docstring: str) -> Iterator[str]:
    """The lines, with indented blocks as fenced ones; blank lines inside a block stay in it."""
    for block in re.split(r"\n\n(?=\S)|\n\n(?=    )", docstring):
        if block.startswith("    "):
            yield from ("```yaml", *(line[4:] for line in block.split("\n")), "```", "")
        else:
            yield from (*block.split("\n"), "")
