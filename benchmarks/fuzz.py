"""Coverage-guided fuzzing: any bytes as a config, read, shown, edited, checked and repaired.

    pip install atheris
    python benchmarks/fuzz.py [--seconds 3600] [--into fuzz]
    python benchmarks/fuzz.py FILE...

The second form tries single files, without atheris. What must hold is `keep` in
tests/promises.py: no traceback, no step over a second of CPU time, nothing written that PyYAML
reads differently from what was claimed. Seeds are two templates, the layouts that the tests draw,
and what earlier runs found (tests/data/fuzz). Each broken promise is kept as a file of its own,
the smallest input seen, in the folder `found`; the run goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

LONGEST = 1800
"""Bytes of an input; yolov5s.yaml has 1,700."""

PIECES = (
    """
backbone:
head:
nc: 80
anchors: 3
depth_multiple: 0.33
scales: {n: [0.33, 0.25, 1024]}
- [-1, 1, Conv, [64, 3, 2]]
[-1, 3, C3, [128]],
[[-1, 6], 1, Concat, [1]]
[[17, 20, 23], 1, Detect, [nc, anchors]]
- [-1, 1, nn.Upsample, [None, 2, "nearest"]]
[-1, 1, SE, [64]]
[-1, 1, CBAM, [c2]]
[[], 1, Detect, []]
[-1, 1, "a, b", ["]", '#']]
- - -1
# 9
# 0-P1/2
# yaml-attn: ignore
&a
*a
!!int
!!str
!!binary
<<: *a
%YAML 1.2
2001-01-01
12:30
""".split("\n")
    + ", [ ] { } # ! ? : - -- --- ... | > \" ' \\ ~ @ `".split()
    + ("C3 'C3' null true .nan .inf 0x1F 010 1_0 1e3 -1 -2 0 99 [] {} [nc,c2]".split())
)
ODD = ["\r\n", "\r", "\n", "\t", "  ", "\ufeff", "\x85", "\u2028", "\xa0", "\0", "\U0001f680"]


def main() -> None:
    """Fuzz, or try files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--into", type=Path, default=Path("fuzz"))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.files:
        broken = sum(not _try(path.read_bytes(), str(path)) for path in options.files)
        sys.exit(f"{broken} of {len(options.files)} files break a promise" if broken else 0)
    if options.child:
        _fuzz(options.into, options.seconds)
    else:
        _supervise(options.into, options.seconds)


def _supervise(into: Path, seconds: int) -> None:
    """Start the fuzzer, and again after a crash of the interpreter, until the time is over."""
    corpus = into / "corpus"
    for folder in (corpus, into / "found"):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed{number:03}").write_bytes(seed)
    end = time.monotonic() + seconds
    while (left := int(end - time.monotonic())) > 0:
        this = [sys.executable, __file__, "--child", "--into", str(into), "--seconds", str(left)]
        code = subprocess.run(this, check=False).returncode
        print(f"the fuzzer ended with {code}", flush=True)
    print(f"{len(list(corpus.iterdir()))} inputs in {corpus}")


def _fuzz(into: Path, seconds: int) -> None:
    import atheris  # noqa: PLC0415 (only needed here)

    with atheris.instrument_imports(include=["yaml_attn"]):
        import promises  # noqa: PLC0415

    seen: dict[str, int] = {}
    reached: Counter[str] = Counter()
    start = said = time.monotonic()
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))

    def one(data: bytes) -> None:
        nonlocal said
        try:
            reached[promises.keep(data, folder)] += 1
        except Exception as error:  # noqa: BLE001 (any is a find)
            reached["broken"] += 1
            name = _name(error)
            if len(data) < seen.get(name, sys.maxsize):
                print(f"{'smaller' if name in seen else 'new'}: {name}: {error}"[:300], flush=True)
                seen[name] = len(data)
                (into / "found" / name).write_bytes(data)
        if time.monotonic() > said + 60:
            said = time.monotonic()
            print(f"{said - start:.0f} s, {reached.total()} inputs: {dict(reached)}", flush=True)

    arguments = [
        sys.argv[0], str(into / "corpus"), f"-max_total_time={seconds}", f"-max_len={LONGEST}",
        "-timeout=60", "-rss_limit_mb=4096", "-len_control=0", f"-artifact_prefix={into}/found/",
    ]  # fmt: skip
    atheris.Setup(arguments, one, custom_mutator=_mutate)
    atheris.Fuzz()


