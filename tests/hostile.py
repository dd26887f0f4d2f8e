"""Configs of which a framework would run something: how they do it, and whether they have.

Each leaves a mark, a file called `canary`, in one way or another; so does loading `evil.pt`, or
building `evil.yaml`. Some would fill the memory instead.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

CANARY = "canary"

RUN = "open('canary', 'w')"

WIDE = "\uff4fpen"
"""The same name to Python, in full-width letters."""

SETTINGS: dict[str, Any] = {
    "activation: os.system": "__import__('os').system('touch canary')",
    "activation: a call": RUN,
    "activation: exec": f'exec("{RUN}")',
    "activation: lambda": f"(lambda: {RUN})()",
    "activation: comprehension": f"[{RUN} for _ in [0]]",
    "activation: f-string": f'f"{{{RUN}}}"',
    "activation: argument": f"nn.SiLU({RUN})",
    "activation: keyword": f"nn.SiLU(inplace={RUN})",
    "activation: condition": f"nn.SiLU() if {RUN} else 0",
    "activation: or": f"{RUN} or nn.SiLU()",
    "activation: walrus": f"(nn := {RUN})",
    "activation: dotted walk": f"nn.Module.__init__.__globals__['__builtins__']['{RUN[:4]}'](1)",
    "activation: look-alikes": RUN.replace("open", WIDE),
    "activation: breakpoint": "breakpoint",
    "activation: input": "input",
    "activation: blanks": f"   {RUN}   ",
    "activation: a list": [RUN],
    "activation: a string in a string": f"'{RUN}'",
    "act: of Ultralytics 8.0": RUN,
    "anchors: text": RUN,
    "depth_multiple: text": RUN,
    "width_multiple: text": RUN,
    "nc: text": RUN,
    "ch: text": RUN,
    "kpt_shape: text": [17, RUN],
    "end2end: text": RUN,
    "reg_max: text": RUN,
    "neck: a fork's own section": [[-1, 1, "open", ["canary", "w"]], [-1, 1, RUN, []]],
    "deep: down": {"a": [{"b": [RUN]}]},
}
"""Key, and how -> its value."""

MODULES: dict[str, tuple[str, list[Any]]] = {
    "a call": (RUN, []),
    "__import__": ("__import__('os').system", ["touch canary"]),
    "__import__ itself": ("__import__", ["evil"]),
    "os.system": ("os.system", ["touch canary"]),
    "open": ("open", [CANARY, "w"]),
    "exec": ("exec", [RUN]),
    "eval": ("eval", [RUN]),
    "exec of a literal": ("exec", [f'"{RUN}"']),
    "print": ("print", ["nearest"]),
    "input": ("input", []),
    "breakpoint": ("breakpoint", []),
    "compile": ("compile", [RUN, CANARY, "exec"]),
    "getattr": ("getattr", ["nn", "Module"]),
    "torch_load": ("torch_load", ["evil.pt"]),
    "torch.load": ("torch.load", ["evil.pt"]),
    "torch.hub.load": ("torch.hub.load", [".", "evil"]),
    "attempt_load": ("attempt_load", ["evil.pt"]),
    "load_checkpoint": ("load_checkpoint", ["evil.pt"]),
    "a loader of weights": ("DetectMultiBackend", ["evil.pt"]),
    "a loader of weights by default": ("DetectMultiBackend", []),
    "a loader that runs models": ("AutoBackend", ["evil.pt"]),
    "a whole model": ("DetectionModel", ["evil.yaml"]),
    "a whole model of a word": ("DetectionModel", ["evil"]),
    "a whole model of a mapping": (
        "DetectionModel",
        [{"nc": 1, "activation": RUN, "backbone": [[-1, 1, "exec", [RUN]]], "head": []}],
    ),
    "the parser itself": ("parse_model", [{"activation": RUN}, [3]]),
    "yaml_model_load": ("yaml_model_load", ["evil.yaml"]),
    "dotted walk": ("nn.modules.module.__builtins__", []),
    "functional": ("nn.functional.relu", [1]),
    "a module of torch": ("nn.functional", []),
    "subclasses": ("nn.Module.__subclasses__", []),
    "parameter": ("nn.Parameter", []),
    "globals": ("Conv.__init__.__globals__", []),
    "torchvision's os": ("torchvision.ops.misc.os.system", ["touch canary"]),
    "torchvision's function": ("torchvision.ops.nms", []),
    "lambda": (f"(lambda *a: {RUN})", []),
    "lambda with a name first": (f"Conv if 0 else (lambda *a: {RUN})", []),
    "and": ("Conv and open", [CANARY, "w"]),
    "a hyphen": ("exec-open", [RUN]),
    "a bracket": ("Conv[exec]", [RUN]),
    "a name in brackets": ("Conv[exec](1)", []),
    "blanks and": ("print and open", [CANARY, "w"]),
    "or": (f"{RUN} or Conv", []),
    "comprehension": (f"[{RUN} for _ in [0]][0]", []),
    "f-string": (f'f"{{{RUN}}}"', []),
    "look-alikes": (WIDE, [CANARY, "w"]),
    "look-alikes of a layer": ("nn.\uff46unctional", []),
    "__class__": ("Conv.__class__", [CANARY]),
    "type": ("type", [CANARY]),
    "a variable": ("d", []),
    "the builtins": ("__builtins__", []),
    "line break": (f"(\n{RUN})", []),
    "comment": (f"{RUN} #", []),
    "os": ("os", []),
}
"""What it is -> the module and the args of a row."""

ARGS: dict[str, Any] = {
    "a call": RUN,
    "os.system": "__import__('os').system('touch canary')",
    "eval": f'eval("{RUN}")',
    "in a list": [[RUN]],
    "in a mapping": {"k": [RUN]},
    "a list in text": f"[{RUN}]",
    "a set in text": f"{{{RUN}}}",
    "a mapping in text": f"{{1: {RUN}}}",
    "unpacked": f"[*[{RUN}]]",
    "lambda": f"(lambda: {RUN})()",
    "a lambda": "lambda: 1",
    "f-string": f'f"{{{RUN}}}"',
    "f-string of nothing": "f'{c2.__class__}'",
    "comprehension": f"[{RUN} for _ in [0]]",
    "generator": f"list({RUN} for _ in [0])",
    "walrus": f"(x := {RUN})",
    "condition": f"c2 if {RUN} else 0",
    "or": f"{RUN} or 1",
    "not": f"not {RUN}",
    "comparison": f"{RUN} == 1",
    "negative": f"-{RUN}",
    "behind a word": f"nope + {RUN}",
    "behind a variable": f"layers + [{RUN}]",
    "method of a variable": f"layers.append({RUN})",
    "index": f"ch[{RUN}]",
    "slice": f"ch[0:{RUN}]",
    "argument": f"nn.SiLU({RUN})",
    "arguments unpacked": f"nn.SiLU(*[{RUN}])",
    "keywords unpacked": f"nn.SiLU(**{{'inplace': {RUN}}})",
    "attribute of a call": f"{RUN}.name",
    "class of a variable": "ch.__class__",
    "subclasses": "().__class__.__base__.__subclasses__()",
    "functional": "nn.functional.relu",
    "torch.load": "torch.load('evil.pt')",
    "a power": "9**9**9",
    "a string times a number": "'a'*10**10",
    "a string times a number, without a power": "'a'*99999999999",
    "a list times a number": "[0]*99999999999",
    "a variable times a number": "ch*99999999999",
    "shifted": "1<<99999999999",
    "a file": "evil.pt",
    "a file above": "../evil.pt",
    "a file with its path": "/data/evil.pt",
    "a file in quotes": "'evil.pt'",
    "an address": "https://example.org/evil.pt",
    "look-alikes": RUN.replace("open", WIDE),
    "print": "print",
    "input": "input",
    "breakpoint": "breakpoint",
    "eval itself": "eval",
    "exec itself": "exec",
    "__class__": "c2.__class__",
    "__builtins__": "__builtins__",
    "await": f"await {RUN}",
    "bytes": RUN.encode(),
}
"""What it is -> an argument."""


def settings(key: str) -> dict[str, Any]:
    """The key of a setting, and its value."""
    return {key.partition(":")[0]: SETTINGS[key]}


def shapes() -> dict[str, tuple[dict[str, Any], list[Any] | None]]:
    """What it is -> settings, and a row, if it needs one."""
    return {
        **{f"setting {key}": (settings(key), None) for key in SETTINGS},
        "setting activation: bytes": ({"activation": RUN.encode()}, None),
        **{
            f"module {name}": ({}, [-1, 1, module, args])
            for name, (module, args) in MODULES.items()
        },
        **{f"argument {name}": ({}, [-1, 1, "nn.Identity", [arg]]) for name, arg in ARGS.items()},
    }


def config(base: dict[str, Any], name: str) -> str:
    """A config, given as what a file has, with one of the shapes in it, as YAML."""
    more, row = shapes()[name]
    data = {**base, **more}
    if row is not None:
        first, *rest = base["backbone"]
        data["backbone"] = [first, row, *rest]
    return dumped(data)


def dumped(data: dict[str, Any]) -> str:
    """A config as YAML, a row a line."""
    lines = []
    for key, value in data.items():
        if key in {"backbone", "head"}:
            lines += [f"{key}:", *(f"  - {_flow(each)}" for each in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """A value in YAML's flow style, which JSON is but for bytes."""
    if isinstance(value, bytes):
        return f"!!binary {base64.b64encode(value).decode()}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(each)}' for key, each in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def lay_traps(folder: Path) -> None:
    """The files that shapes name."""
    pickle = f"cbuiltins\nexec\n(V{RUN}\ntR.".encode()
    for name in ("evil.pt", "yolov5s.pt", "yolo.pt", "evil"):
        (folder / name).write_bytes(pickle)
    text = f"nc: 1\nactivation: {json.dumps(RUN)}\nbackbone: []\nhead: []\n"
    for name in ("evil.yaml", "yolov5s.yaml", "yolo26n.yaml"):
        (folder / name).write_text(text)
    (folder / "evil.py").write_text(RUN)
