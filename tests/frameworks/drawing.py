"""A tiny detection dataset, drawn: coloured boxes on noise, as 64-pixel BMP files with labels."""

from __future__ import annotations

import random
import struct
from pathlib import Path

SIZE = 64
CLASSES = ("red", "green", "blue")


def draw_dataset(folder: Path, images: int = 8) -> Path:
    """Draw images and labels in the layout that all YOLOs read; gives the data file.

    The validation images are the training images: what is tested is that training runs.
    """
    chance = random.Random(0)  # noqa: S311
    for part in ("images", "labels"):
        (folder / part / "train").mkdir(parents=True)
    for number in range(images):
        boxes = [(chance.randrange(3), *_box(chance)) for _ in range(2)]
        (folder / f"images/train/{number}.bmp").write_bytes(_bmp(chance, boxes))
        (folder / f"labels/train/{number}.txt").write_text(
            "".join(
                f"{kind} {(left + right) / 2 / SIZE} {(top + bottom) / 2 / SIZE} "
                f"{(right - left) / SIZE} {(bottom - top) / SIZE}\n"
                for kind, left, top, right, bottom in boxes
            )
        )
    data = folder / "data.yaml"
    data.write_text(
        f"path: {folder}\ntrain: {folder / 'images/train'}\nval: {folder / 'images/train'}\n"
        f"nc: {len(CLASSES)}\nnames: [{', '.join(CLASSES)}]\n"
    )
    return data


def _box(chance: random.Random) -> tuple[int, int, int, int]:
    left, top = chance.randrange(SIZE // 2), chance.randrange(SIZE // 2)
    return left, top, left + chance.randrange(16, 32), top + chance.randrange(16, 32)


def _bmp(chance: random.Random, boxes: list[tuple[int, int, int, int, int]]) -> bytes:
    """24 bits a pixel, blue first, the lowest row first; 64 pixels need no padding of rows."""
    pixels = bytearray(chance.randbytes(SIZE * SIZE * 3))
    for kind, left, top, right, bottom in boxes:
        colour = bytes(255 if channel == 2 - kind else 0 for channel in range(3))
        for y in range(top, bottom):
            start = ((SIZE - 1 - y) * SIZE + left) * 3
            pixels[start : start + (right - left) * 3] = colour * (right - left)
    head = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    info = struct.pack("<IiiHHIIiiII", 40, SIZE, SIZE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return head + info + pixels
