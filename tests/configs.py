"""Configs for tests: small ones written out, and Hypothesis strategies that draw any layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from yaml_attn.document.document import Document

SMALL = """\
nc: 2
depth_multiple: 1.0
width_multiple: 1.0
anchors: [[10, 13], [30, 61]]

backbone:
  - [-1, 1, Conv, [8, 3, 2]]  # 0-P1/2
  - [-1, 1, Conv, [16, 3, 2]]  # 1-P2/4
  - [-1, 1, C3, [16]]
  - [-1, 1, Conv, [32, 3, 2]]  # 3

head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 2], 1, Concat, [1]]  # cat backbone
  - [-1, 1, C3, [16]]  # 6 (P2/4)
  - [[6, 3], 1, Detect, [nc, anchors]]  # Detect
"""
"""Eight layers; layer 2 is read by 3 and 5, layer 3 by 4 and Detect."""

SMALL_V8 = (
    SMALL.replace("C3", "C2f")
    .replace("anchors: [[10, 13], [30, 61]]", "scales: {n: [1, 1, 64], s: [1, 2, 64]}")
    .replace("[nc, anchors]", "[nc]")
)
"""The same in Ultralytics' form, at two scales."""


def document(text: str = SMALL) -> Document:
    return Document.parse(text.encode())


@dataclass(frozen=True)
class Style:
    """How rows stand in a file."""

    layout: str
    indent: str
    gap: str
    newline: str
    trailing_comma: bool
    final_newline: bool
    bom: bool
    comments: str


STYLES = st.builds(
    Style,
    layout=st.sampled_from(
        ["block", "flow", "bracket line", "key line", "exploded", "one line", "closed"]
    ),
    indent=st.sampled_from(["", "  ", "    "]),
    gap=st.sampled_from([" ", "", "  "]),
    newline=st.sampled_from(["\n", "\r\n"]),
    trailing_comma=st.booleans(),
    final_newline=st.booleans(),
    bom=st.booleans(),
    comments=st.sampled_from(["none", "index", "cjk", "commented rows"]),
)


@st.composite
def networks(draw: st.DrawFn, *, max_rows: int = 9) -> tuple[list[list[Any]], int]:
    """Plain rows of a small network that ends in a head, and how many form the backbone."""
    size = draw(st.integers(3, max_rows))
    rows: list[list[Any]] = [[-1, 1, "Conv", [8, 3, 2]]]
    for index in range(1, size):
        reference = st.one_of(st.integers(0, index - 1), st.integers(-index, -1), st.just(-1))
        last = index == size - 1
        listed = last or draw(st.booleans())
        source: Any = (
            draw(st.lists(reference, min_size=1, max_size=3)) if listed else draw(reference)
        )
        module = (
            "Detect" if last else draw(st.sampled_from(["Conv", "C3", "Concat", "nn.Upsample"]))
        )
        args: list[Any] = draw(
            st.sampled_from([[8], [16, 3, 2], [], [None, 2, "nearest"], ["nc", "anchors"], [True]])
        )
        rows.append([source, draw(st.integers(1, 3)), module, args])
    return rows, draw(st.integers(1, size - 1))


def write(rows: list[list[Any]], backbone: int, style: Style) -> bytes:
    """The rows as a file in this style."""
    lines = ["nc: 80  # classes", "", "anchors: [[10,13, 16,30]]"]
    lines += _section("backbone", rows[:backbone], 0, style)
    lines += ["", "# head: below", *_section("head", rows[backbone:], backbone, style)]
    text = style.newline.join(lines) + (style.newline if style.final_newline else "")
    return (("\ufeff" if style.bom else "") + text).encode()


def _section(key: str, rows: list[list[Any]], first: int, style: Style) -> list[str]:
    flow = [_flow(row, style.gap) for row in rows]
    comments = [_comment(first + at, style) for at in range(len(rows))]
    if style.layout == "exploded":
        lines = [f"{key}:"]
        for row, comment in zip(rows, comments, strict=True):
            source, number, module, args = row
            lines += [
                f"{style.indent}- - {_flow(source, style.gap)}{comment}",
                f"{style.indent}  - {number}",
                f"{style.indent}  - {module}",
                f"{style.indent}  - {_flow(args, style.gap)}",
            ]
        return lines
    if style.layout == "block":
        rows_text = [f"{style.indent}- {row}{c}" for row, c in zip(flow, comments, strict=True)]
        return [f"{key}:", *_between(rows_text, style)]
    commas = [","] * (len(rows) - 1) + ["," if style.trailing_comma else ""]
    if style.layout == "one line":
        pairs = zip(flow, commas, strict=True)
        return [f"{key}: [{style.gap.join(row + comma for row, comma in pairs)}]"]
    if style.layout == "closed":  # the last row's comment stands behind the end of the list
        commas[-1] = "]"
    body = [f"{r}{comma}{c}" for r, comma, c in zip(flow, commas, comments, strict=True)]
    if style.layout in {"flow", "closed"}:  # the first row on the line of the bracket
        rest = [f"   {row}" for row in body[1:]]
        end = ["  ]"] if style.layout == "flow" else []
        return [f"{key}:", *_between([f"  [{body[0]}", *rest], style), *end]
    opening = [f"{key}: ["] if style.layout == "key line" else [f"{key}:", "  ["]
    return [*opening, *_between([f"    {row}" for row in body], style), "  ]"]


def _between(rows: list[str], style: Style) -> list[str]:
    """Commented-out rows and blank lines between the live ones."""
    if style.comments != "commented rows":
        return rows
    return [line for row in rows for line in (row, f"{style.indent}# - [-1, 1, Old, [3]],", "")]


def _comment(index: int, style: Style) -> str:
    return {
        "none": "",
        "index": f"  # {index} (P{index}/8)",
        "cjk": f" #{index} \u6ce8\u610f\u529b [-1, 6] \U0001f680",
        "commented rows": "",
    }[style.comments]


def _flow(value: Any, gap: str) -> str:
    if isinstance(value, list):
        return f"[{f',{gap}'.join(_flow(item, gap) for item in value)}]"
    return str(value)