def _name(error: Exception) -> str:
    """What tells one find from another: the exception, and the last line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "yaml_attn" in each.filename] or frames
    own = [each for each in frames if each.filename.endswith("promises.py")]
    at = "-".join(f"{Path(each.filename).stem}.{each.lineno}" for each in (own[-1], ours[-1]))
    return f"{type(error).__name__}-{at}"


def _mutate(data: bytes, longest: int, seed: int) -> bytes:
    """Changes that leave most configs readable; one in ten inputs gets other bytes."""
    random = Random(seed)  # noqa: S311
    if data and random.random() < 0.1:
        bytewise = bytearray(data)
        for _ in range(random.choice([1, 1, 2, 8])):
            bytewise[random.randrange(len(data))] = random.randrange(256)
        return bytes(bytewise[:longest])
    text = data.decode("utf-8", errors="replace")
    for _ in range(5):
        new = text
        for _ in range(random.choice([1, 1, 1, 2, 4])):
            new = random.choice([_number, _number, _line, _piece, _piece, _cut])(new, random)
        if _is_yaml(new):
            break
    return new.encode()[:longest]


def _is_yaml(text: str) -> bool:
    try:
        yaml.load(text, yaml.CSafeLoader)
    except Exception:  # noqa: BLE001
        return False
    return True


def _spots(text: str, random: Random, count: int) -> list[int]:
    return sorted(random.randrange(len(text) + 1) for _ in range(count))


def _number(text: str, random: Random) -> str:
    """Another number in the place of one."""
    at = random.randrange(len(text) + 1)
    while at < len(text) and not text[at].isdigit():
        at += 1
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    new = random.choice([-1, -2, 0, 1, 2, 3, 8, 16, 10**9, random.randrange(-9, 30)])
    return f"{text[:at]}{new}{text[end:]}"


def _line(text: str, random: Random) -> str:
    """A line doubled, dropped, moved, or indented otherwise."""
    lines = text.splitlines(keepends=True) or [""]
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    kind = random.randrange(4)
    if kind == 0:
        lines.insert(other, lines[at])
    elif kind == 1:
        lines.insert(other, lines.pop(at))
    elif kind == 2:
        del lines[at]
    else:
        lines[at] = random.choice(["", " ", "  ", "    ", "- "]) + lines[at].lstrip()
    return "".join(lines)


def _piece(text: str, random: Random) -> str:
    """A piece of YAML or of a config put in somewhere, or in the place of a word."""
    start, end = _spots(text, random, 2)
    piece = random.choice(random.choice([PIECES, PIECES, ODD]))
    if random.random() < 0.3:
        piece = f"{piece}\n"
    return text[:start] + piece + text[min(end, start + random.choice([0, 0, 1, 4])) :]


def _cut(text: str, random: Random) -> str:
    """A short stretch taken out, or put in again elsewhere."""
    start, at = random.randrange(len(text) + 1), random.randrange(len(text) + 1)
    stretch = text[start : start + random.choice([1, 2, 8, 30])]
    if random.random() < 0.5:
        return text[:at] + stretch + text[at:]
    return text[:start] + text[start + len(stretch) :]


def seeds() -> Iterator[bytes]:
    """Configs to start from: short ones in every layout, two templates, what was found before."""
    from configs import SMALL, Style, write  # noqa: PLC0415

    yield SMALL.encode()
    rows = [
        [-1, 1, "Conv", [8, 3, 2]], [-1, 2, "C3", [8]], [[-1, 0], 1, "Concat", [1]],
        [-1, 1, "SE", [16]], [[3, 1], 1, "Detect", ["nc", "anchors"]],
    ]  # fmt: skip
    layouts = ["block", "flow", "bracket line", "key line", "exploded", "one line"]
    comments = ["none", "index", "cjk", "commented rows"]
    for number, (layout, comment) in enumerate(product(layouts, comments)):
        newline, odd = ("\n", "\r\n")[number % 2], bool(number % 3)
        style = Style(layout, "  ", " ", newline, odd, not odd, number % 5 == 0, comment)
        yield write(rows, 3, style)
    shipped = [ROOT / "templates" / name for name in ("yolov5s.yaml", "yolov8.yaml")]
    found = sorted((ROOT / "tests" / "data" / "fuzz").iterdir())
    for path in (*shipped, *found):
        yield path.read_bytes()


def _try(data: bytes, name: str) -> bool:
    """Whether the promises hold for one file; says which one does not."""
    import promises  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        try:
            print(f"{name}: {promises.keep(data, Path(folder))}")
        except Exception:  # noqa: BLE001
            print(f"{name}: broken\n{traceback.format_exc(limit=-5)}")
            return False
    return True


if __name__ == "__main__":
    main()
