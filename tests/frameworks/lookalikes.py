"""Stand-ins for the frameworks, written for these tests: small, and of the same structure.

What they share with the real ones is how rows are read: where names are looked up, which strings
are resolved, what an unknown module gets. The real ones are run by `test_*_real.py`.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

BLOCKS = """
    import torch
    from torch import nn


    class Conv(nn.Module):
        def __init__(self, c1, c2, k=1, s=1):
            super().__init__()
            self.conv = nn.Conv2d(c1, c2, k, s, k // 2, bias=False)
            self.bn = nn.BatchNorm2d(c2)

        def forward(self, x):
            return self.bn(self.conv(x)).relu()


    class Concat(nn.Module):
        def __init__(self, dimension=1):
            super().__init__()
            self.d = dimension

        def forward(self, x):
            return torch.cat(x, self.d)
"""

TASKS = """
    import ast
    import contextlib
    import math
    from copy import deepcopy

    from torch import nn

    from ultralytics.nn.blocks import Concat, Conv, PSA, SpatialAttention


    def parse_model(d, ch, verbose=True):
        width = d.get("width_multiple", 1.0)
        ch = [ch]
        layers, save, c2 = [], [], ch[-1]
        for i, (f, n, m, args) in enumerate(d["backbone"] + d["head"]):
            m = getattr(nn, m[3:]) if m.startswith("nn.") else globals()[m]
            for j, a in enumerate(args):
                if isinstance(a, str):
                    with contextlib.suppress(ValueError):
                        args[j] = locals()[a] if a in locals() else ast.literal_eval(a)
            if m in frozenset({Conv, PSA}):
                c1, c2 = ch[f], math.ceil(args[0] * width / 8) * 8
                args = [c1, c2, *args[1:]]
            elif m is Concat:
                c2 = sum(ch[x] for x in f)
            else:
                c2 = ch[f]
            m_ = nn.Sequential(*(m(*args) for _ in range(n))) if n > 1 else m(*args)
            m_.np = sum(x.numel() for x in m_.parameters())
            m_.i, m_.f, m_.type = i, f, str(m)[8:-2]
            save.extend(x % i for x in ([f] if isinstance(f, int) else f) if x != -1)
            layers.append(m_)
            if i == 0:
                ch = []
            ch.append(c2)
        return nn.Sequential(*layers), sorted(save)


    class Model(nn.Module):
        def __init__(self, cfg):
            super().__init__()
            self.yaml = cfg
            self.model, self.save = parse_model(deepcopy(cfg), ch=cfg.get("ch", 3))

        def forward(self, x):
            y = []
            for m in self.model:
                if m.f != -1:
                    x = y[m.f] if isinstance(m.f, int) else [x if j == -1 else y[j] for j in m.f]
                x = m(x)
                y.append(x)
            return x
"""

DIST = """
    import tempfile


    def generate_ddp_file(trainer):
        with tempfile.NamedTemporaryFile("w", suffix=".py", dir=trainer, delete=False) as file:
            file.write("from ultralytics.nn import tasks\\nprint(tasks.SE.__module__)\\n")
        return file.name
"""

CFG = """
    import sys

    ARGV = sys.argv


    def entrypoint():
        from ultralytics.nn import tasks

        print("yolo", *ARGV[1:], tasks.SE.__name__)
        sys.exit(3)
"""

OWN_BLOCKS = """

    class PSA(Conv):
        pass


    class SpatialAttention(nn.Module):
        def __init__(self, kernel_size=7):
            super().__init__()
"""


def write_ultralytics(folder: Path) -> None:
    """A package `ultralytics` whose parser treats PSA specially and imports a SpatialAttention."""
    files = {
        "__init__.py": "",
        "nn/__init__.py": "",
        "nn/blocks.py": BLOCKS + OWN_BLOCKS,
        "nn/tasks.py": TASKS,
        "utils/__init__.py": "",
        "utils/dist.py": DIST,
        "cfg/__init__.py": CFG,
    }
    for name, text in files.items():
        path = folder / "ultralytics" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))


PARSER = '''
    """How rows become layers here."""
    import math
    import sys
    from copy import deepcopy

    from models.common import *
    from models.experimental import Sum  # the last one from a file beside
    from torch import nn


    def parse_model(d, ch):  # dictionary, input channels
        gw = d["width_multiple"]
        layers, save, c2 = [], [], ch[-1]
        for i, (f, n, m, args) in enumerate(d["backbone"] + d["head"]):
            m = eval(m) if isinstance(m, str) else m
            for j, a in enumerate(args):
                try:
                    args[j] = eval(a) if isinstance(a, str) else a
                except NameError:
                    pass
            if m in [Conv]:
                c1, c2 = ch[f], math.ceil(args[0] * gw / 8) * 8
                args = [c1, c2, *args[1:]]
            elif m is nn.BatchNorm2d:
                args = [ch[f]]
            elif m is Concat:
                c2 = sum([ch[x] for x in f])
            # what follows keeps its channels
            else:  # not a convolution
                c2 = ch[f]

            m_ = nn.Sequential(*[m(*args) for _ in range(n)]) if n > 1 else m(*args)
            m_.i, m_.f, m_.type = i, f, str(m)[8:-2]
            m_.np = sum([x.numel() for x in m_.parameters()])
            save.extend(x % i for x in ([f] if isinstance(f, int) else f) if x != -1)
            layers.append(m_)
            if i == 0:
                ch = []
            ch.append(c2)
        return nn.Sequential(*layers), sorted(save)


    class Model(nn.Module):
        def __init__(self, cfg):
            super().__init__()
            self.model, self.save = parse_model(deepcopy(cfg), ch=[3])

        def forward(self, x):
            y = []
            for m in self.model:
                if m.f != -1:
                    x = y[m.f] if isinstance(m.f, int) else [x if j == -1 else y[j] for j in m.f]
                x = m(x)
                y.append(x)
            return x
'''

EXPERIMENTAL = """
    from torch import nn


    class Sum(nn.Module):
        pass
"""


def parser_source() -> str:
    """A `models/yolo.py`."""
    return textwrap.dedent(PARSER).removeprefix("\n")


def write_checkout(
    root: Path, parser: bytes | None = None, common: str = "", names: str = "C3 SPPF Detect"
) -> Path:
    """A checkout with a `models` folder, a config folder and a training script.

    `names` are those of YOLOv5's modules that rows may name, without ever being built.
    """
    others = "".join(f"{name} = Conv\n" for name in names.split())
    files = {
        "models/__init__.py": "",
        "models/common.py": textwrap.dedent(BLOCKS) + others + textwrap.dedent(common),
        "models/experimental.py": textwrap.dedent(EXPERIMENTAL),
        "models/own.yaml": "nc: 80\n",
        "train.py": "",
        "data/coco128.yaml": "",
        "data/hyps/hyp.scratch-low.yaml": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "models/yolo.py").write_bytes(parser or parser_source().encode())
    return root
