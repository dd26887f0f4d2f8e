"""Make the installed torchvision importable beside a torch that it was not compiled for.

A package index may offer torch for the CPU and torchvision for CUDA alone. torchvision's compiled
operators do not load then, and `import torchvision` fails on the first of them. The tests need just
that one, non-maximum suppression: here it is in plain torch, written behind the place where the
operators are loaded. An installation that works is left alone.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

MARK = "# Written by yaml-attn's CI: non-maximum suppression without the compiled operators.\n"
SUPPRESSION = f"""

{MARK}if not _has_ops():
    _operators = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _operators.define(f"{{_name}}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

    def _suppress(boxes, scores, most):
        left, kept = scores.argsort(descending=True), []
        sizes = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        while len(left):
            best, left = left[0], left[1:]
            kept.append(best)
            corners = torch.maximum(boxes[best, :2], boxes[left, :2])
            sides = (torch.minimum(boxes[best, 2:], boxes[left, 2:]) - corners).clamp(min=0)
            shared = sides.prod(1)
            left = left[shared <= most * (sizes[best] + sizes[left] - shared)]
        return torch.stack(kept) if kept else scores.new_empty(0, dtype=torch.long)

    _operators.impl("nms", _suppress, "CPU")
    _assert_has_ops = lambda: None
"""


def main() -> None:
    """Append the operator if torchvision cannot be imported."""
    imported = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True)
    found = importlib.util.find_spec("torchvision")
    if imported.returncode and found and found.origin:
        file = Path(found.origin).with_name("extension.py")
        text = file.read_text(encoding="utf-8")
        if MARK not in text:
            file.write_text(text + SUPPRESSION, encoding="utf-8")


if __name__ == "__main__":
    main()
